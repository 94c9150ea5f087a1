"""The wiring: every part of a trader built and handed to the others, in one place."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import structlog

from ratchet.config.settings import Settings
from ratchet.domain.candle import Candle, Timeframe
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.clock import Clock
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.market_stream import MarketStream
from ratchet.exchange.user_stream import UserStream
from ratchet.ledger.ledger import Ledger
from ratchet.market.feed import CandleFeed, FetchCandles
from ratchet.market.universe import Universe, select_universe
from ratchet.strategy.indicators import atr
from ratchet.strategy.plugin import Strategy, load_strategy
from ratchet.trading.engine import Engine, EngineParts
from ratchet.trading.executor import Executor
from ratchet.trading.keeper import KeeperParts
from ratchet.trading.planner import Planner
from ratchet.trading.scanner import Scanner

TIMEFRAME = Timeframe("5m")
ATR_PERIOD = 14
REQUESTS_AT_ONCE_MAX = 8

log = structlog.get_logger(__name__)


class CannotTrade(Exception):
    """The account or the market is not in a state to begin with. One line: what, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Trader:
    """A trader ready to run."""

    engine: Engine
    client: BinanceClient
    ledger: Ledger
    universe: Universe
    start_balance: Decimal  # wallet, USDC


@asynccontextmanager
async def open_trader(settings: Settings, clock: Clock, ledger_url: str) -> AsyncIterator[Trader]:
    """Connect, look at the account and the market, choose the universe, set it up, and build the engine.

    Raises: BadStrategy, LedgerError, ExchangeError, CannotTrade.
    """
    strategies = [load_strategy(choice) for choice in settings.strategies]
    ledger = await Ledger.open(ledger_url)
    try:
        async with BinanceClient(settings.exchange, clock) as client:
            trader = await _trader(settings, clock, client, ledger, strategies)
            # What stands now stays: left in, every full collection would look through it all, 100 ms at a time.
            gc.collect()
            gc.freeze()
            yield trader
    finally:
        await ledger.close()


async def _trader(
    settings: Settings, clock: Clock, client: BinanceClient, ledger: Ledger, strategies: Sequence[Strategy]
) -> Trader:
    rules = await client.load_rules()
    await _refuse_if_held(client)
    engine: Engine

    def on_closed(symbol: Symbol) -> None:
        engine.on_candle_closed(symbol)

    def on_candle(symbol: Symbol, candle: Candle) -> None:
        engine.on_candle(symbol, candle)

    # All that trade are filled once: the candles that choose the universe are those it begins with.
    feed = CandleFeed(rules, TIMEFRAME, fetch=_fetch(client), clock=clock, on_closed=on_closed)
    await feed.backfill()
    universe = await _choose(settings, client, rules, feed)
    feed.follow(universe.symbols)
    await _set_up(client, universe.symbols, settings.risk.leverage)
    balance = await client.fetch_balance()
    traded = {symbol: rules[symbol] for symbol in universe.symbols}
    parts = EngineParts(
        clock=clock,
        client=client,
        ledger=ledger,
        feed=feed,
        market_stream=MarketStream(settings.exchange, clock, universe.symbols, TIMEFRAME, on_candle=on_candle),
        keeper_parts=KeeperParts(
            client=client,
            executor=Executor(client, ledger, clock),
            ledger=ledger,
            clock=clock,
            break_even_extra_fraction=settings.bracket.break_even_extra_fraction,
        ),
        planner=Planner(traded, settings.risk, settings.bracket),
        rules=traded,
        balance=balance,
        profile=settings.profile,
    )
    engine = Engine(
        parts,
        lambda engine: Scanner(strategies, feed.candles, engine.consider, ledger, clock),
        lambda engine: UserStream(client, settings.exchange, clock, on_event=engine.on_user_event),
    )
    return Trader(engine, client, ledger, universe, balance.wallet)


def _fetch(client: BinanceClient) -> FetchCandles:
    return lambda symbol, timeframe, limit: client.fetch_candles(symbol, timeframe, limit=limit)


async def _refuse_if_held(client: BinanceClient) -> None:
    """Positions of an earlier run or another hand are not this engine's to keep: it must not begin beside them."""
    held = sorted(position.symbol for position in await client.fetch_positions())
    if held:
        raise CannotTrade(f"the account already holds {', '.join(held)}: close them before starting")


async def _choose(
    settings: Settings, client: BinanceClient, rules: Mapping[Symbol, SymbolRules], feed: CandleFeed
) -> Universe:
    tickers = await client.fetch_tickers()
    windows = {symbol: candles for symbol in rules if (candles := feed.candles(symbol)) is not None}
    atr_fractions = {symbol: _atr_fraction(candles) for symbol, candles in windows.items()}
    universe = select_universe(rules, tickers, atr_fractions, settings.universe)
    if not universe.symbols:
        reasons = "; ".join(f"{symbol}: {reason}" for symbol, reason in list(universe.rejected.items())[:3])
        raise CannotTrade(f"no symbol may be traded ({reasons}): widen the universe in the settings")
    if universe.shortfall:
        log.warning("universe_small", symbols=len(universe.symbols), short=universe.shortfall)
    for symbol, reason in universe.rejected.items():
        log.info("symbol_rejected", symbol=symbol, reason=reason)
    return universe


def _atr_fraction(candles: CandleArrays) -> float:
    """ATR / close of the newest candle; NaN where there are too few."""
    return float((atr(candles.high, candles.low, candles.close, ATR_PERIOD) / candles.close)[-1])


async def _set_up(client: BinanceClient, symbols: Iterable[Symbol], leverage: int) -> None:
    """One-way mode, cross margin and the leverage, confirmed for every symbol before the first entry."""
    await client.use_one_way_mode()
    slots = asyncio.Semaphore(REQUESTS_AT_ONCE_MAX)

    async def prepare(symbol: Symbol) -> None:
        async with slots:
            await client.use_cross_margin(symbol)
            await client.set_leverage(symbol, leverage)

    try:
        async with asyncio.TaskGroup() as tasks:
            for symbol in symbols:
                tasks.create_task(prepare(symbol), name=f"leverage of {symbol}")
    except* ExchangeError as errors:
        raise CannotTrade(f"the account could not be set up: {errors.exceptions[0]}") from None
