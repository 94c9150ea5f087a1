"""The companion: one watcher a symbol, and the account's stream for all of them."""

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
from ratchet.ledger.spot_books import SpotBooks
from ratchet.rebound.watcher import SymbolWatcher, Terms

END_S = 5.0  # for the last look

log = structlog.get_logger(__name__)


class UserSide(Protocol):
    """Whoever tells of the account."""

    async def run(self) -> None:
        """Until cancelled."""


MakeUserSide: TypeAlias = Callable[[Callable[[OrderChanged | StreamRestarted], None]], UserSide]


class Companion:
    """`run` it until it is stopped. What it was doing then is in the books, and is taken up at the next start."""

    def __init__(
        self,
        symbols: Collection[Symbol],
        client: SpotClient,
        books: SpotBooks,
        clock: Clock,
        terms: Terms,
        make_user_side: MakeUserSide,
    ) -> None:
        self._clock = clock
        self._books = books
        self._user_side = make_user_side(self.on_event)
        self.watchers = {symbol: SymbolWatcher(symbol, client, books, clock, terms) for symbol in symbols}

    def on_event(self, event: OrderChanged | StreamRestarted) -> None:
        """The account's stream has told something."""
        if isinstance(event, StreamRestarted):
            for each in self.watchers.values():
                each.on_gap()
        elif (watcher := self.watchers.get(event.report.symbol)) is not None:
            watcher.on_changed(event)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`. What comes after an end in good order is left alone by the next start."""
        tasks = [asyncio.create_task(each.run(), name=f"rebound {symbol}") for symbol, each in self.watchers.items()]
        tasks.append(asyncio.create_task(self._user_side.run(), name="spot user stream"))
        stopped = asyncio.create_task(stop.wait(), name="rebound stop")
        try:
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopped}:
                task.result()  # they end by failing alone
        finally:
            for task in (*tasks, stopped):
                task.cancel()
            await asyncio.gather(*tasks, stopped, return_exceptions=True)
        await self._end()

    async def _end(self) -> None:
        """One look more: what was bought until now is known. Where that fails, the next start goes on from here."""
        for symbol, watcher in self.watchers.items():
            if watcher.watch is None:
                continue
            try:
                with suppress(TimeoutError):
                    async with asyncio.timeout(END_S):
                        await watcher.finish()
                        await self._books.end_watch([symbol], at_ms=self._clock.now_ms())
            except (ExchangeError, LedgerError) as error:
                log.warning("rebound_not_ended", symbol=symbol, error=str(error))
