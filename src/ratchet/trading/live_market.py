"""The live market: candles by stream and REST, the universe chosen from them, strategies asked at every close."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from ratchet.config.settings import Settings
from ratchet.domain.candle import TIMEFRAMES_MS, Timeframe
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.clock import Clock
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.outcome import Outcome
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.market_stream import MarketStream
from ratchet.ledger.ledger import Ledger
from ratchet.market.feed import CandleFeed, FetchCandles
from ratchet.market.universe import Universe, select_universe
from ratchet.strategy.indicators import atr
from ratchet.strategy.plugin import Strategy
from ratchet.trading.market_side import CannotTrade
from ratchet.trading.scanner import Scanner, ScannerParts
from ratchet.trading.symbol_terms import agree_on_terms

TIMEFRAME = Timeframe("5m")
ATR_PERIOD = 14

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMarketParts:
    """What it is handed."""

    settings: Settings
    client: BinanceClient
    ledger: Ledger
    clock: Clock
    rules: Mapping[Symbol, SymbolRules]
    strategies: Sequence[Strategy]
    on_scanned: Callable[[float], None] = lambda _: None  # seconds from a known candle to its decision; returns at once


class LiveMarket:
    """A market side. `prepare` chooses the universe."""

    def __init__(self, parts: LiveMarketParts, consider: Callable[[Signal], Outcome]) -> None:
        self._settings = parts.settings
        self._client = parts.client
        self._clock = parts.clock
        self._rules = parts.rules
        # All that trade are filled once: the candles that choose the universe are those it begins with.
        self._feed = CandleFeed(
            parts.rules,
            TIMEFRAME,
            fetch=_fetch(parts.client),
            clock=parts.clock,
            on_closed=lambda symbol: self._scanner.on_closed(symbol),
        )
        self._scanner = Scanner(
            ScannerParts(
                strategies=parts.strategies,
                candles_of=self._feed.candles,
                consider=consider,
                ledger=parts.ledger,
                clock=parts.clock,
                followed=lambda: self._feed.symbols,
                timeframe_ms=TIMEFRAMES_MS[TIMEFRAME],
                on_scanned=parts.on_scanned,
            )
        )
        self._stream: MarketStream | None = None
        self._connected = asyncio.Event()
        self.universe = Universe(symbols=(), rejected={}, shortfall=0)

    async def prepare(self) -> None:
        """Candles, universe, leverage. Raises: CannotTrade, ExchangeError."""
        await self._feed.backfill()
        self.universe = await self._set_up(await self._choose())
        self._feed.follow(self.universe.symbols)
        self._stream = MarketStream(
            self._settings.exchange, self._clock, self.universe.symbols, TIMEFRAME, on_candle=self._feed.on_candle
        )

    async def run(self) -> None:
        """Until cancelled."""
        if self._stream is None:
            raise RuntimeError("a market runs after it was prepared")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stream.run(), name="market stream")
            tasks.create_task(self._feed.run(), name="candle feed")
            tasks.create_task(self._scanner.run(), name="scanner")

    async def ready(self) -> None:
        """The stream delivers."""
        if self._stream is not None:
            await self._stream.connected.wait()

    def candles(self, symbol: Symbol) -> CandleArrays | None:
        """The closed 5-minute candles of a symbol in play; None while there are none or one of them is missing."""
        return self._feed.candles(symbol)

    async def _choose(self) -> Universe:
        tickers = await self._client.fetch_tickers()
        windows = {symbol: candles for symbol in self._rules if (candles := self._feed.candles(symbol)) is not None}
        atr_fractions = {symbol: _atr_fraction(candles) for symbol, candles in windows.items()}
        universe = select_universe(self._rules, tickers, atr_fractions, self._settings.universe)
        if not universe.symbols:
            reasons = "; ".join(f"{symbol}: {reason}" for symbol, reason in list(universe.rejected.items())[:3])
            raise CannotTrade(f"no symbol may be traded ({reasons}): widen the universe in the settings")
        if universe.shortfall:
            log.warning("universe_small", symbols=len(universe.symbols), short=universe.shortfall)
        for symbol, reason in universe.rejected.items():
            log.info("symbol_rejected", symbol=symbol, reason=reason)
        return universe

    async def _set_up(self, universe: Universe) -> Universe:
        """One-way mode, cross margin and the leverage. A symbol without them by the exchange's own word is left out."""
        await self._client.use_one_way_mode()
        refused = await agree_on_terms(self._client, universe.symbols, self._settings.risk.leverage)
        for symbol, reason in refused.items():
            log.warning("symbol_refused", symbol=symbol, reason=reason)
        symbols = tuple(symbol for symbol in universe.symbols if symbol not in refused)
        if not symbols:
            reason = next(iter(refused.values()))
            raise CannotTrade(f"no symbol can be traded at leverage {self._settings.risk.leverage}: {reason}")
        return replace(universe, symbols=symbols, rejected={**universe.rejected, **refused})


def _fetch(client: BinanceClient) -> FetchCandles:
    return lambda symbol, timeframe, limit: client.fetch_candles(symbol, timeframe, limit=limit)


def _atr_fraction(candles: CandleArrays) -> float:
    """ATR / close of the newest candle; NaN where there are too few."""
    return float((atr(candles.high, candles.low, candles.close, ATR_PERIOD) / candles.close)[-1])
