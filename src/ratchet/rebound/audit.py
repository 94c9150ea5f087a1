"""The audit of spot's books: every execution since watching began, as the exchange tells it, against the ledger's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.identity import FillId
from ratchet.domain.money import plain
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.notices import Kind, Weight
from ratchet.rebound.terms import Terms, say
from ratchet.rebound.watcher import SymbolWatcher

FIRST_MS = 300_000  # after the start
EVERY_MS = 3_600_000
AGAIN_MS = 300_000  # after one that failed, or found something: one of the exchange's books may be behind the others
SHOWN_MAX = 3  # differences in one line

log = structlog.get_logger(__name__)


def differences(symbol: Symbol, told: Sequence[Fill], booked: Sequence[Fill]) -> list[str]:
    """Where the exchange's executions and the ledger's are not the same, one line each. Pure."""
    theirs, ours = _by_id(told), _by_id(booked)
    found = [f"{symbol} execution {number} is not in the ledger" for number in theirs if number not in ours]
    found += [f"{symbol} execution {number} is not the exchange's" for number in ours if number not in theirs]
    for number in theirs.keys() & ours.keys():
        there, here = _amounts(theirs[number]), _amounts(ours[number])
        wrong = [f"{name} {here[name]}, the exchange has {there[name]}" for name in there if there[name] != here[name]]
        if wrong:
            found.append(f"{symbol} execution {number}: {', '.join(wrong)}")
    return sorted(found)


def _by_id(fills: Sequence[Fill]) -> dict[FillId, Fill]:
    return {fill.fill_id: fill for fill in fills}


def _amounts(fill: Fill) -> dict[str, str]:
    return {
        "order": str(fill.order_id),
        "side": fill.side.value,
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "fee": f"{plain(fill.fee)} {fill.fee_asset}",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """How the books stand."""

    at_ms: int | None  # exchange time up to which all of them agree; None: not audited yet
    doubts: str  # what does not agree, in one line; empty: nothing that is known


class SpotAudit:
    """One task. What it finds stops nothing; it is said, and stays in the status until it is mended."""

    def __init__(
        self,
        client: SpotClient,
        books: SpotBooks,
        clock: Clock,
        terms: Terms,
        watchers: Mapping[Symbol, SymbolWatcher],
    ) -> None:
        self._client = client
        self._books = books
        self._clock = clock
        self._terms = terms
        self._watchers = watchers
        self._agreed_id: dict[Symbol, int] = {}  # up to which executions agree
        self._found: list[str] = []
        self._said: list[str] = []
        self._at_ms: int | None = None

    @property
    def audited(self) -> Audited:
        """As of the last one."""
        more = f" and {len(self._said) - SHOWN_MAX} more" if len(self._said) > SHOWN_MAX else ""
        return Audited(at_ms=self._at_ms, doubts="; ".join(self._said[:SHOWN_MAX]) + more)

    async def run(self) -> None:
        """Audit until cancelled."""
        next_ms = self._clock.now_ms() + FIRST_MS
        while True:
            await self._clock.sleep_until(next_ms)
            with self._clock.working():
                next_ms = self._clock.now_ms() + await self._audit()

    async def _audit(self) -> int:
        """Once. Returns after how long the next is due."""
        before, at_ms = self._found, self._clock.now_ms()
        try:
            self._found = [line for symbol in self._watchers for line in await self._compare(symbol)]
        except (ExchangeError, LedgerError) as error:
            log.warning("audit_failed", error=str(error))
            return AGAIN_MS
        except Exception:  # books that cannot be compared do not end the tasks that sell
            log.exception("audit_broken")
            return AGAIN_MS
        if not self._found:
            self._at_ms, self._said = at_ms, []
            log.info("audited", until_ms=at_ms)
            return EVERY_MS
        lasting = [line for line in self._found if line in before]  # what one alone has found may be a book behind
        if lasting and lasting != self._said:
            self._said = lasting
            say(
                self._terms,
                self._clock,
                None,
                f"the books disagree: {self.audited.doubts}",
                kind=Kind.BOOKS,
                weight=Weight.WARNING,
            )
        return AGAIN_MS

    async def _compare(self, symbol: Symbol) -> list[str]:
        watch = self._watchers[symbol].watch
        if watch is None:
            return []
        from_id, to_id = self._agreed_id.get(symbol, watch.start_id) + 1, watch.seen_id
        if to_id < from_id:
            return []
        booked = await self._books.executions(symbol, from_id, to_id)
        told = [
            fill for fill in await self._client.fetch_fills(symbol, from_id=FillId(from_id)) if fill.fill_id <= to_id
        ]
        found = differences(symbol, told, booked)
        if not found:
            self._agreed_id[symbol] = to_id
        return found
