"""Vital signs: a trader's state put together for those who watch it from outside."""

from collections.abc import Callable

from ratchet.domain.clock import Clock
from ratchet.observe.vitals import Vitals
from ratchet.trading.wiring import Trader


class VitalSigns:
    """Of one trader. Asks nobody, and may be looked at as often as one likes."""

    def __init__(self, trader: Trader, clock: Clock, notices_waiting: Callable[[], int]) -> None:
        """Args: notices_waiting, how many are not in the ledger yet."""
        self._trader = trader
        self._clock = clock
        self._notices_waiting = notices_waiting
        self._unrest_since_ms: float | None = None

    def look(self) -> Vitals:
        """How it is now. For how long it has not been at rest is known as exactly as one looks often."""
        engine, market, user = self._trader.engine, self._trader.market, self._trader.user_stream
        status, budget = engine.status(), self._trader.client.budget_state()
        return Vitals(
            now_ms=status.now_ms,
            uptime_s=status.uptime_ms / 1_000,
            equity=status.balance.equity,
            available=status.balance.available,
            pnl_open=status.balance.unrealized_pnl,
            pnl_day=status.pnl_day,
            positions=len(status.positions),
            trades_closed=status.trades_closed,
            naked_ms_max=status.naked_ms_max,
            entries_halted=status.entries_halted,
            account_age_s=_seconds(status.account_age_ms),
            look_age_s=_seconds(status.look_age_ms),
            is_user_stream_open=user.is_open,
            user_stream_age_s=_seconds(user.age_ms),
            market_stream_age_s=_seconds(market.stream_age_ms),
            weight_used=budget.weight_used,
            weight_max=budget.weight_max,
            notes_waiting=status.notes_waiting + self._notices_waiting(),
            ledger_trouble=engine.halts.reason_of("ledger"),
            unrest_s=self._unrest_s(is_at_rest=engine.is_at_rest()),
        )

    def _unrest_s(self, *, is_at_rest: bool) -> float:
        if is_at_rest:
            self._unrest_since_ms = None
            return 0.0
        now_ms = self._clock.elapsed_ms()
        if self._unrest_since_ms is None:
            self._unrest_since_ms = now_ms
        return (now_ms - self._unrest_since_ms) / 1_000


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1_000
