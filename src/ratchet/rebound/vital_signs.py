"""Vital signs: a companion's state put together for those who watch it from outside."""

from collections.abc import Callable

from ratchet.exchange.spot_client import SpotClient
from ratchet.observe.companion_vitals import CompanionVitals, SymbolVitals
from ratchet.rebound.companion import Companion
from ratchet.rebound.decide import Stage, stage_of
from ratchet.rebound.status import CompanionStatus, SymbolStatus


class CompanionVitalSigns:
    """Of one companion. Asks nobody, and may be looked at as often as one likes."""

    def __init__(self, companion: Companion, client: SpotClient, notices_waiting: Callable[[], int]) -> None:
        """Args: client, whose share of the limits is told; notices_waiting, how many are not in the ledger yet."""
        self._companion = companion
        self._client = client
        self._notices_waiting = notices_waiting

    def look(self) -> CompanionVitals:
        """How it is now."""
        status, user, tally = self._companion.status(), self._companion.user_side, self._companion.tally
        budget = self._client.budget_state()
        stages = [stage_of(opened.case) for line in status.symbols for opened in line.cases]
        return CompanionVitals(
            now_ms=status.now_ms,
            uptime_s=status.uptime_ms / 1_000,
            account_age_s=_account_age_s(status),
            is_user_stream_open=user.is_open,
            user_stream_age_s=None if user.age_ms is None else user.age_ms / 1_000,
            weight_used=budget.weight_used,
            weight_max=budget.weight_max,
            notes_waiting=self._notices_waiting(),
            ledger_trouble=next((line.trouble for line in status.symbols if line.is_ledger_in_trouble), ""),
            placing_halted=status.held_back,
            symbols=tuple(_symbol(line, status.now_ms) for line in status.symbols),
            cases={stage.value: stages.count(stage) for stage in Stage},
            cases_closed=tally.cases_closed,
            orders={(role.value, outcome.value): count for (role, outcome), count in tally.orders.items()},
            stream_reconnects=max(user.connections - 1, 0),
            books_disagree=status.books_disagree,
        )


def _account_age_s(status: CompanionStatus) -> float | None:
    """Of the oldest look; none while a symbol has not been looked at."""
    looks = [line.looked_ms for line in status.symbols if line.looked_ms is not None]
    return _age_s(min(looks), status.now_ms) if looks and len(looks) == len(status.symbols) else None


def _symbol(line: SymbolStatus, now_ms: int) -> SymbolVitals:
    unsold_ms = [opened.case.opened_ms for opened in line.cases if stage_of(opened.case) is Stage.TO_SELL]
    waiting_ms = [*line.gathered_ms, *unsold_ms]
    return SymbolVitals(
        symbol=line.symbol,
        is_watched=line.watched_from is not None,
        trouble=line.trouble,
        trouble_s=0.0 if line.trouble_since_ms is None else _age_s(line.trouble_since_ms, now_ms),
        buys_waiting=len(waiting_ms),
        wait_s=_age_s(min(waiting_ms, default=now_ms), now_ms),
        profit=line.profit,
    )


def _age_s(since_ms: int, now_ms: int) -> float:
    """The exchange's clock may be set back by a little."""
    return max(now_ms - since_ms, 0) / 1_000
