"""The sweep: what is believed held against what the exchange says, by REST. Streams may lie by silence."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Sequence

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.identity import IDLE_STOPS, OURS
from ratchet.domain.order import StopReport
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.budget import Lane
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError
from ratchet.trading.protection.halts import Halts
from ratchet.trading.protection.protector import Protector
from ratchet.trading.start.reconciler import Reconciler
from ratchet.trading.trades.keeper import LookAgain
from ratchet.trading.trades.open_trades import OpenTrades

LEFT_OVER_EVERY_MS = 60_000.0
SILENT_MS = 1_000  # by so much the account's own word may run ahead of the stream that should have told it

log = structlog.get_logger(__name__)


class Sweep:
    """`on_silent` is called with the symbols about which the stream should have told and did not; `on_positions`, at
    the end of every look, with what is held."""

    def __init__(
        self,
        client: BinanceClient,
        clock: Clock,
        protector: Protector,
        reconciler: Reconciler,
        trades: OpenTrades,
        halts: Halts,
        symbols: Collection[Symbol],
        *,
        interval_ms: int,
        on_silent: Callable[[list[Symbol]], Awaitable[None]],
        on_positions: Callable[[Sequence[Position]], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._protector = protector
        self._reconciler = reconciler
        self._trades = trades
        self._halts = halts
        self._symbols = symbols
        self._interval_ms = interval_ms
        self._on_silent = on_silent
        self._on_positions = on_positions
        self._adopting = asyncio.Lock()
        self._all_stops_at = clock.elapsed_ms()  # the start asks for all of them
        self.looked_ms: float | None = None  # real time at which a look last ended, answered or not
        self.answered_ms: float | None = None  # and at which the exchange last told what is held
        self.is_recalled = False  # before, nobody knows which positions are of trades

    async def run(self) -> None:
        """Look at every interval until cancelled."""
        while True:
            await self._clock.sleep_until((self._clock.now_ms() // self._interval_ms + 1) * self._interval_ms)
            with self._clock.working():
                try:
                    await self.look()
                except (ExchangeError, LedgerError) as error:
                    log.warning("sweep_failed", error=str(error))

    async def look(self) -> None:
        """Look now. Raises: ExchangeError, LedgerError."""
        asked, asked_ms = self._clock.elapsed_ms(), self._clock.now_ms()
        try:
            positions = await self._client.fetch_positions()
        finally:
            self.looked_ms = self._clock.elapsed_ms()
        self.answered_ms = self.looked_ms
        news = self._protector.on_positions(positions, asked)
        untold = [each.symbol for each in positions if each.symbol in news and each.updated_ms < asked_ms - SILENT_MS]
        if untold:
            await self._on_silent(untold)
        for symbol in sorted({*self._protector.held(), *self._trades.symbols()}):
            asked = self._clock.elapsed_ms()
            await self._protector.on_stops(symbol, await self._client.fetch_open_stops(symbol), asked)
        for keeper in self._trades.keepers():
            state = keeper.state
            held = state.bracket.side.sign * state.quantity_held
            # Entered and closed before a fill was told, both say that nothing is held, and it is not over.
            if self._protector.ward(state.symbol).held != held or state.lacks_fills:
                keeper.on_event(LookAgain())
        if self.is_recalled:
            for symbol in self._protector.held():
                if symbol not in self._trades:
                    await self.adopt(symbol)
        self._clear_troubles()
        self._on_positions(positions)
        await self._look_for_left_over()

    async def adopt(self, symbol: Symbol) -> None:
        """A trade for a position that nobody keeps. Raises: ExchangeError, LedgerError."""
        async with self._adopting:  # one look and one event may both come upon it
            if symbol not in self._trades and (found := await self._reconciler.adopt(symbol)) is not None:
                self._trades.take_up(found)

    async def _look_for_left_over(self) -> None:
        """Once a minute: stops of ours over what nobody looks at. A guardian's may have outlived its position while no
        trader was there to hear of it, and may not have been shown to the start yet."""
        asked = self._clock.elapsed_ms()
        if asked - self._all_stops_at < LEFT_OVER_EVERY_MS:
            return
        self._all_stops_at = asked
        found: defaultdict[Symbol, list[StopReport]] = defaultdict(list)
        for stop in await self._client.fetch_open_stops(lane=Lane.PROTECTIVE):
            if stop.client_order_id.startswith(OURS) and not stop.client_order_id.startswith(IDLE_STOPS):
                found[stop.symbol].append(stop)
        for symbol in sorted(found.keys() - self._protector.held().keys() - set(self._trades.symbols())):
            await self._protector.on_stops(symbol, found[symbol], asked)

    def _clear_troubles(self) -> None:
        """What was in trouble is flat, or covered by a stop that stands."""
        if not self._halts:
            return
        for symbol in self._symbols:
            if f"protection of {symbol}" in self._halts and self._protector.is_at_rest(symbol):
                self._halts.lift(f"protection of {symbol}")
