"""The live market: candles by stream and REST, the universe chosen from them, strategies asked at every close."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import structlog

from ratchet.config.sections import UniverseSettings
from ratchet.config.settings import Settings
from ratchet.domain.candle import TIMEFRAMES_MS, Timeframe
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.clock import Clock
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.market_stream import MarketStream
from ratchet.exchange.socket import Socket, StreamSocket
from ratchet.ledger.ledger import Ledger
from ratchet.market.feed import CandleFeed, FetchCandles
from ratchet.market.objections import leaving
from ratchet.market.survey import Surveyor
from ratchet.market.universe import Universe
from ratchet.market.verdict import Rule, Verdict
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.strategy.indicators import atr
from ratchet.strategy.plugin import Strategy
from ratchet.trading.entries.market_side import CannotTrade
from ratchet.trading.entries.scanner import Scanner, ScannerParts, strategy_thread
from ratchet.trading.entries.symbol_terms import agree_on_terms
from ratchet.trading.entries.universe_choice import ChoiceParts, UniverseChoice

TIMEFRAME = Timeframe("5m")
ATR_PERIOD = 14
MINUTE_MS = 60_000
LISTINGS_INTERVAL_MS = 5 * MINUTE_MS  # within which an announced delisting is known
RETRY_MS = MINUTE_MS  # after a rotation that failed
ROTATION_TIMEOUT_S = 25.0  # of real time: an accelerated exchange waits, and drops who is silent for 30 s
DELISTING = "delisting"  # why a trade is closed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMarketParts:
    """What it is handed."""

    settings: Settings
    client: BinanceClient
    ledger: Ledger
    clock: Clock
    rules: dict[Symbol, SymbolRules]  # brought up to date at each rotation, for all who share it
    strategies: Sequence[Strategy]
    noticeboard: Noticeboard = field(default_factory=Noticeboard)
    held: Callable[[], Collection[Symbol]] = tuple  # symbols with an open position
    close: Callable[[Symbol, str], object] = lambda _symbol, _reason: None  # has a position closed, for a reason
    universe_settings: Callable[[], UniverseSettings] | None = None  # those in force now; None: as in `settings`
    make_socket: Callable[..., Socket] = StreamSocket  # of the market stream
    make_executor: Callable[[], Executor] = strategy_thread  # in which strategies are asked
    on_scanned: Callable[[float], None] = lambda _: None  # seconds from a known candle to its decision; returns at once


class LiveMarket:
    """A market side. `prepare` chooses the universe, `run` rotates it."""

    def __init__(self, parts: LiveMarketParts, consider: Callable[[Signal], Outcome]) -> None:
        self._parts = parts
        self._client = parts.client
        self._clock = parts.clock
        self._consider = consider
        self._universe_settings = parts.universe_settings or (lambda: parts.settings.universe)
        self._feed = CandleFeed((), TIMEFRAME, fetch=_fetch(parts.client), clock=parts.clock, on_closed=self._on_closed)
        self._scanner = Scanner(
            ScannerParts(
                strategies=parts.strategies,
                candles_of=self._feed.candles,
                consider=self._considered,
                ledger=parts.ledger,
                clock=parts.clock,
                followed=self._scanned,
                timeframe_ms=TIMEFRAMES_MS[TIMEFRAME],
                on_scanned=parts.on_scanned,
                make_executor=parts.make_executor,
            )
        )
        self._choice = UniverseChoice(
            ChoiceParts(
                surveyor=Surveyor(parts.client, self._feed, parts.clock, self._atr_fraction),
                ledger=parts.ledger,
                clock=parts.clock,
                noticeboard=parts.noticeboard,
                settings=self._universe_settings,
                held=parts.held,
                agree_on_terms=self._agree_on_terms,
            )
        )
        self._stream: MarketStream | None = None
        self._rotating = asyncio.Lock()
        self._rotation_wanted = asyncio.Event()

    # What others ask ----------------------------------------------------------------------------------------------

    @property
    def universe(self) -> Universe:
        """The one in force."""
        return self._choice.universe

    def verdicts(self) -> Mapping[Symbol, Verdict]:
        """The place of every symbol of the exchange, or the first reason why it has none."""
        return self.universe.verdicts

    def candles(self, symbol: Symbol) -> CandleArrays | None:
        """The closed 5-minute candles of a symbol in play; None while there are none or one of them is missing."""
        return self._feed.candles(symbol)

    @property
    def stream_age_ms(self) -> float | None:
        """Real time since the last word of the market stream; none before the first."""
        return None if self._stream is None else self._stream.age_ms

    def rotate(self) -> None:
        """Have the universe chosen anew soon: its settings have changed."""
        self._rotation_wanted.set()

    # Running ------------------------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Candles, universe, terms. Raises: CannotTrade, ExchangeError."""
        await self._client.use_one_way_mode()
        await self._renew()
        await self._follow()
        for symbol, reason in self.universe.rejected.items():
            log.info("symbol_rejected", symbol=symbol, reason=reason)
        if not self.universe.symbols:
            raise CannotTrade(self._why_nothing())
        self._stream = MarketStream(
            self._parts.settings.exchange,
            self._clock,
            self.universe.symbols,
            TIMEFRAME,
            on_candle=self._feed.on_candle,
            make_socket=self._parts.make_socket,
        )

    async def run(self) -> None:
        """Until cancelled."""
        if self._stream is None:
            raise RuntimeError("a market runs after it was prepared")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stream.run(), name="market stream")
            tasks.create_task(self._feed.run(), name="candle feed")
            tasks.create_task(self._scanner.run(), name="scanner")
            tasks.create_task(self._rotate_at_intervals(), name="rotation")
            tasks.create_task(self._rotate_when_wanted(), name="rotation for new settings")
            tasks.create_task(self._watch_listings(), name="delistings")

    async def ready(self) -> None:
        """The stream delivers."""
        if self._stream is not None:
            await self._stream.connected.wait()

    # Rotation -----------------------------------------------------------------------------------------------------

    async def _rotate_at_intervals(self) -> None:
        rotated = True
        while True:
            pause_ms = self._universe_settings().rotation_minutes * MINUTE_MS if rotated else RETRY_MS
            await self._clock.sleep_until(self._clock.now_ms() + pause_ms)
            rotated = await self._rotate()

    async def _rotate_when_wanted(self) -> None:
        while True:
            await self._rotation_wanted.wait()
            self._rotation_wanted.clear()
            await self._rotate()

    async def _watch_listings(self) -> None:
        while True:
            with self._clock.working():
                await self._look_for_delistings()
            await self._clock.sleep_until(self._clock.now_ms() + LISTINGS_INTERVAL_MS)

    async def _rotate(self) -> bool:
        """Choose anew, and follow that. Whether it worked: if not, the old choice stands."""
        with self._clock.working():
            async with self._rotating:
                try:
                    async with asyncio.timeout(ROTATION_TIMEOUT_S):
                        await self._renew()
                except (ExchangeError, TimeoutError) as error:
                    log.warning("rotation_failed", error=f"{type(error).__name__}: {error}")
                    return False
                finally:
                    await self._follow()
            return True

    async def _renew(self) -> None:
        await self._choice.renew()
        self._parts.rules.update(await self._client.load_rules())

    async def _follow(self) -> None:
        """Have candles of what is in play, and not of what was only looked at."""
        if self._stream is not None:
            await self._stream.follow(self.universe.symbols)
        self._feed.follow(self.universe.symbols)

    async def _look_for_delistings(self) -> None:
        """What the exchange is about to take off is not entered any more, and left."""
        try:
            async with self._rotating, asyncio.timeout(ROTATION_TIMEOUT_S):
                listings = await self._client.fetch_listings()
                settings, now_ms = self._universe_settings(), self._clock.now_ms()
                doomed = {
                    symbol: notice.reason
                    for symbol, listing in listings.items()
                    if (notice := leaving(listing, settings, now_ms)) is not None
                }
                if self._is_outdated(doomed):
                    await self._choice.reconsider(listings)
                    await self._follow()
        except (ExchangeError, TimeoutError) as error:
            log.warning("listings_not_fetched", error=f"{type(error).__name__}: {error}")
            return
        for symbol in doomed.keys() & set(self._parts.held()):
            self._leave(symbol, doomed[symbol])

    def _is_outdated(self, doomed: Collection[Symbol]) -> bool:
        """Whether something is entered that should not be, or is still in for a position that is closed by now."""
        held = self._parts.held()
        return any(
            symbol in doomed if self.universe.takes(symbol) else symbol not in held for symbol in self.universe.symbols
        )

    def _leave(self, symbol: Symbol, reason: str) -> None:
        text = f"{symbol} is left: {reason}"
        notice = Notice(kind=Kind.UNIVERSE, at_ms=self._clock.now_ms(), text=text, weight=Weight.WARNING, symbol=symbol)
        self._parts.noticeboard.post(notice)
        self._parts.close(symbol, DELISTING)

    async def _agree_on_terms(self, symbols: Collection[Symbol]) -> Mapping[Symbol, str]:
        leverage = self._parts.settings.risk.leverage
        refused = await agree_on_terms(self._client, symbols, leverage)
        for symbol, reason in refused.items():
            log.warning("symbol_refused", symbol=symbol, reason=reason)
        return refused

    def _why_nothing(self) -> str:
        refused = next((each.reason for each in self.verdicts().values() if each.rule is Rule.TERMS), None)
        if refused is not None:
            return f"no symbol can be traded at leverage {self._parts.settings.risk.leverage}: {refused}"
        reasons = "; ".join(f"{symbol}: {reason}" for symbol, reason in list(self.universe.rejected.items())[:3])
        return f"no symbol may be traded ({reasons}): widen the universe in the settings"

    # Candles ------------------------------------------------------------------------------------------------------

    def _on_closed(self, symbol: Symbol) -> None:
        if self.universe.takes(symbol):
            self._scanner.on_closed(symbol)

    def _scanned(self) -> Collection[Symbol]:
        return [symbol for symbol in self.universe.symbols if self.universe.takes(symbol)]

    def _considered(self, signal: Signal) -> Outcome:
        """A symbol may have left while a strategy was asked about it."""
        if not self.universe.takes(signal.symbol):
            verdict = self.universe.verdicts.get(signal.symbol)
            return Outcome(Stage.UNIVERSE, verdict.reason if verdict is not None else "not listed any more")
        return self._consider(signal)

    def _atr_fraction(self, symbol: Symbol) -> float | None:
        candles = self._feed.candles(symbol)
        return None if candles is None else _atr_fraction(candles)


def _fetch(client: BinanceClient) -> FetchCandles:
    return lambda symbol, timeframe, limit: client.fetch_candles(symbol, timeframe, limit=limit)


def _atr_fraction(candles: CandleArrays) -> float:
    """ATR / close of the newest candle; NaN where there are too few."""
    return float((atr(candles.high, candles.low, candles.close, ATR_PERIOD) / candles.close)[-1])
