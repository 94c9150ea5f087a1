"""The companion: one watcher a symbol, the account's stream for all of them, and what operators do to it."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Protocol, TypeAlias

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import OrderChanged, StreamRestarted
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.notices import Noticeboard
from ratchet.rebound.audit import SpotAudit
from ratchet.rebound.minutes import Minutes
from ratchet.rebound.operations import CompanionOperations
from ratchet.rebound.status import CompanionStatus
from ratchet.rebound.tally import Tally
from ratchet.rebound.terms import Terms
from ratchet.rebound.watcher import SymbolWatcher
from ratchet.strategy.minute_readings import MinuteReading

END_S = 5.0  # for the last look

log = structlog.get_logger(__name__)


class UserSide(Protocol):
    """Whoever tells of the account."""

    is_open: bool  # a connection stands
    connections: int  # that stood, this one among them

    @property
    def age_ms(self) -> float | None:
        """Real time since its last word; none before the first."""

    async def run(self) -> None:
        """Until cancelled."""


MakeUserSide: TypeAlias = Callable[[Callable[[OrderChanged | StreamRestarted], None]], UserSide]


class Companion:
    """`run` it until it is stopped. What it was doing then is in the books, and is taken up at the next start."""

    def __init__(
        self,
        symbols: Collection[Symbol],
        client: SpotClient,
        ledger: Ledger,
        books: SpotBooks,
        clock: Clock,
        terms: Terms,
        make_user_side: MakeUserSide,
    ) -> None:
        """Args: books, in that ledger."""
        self._clock = clock
        self._books = books
        self._terms = terms
        self._began = clock.elapsed_ms()
        self.user_side = make_user_side(self.on_event)
        self._minutes = Minutes(symbols, client, clock)
        self._watchers = {symbol: SymbolWatcher(symbol, client, books, clock, terms) for symbol in symbols}
        self._audit = SpotAudit(client, books, clock, terms, self._watchers)
        self.operations = CompanionOperations(client, ledger, clock, terms, self._watchers)

    @property
    def noticeboard(self) -> Noticeboard:
        """Where it posts what people should hear of."""
        return self._terms.noticeboard

    @property
    def tally(self) -> Tally:
        """What has happened since it began."""
        return self._terms.tally

    def status(self) -> CompanionStatus:
        """How it stands."""
        return CompanionStatus(
            now_ms=self._clock.now_ms(),
            uptime_ms=self._clock.elapsed_ms() - self._began,
            sends=self._terms.sends,
            held_back=self._terms.gate.held_back,
            audited_ms=self._audit.audited.at_ms,
            books_disagree=self._audit.audited.doubts,
            symbols=tuple(each.status(self._minutes.newest(symbol)) for symbol, each in self._watchers.items()),
        )

    def readings(self, symbol: Symbol) -> tuple[MinuteReading, ...]:
        """The last minutes of a symbol that is watched, oldest first."""
        return self._minutes.readings(symbol)

    def on_event(self, event: OrderChanged | StreamRestarted) -> None:
        """The account's stream has told something."""
        if isinstance(event, StreamRestarted):
            for each in self._watchers.values():
                each.on_gap()
        elif (watcher := self._watchers.get(event.report.symbol)) is not None:
            watcher.on_changed(event)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`. What comes after an end in good order is left alone by the next start.

        Raises: CannotWatch.
        """
        tasks = [asyncio.create_task(each.run(), name=f"rebound {symbol}") for symbol, each in self._watchers.items()]
        tasks.append(asyncio.create_task(self.operations.run(), name="rebound operations"))
        tasks.append(asyncio.create_task(self.user_side.run(), name="spot user stream"))
        lookers_on = [  # selling does not end with them
            asyncio.create_task(self._minutes.run(), name="minutes"),
            asyncio.create_task(self._audit.run(), name="spot audit"),
        ]
        stopped = asyncio.create_task(stop.wait(), name="rebound stop")
        try:
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # they end by failing alone
        finally:
            for task in (*tasks, *lookers_on, stopped):
                task.cancel()
            await asyncio.gather(*tasks, *lookers_on, stopped, return_exceptions=True)
        await self._end()

    async def _end(self) -> None:
        """One look more: what was bought until now is known. Where that fails, the next start goes on from here."""
        for symbol, watcher in self._watchers.items():
            if watcher.watch is None:
                continue
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(END_S):
                        await watcher.finish()
                        await self._books.end_watch([symbol], at_ms=self._clock.now_ms())
            except (ExchangeError, LedgerError) as error:
                log.warning("rebound_not_ended", symbol=symbol, error=str(error))
