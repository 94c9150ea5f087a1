"""The candle feed: closed candles from the stream, from REST where the stream has none, each announced at most once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from typing import TypeAlias

import structlog

from ratchet.domain.candle import TIMEFRAMES_MS, Candle, Timeframe
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.clock import Clock
from ratchet.domain.symbol import Symbol
from ratchet.market.candle_store import CandleStore

FetchCandles: TypeAlias = Callable[[Symbol, Timeframe, int], Awaitable[list[Candle]]]  # the last n closed, oldest first

DEPTH = 150
FETCHES_AT_ONCE_MAX = 8
FETCH_TIMEOUT_S = 60.0  # of all attempts that the client makes for one request
GRACE_MS = 20_000  # the stream may be this late before REST is asked

_logger = structlog.get_logger(__name__)


class CandleFeed:
    """Keeps the last closed candles of each symbol without a hole.

    `on_closed(symbol)` is called when a symbol's newest candle has closed and its window is whole: once per candle at
    most, and never for what had closed before the symbol's first fill. After an outage only the newest is announced.
    """

    def __init__(
        self,
        symbols: Iterable[Symbol],
        timeframe: Timeframe,
        *,
        fetch: FetchCandles,
        clock: Clock,
        on_closed: Callable[[Symbol], None],
        depth: int = DEPTH,
        grace_ms: int = GRACE_MS,
    ) -> None:
        self._symbols = tuple(dict.fromkeys(symbols))
        self._timeframe = timeframe
        self._timeframe_ms = TIMEFRAMES_MS[timeframe]
        self._depth = depth
        self._grace_ms = grace_ms
        self._fetch = fetch
        self._clock = clock
        self._on_closed = on_closed
        self._store = CandleStore(self._timeframe_ms, depth)
        self._announced_ms: dict[Symbol, int] = {}
        self._fetching: set[Symbol] = set()
        self._slots = asyncio.Semaphore(FETCHES_AT_ONCE_MAX)
        self._running = False
        self._gaps: set[Symbol] = set()  # to be filled at once
        self._holds = ExitStack()  # on the clock, until the gaps are filled
        self._gap_seen = asyncio.Event()

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The symbols that are fed."""
        return self._symbols

    def candles(self, symbol: Symbol) -> CandleArrays | None:
        """The closed candles of a symbol; None while there are none or one of them is missing."""
        return self._store.window(symbol)

    def age_ms(self, symbol: Symbol) -> int | None:
        """How long ago the newest closed candle closed, on the exchange's clock; None if there is none."""
        newest_ms = self._store.newest_ms(symbol)
        return None if newest_ms is None else self._clock.now_ms() - newest_ms - self._timeframe_ms

    def follow(self, symbols: Iterable[Symbol]) -> None:
        """Change the symbols. New ones are filled by `run`, those that are gone are forgotten."""
        wanted = tuple(dict.fromkeys(symbols))
        for symbol in set(self._symbols) - set(wanted):
            self._store.drop(symbol)
            self._announced_ms.pop(symbol, None)
        self._symbols = wanted
        for symbol in wanted:
            if self._store.newest_ms(symbol) is None:
                self._want_fill(symbol)

    async def take_on(self, symbols: Iterable[Symbol]) -> None:
        """Follow these too, and fill those that have no candles by REST. Announces nothing.

        One that cannot be filled has none afterwards either; `run` goes on trying.
        """
        wanted = tuple(dict.fromkeys(symbols))
        self._symbols = tuple(dict.fromkeys([*self._symbols, *wanted]))
        await self._fill([symbol for symbol in wanted if self._store.newest_ms(symbol) is None])

    def on_candle(self, symbol: Symbol, candle: Candle) -> None:
        """Take a closed candle from the stream. One known or not wanted is ignored; `run` fills a gap before it."""
        if symbol not in self._symbols:
            return
        is_first = self._store.newest_ms(symbol) is None
        if not self._store.append(symbol, candle):
            return
        if is_first or self._store.has_gap(symbol):
            self._want_fill(symbol)
        else:
            self._announce(symbol)

    async def run(self) -> None:
        """Fill gaps as they are seen, and ask REST for symbols whose candles stay away. Runs until cancelled."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._fill_gaps(), name="candle gaps")
                tasks.create_task(self._replace_stream(), name="candles by REST")
        finally:
            self._running = False
            self._gaps.clear()
            self._holds.close()

    async def _fill_gaps(self) -> None:
        while True:
            await self._gap_seen.wait()
            self._gap_seen.clear()
            gaps, self._gaps = self._gaps, set()
            holds, self._holds = self._holds, ExitStack()
            with holds:
                await self._fill(gaps)

    async def _replace_stream(self) -> None:
        while True:
            late = [symbol for symbol in self._symbols if self._is_late(symbol)]
            if late:
                with self._clock.working():
                    _logger.warning("candles_by_rest", symbols=late)
                    await self._fill(late)
            now_ms = self._clock.now_ms()
            await self._clock.sleep_until(now_ms - now_ms % self._grace_ms + self._grace_ms)

    def _is_late(self, symbol: Symbol) -> bool:
        age_ms = self.age_ms(symbol)
        return age_ms is None or age_ms >= self._timeframe_ms + self._grace_ms or self._store.has_gap(symbol)

    def _want_fill(self, symbol: Symbol) -> None:
        """Have `run` fill a symbol. The clock is held from now on, so that no accelerated time passes meanwhile."""
        if not self._running or symbol in self._gaps:
            return
        self._gaps.add(symbol)
        self._holds.enter_context(self._clock.working())
        self._gap_seen.set()

    async def _fill(self, symbols: Iterable[Symbol]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for symbol in symbols:
                if symbol not in self._fetching:
                    tasks.create_task(self._fill_one(symbol), name=f"candles of {symbol}")

    async def _fill_one(self, symbol: Symbol) -> None:
        """Ask REST for a symbol's window. A failure is logged, and tried again by `run` later on."""
        self._fetching.add(symbol)
        is_first = symbol not in self._announced_ms
        try:
            async with self._slots, asyncio.timeout(FETCH_TIMEOUT_S):
                # One more, for the last may be one that has not closed.
                candles = await self._fetch(symbol, self._timeframe, self._depth + 1)
            now_ms = self._clock.now_ms()
            closed = [candle for candle in candles if candle.open_ms + self._timeframe_ms <= now_ms]
            if symbol in self._symbols:
                self._store.merge(symbol, closed)
        except Exception as error:  # the task's outer edge: what the exchange's client raises is not known here
            _logger.warning("candles_not_fetched", symbol=symbol, error=f"{type(error).__name__}: {error}")
            _logger.debug("candles_not_fetched", symbol=symbol, exc_info=True)
        finally:
            self._fetching.discard(symbol)
        if is_first:
            self._begin(symbol)
        else:
            self._announce(symbol)

    def _begin(self, symbol: Symbol) -> None:
        """What had closed before the first fill is history."""
        newest_ms = self._store.newest_ms(symbol)
        if newest_ms is not None and not self._store.has_gap(symbol):
            self._announced_ms[symbol] = newest_ms

    def _announce(self, symbol: Symbol) -> None:
        newest_ms = self._store.newest_ms(symbol)
        if newest_ms is None or newest_ms <= self._announced_ms.get(symbol, 0) or self._store.has_gap(symbol):
            return
        self._announced_ms[symbol] = newest_ms
        self._on_closed(symbol)
