"""From candle to decision: 35 symbols close at once; how long until the last of them is decided on, on one core.

The real scanner, ScalpingV1 on the last 150 candles, planner and guard with 10 positions open, and a ledger on the disk
that every decision is written to meanwhile. In the worst scan every symbol wants in, so that all go through planner and
guard to the end.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np

from benchmarks.figure import Figure, percentile
from ratchet.config.sections import StrategyChoice
from ratchet.config.settings import Settings, load_settings
from ratchet.domain.bracket import Bracket
from ratchet.domain.candle import Candle
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import exact
from ratchet.domain.order import Side
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.position import Balance
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.exchange.clock import SystemClock
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.signals import Said
from ratchet.market.candle_store import CandleStore
from ratchet.market.feed import DEPTH
from ratchet.risk.exposure import Exposure, Held, MarketFacts
from ratchet.risk.guard import Approved
from ratchet.risk.plan import plan_bracket
from ratchet.risk.record import Day, Record
from ratchet.strategy import scalping_v1
from ratchet.strategy.decision import Decision
from ratchet.strategy.plugin import Strategy, load_strategy
from ratchet.trading.entries.plan_outcome import refused_plan
from ratchet.trading.entries.planner import Planner
from ratchet.trading.entries.scanner import Scanner, ScannerParts

SYMBOLS = 35
HELD = 10
SCANS = 150
CANDLE_MS = 300_000
LEVERAGE = 5
AIM = "< 100 ms; 2-3 s are allowed"
SPREAD = 0.001  # of a candle

IN_PLAY = tuple(Symbol(f"COIN{number:02}USDC") for number in range(SYMBOLS))
BALANCE = Balance(wallet=Decimal(100_000), available=Decimal(100_000), unrealized_pnl=Decimal(0))


@dataclass(frozen=True, slots=True)
class Took:
    """A scan. Where others want the core too, the processor's own time is less than the wall's."""

    wall_ms: float
    processor_ms: float


async def measure() -> list[Figure]:
    """Whole scans: those of the strategy as it is, and those in which every symbol wants in."""
    with _one_core():
        plain = await _scans(load_strategy(StrategyChoice(name=scalping_v1.NAME)))
        eager = await _scans(Strategy("eager", scalping_v1.Parameters(), _eager))
    return [
        *_figures(f"scan: {SYMBOLS} symbols to the last decision", plain),
        *_figures("scan: every symbol wants in", eager),
    ]


def _figures(what: str, scans: list[Took]) -> list[Figure]:
    wall, processor = [took.wall_ms for took in scans], [took.processor_ms for took in scans]
    return [
        Figure(f"{what}, p50 of {SCANS}", percentile(wall, 0.5), False),
        Figure(f"{what}, p99", percentile(wall, 0.99), False, AIM),
        Figure(f"{what}, p99 of processor time", percentile(processor, 0.99), False),
    ]


def _eager(candles: CandleArrays, parameters: scalping_v1.Parameters) -> Decision:
    """What ScalpingV1 works out, and in at any rate."""
    return replace(scalping_v1.decide(candles, parameters), side=Side.BUY)


@contextmanager
def _one_core() -> Iterator[None]:
    if not hasattr(os, "sched_setaffinity"):  # neither macOS nor Windows: what is measured there is on several
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


async def _scans(strategy: Strategy) -> list[Took]:
    """How long each took."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = await _CountingLedger.open(f"sqlite+aiosqlite:///{Path(folder) / 'ledger.db'}")
        try:
            return await _Desk(strategy, ledger).scans()
        finally:
            await ledger.close()


class _CountingLedger(Ledger):
    """A ledger that tells when a scan's decisions are written: the next candles close long after."""

    written = 0
    is_written: asyncio.Event

    async def record_signals(self, decisions: Sequence[tuple[Said, Outcome]]) -> None:
        await super().record_signals(decisions)
        self.written += len(decisions)
        if self.written % SYMBOLS == 0:
            self.is_written.set()


class _Desk:
    """The parts of a trader that lie between a closed candle and its decision."""

    def __init__(self, strategy: Strategy, ledger: _CountingLedger) -> None:
        self._ledger = ledger
        self._clock = SystemClock()
        self._settings = _settings()
        self._rules = {symbol: _rules_of(symbol) for symbol in IN_PLAY}
        self._planner = Planner(self._rules, lambda: self._settings)
        self._market = _Market(self._clock.now_ms() // CANDLE_MS * CANDLE_MS)
        self._held = tuple(Held(self._bracket(symbol), LEVERAGE) for symbol in IN_PLAY[:HELD])
        self._undecided, self._all_decided = 0, asyncio.Event()
        self._scanner = Scanner(
            ScannerParts(
                strategies=[strategy],
                candles_of=self._market.store.window,
                consider=self._consider,
                ledger=ledger,
                clock=self._clock,
                followed=lambda: IN_PLAY,
                timeframe_ms=CANDLE_MS,
                on_scanned=self._on_scanned,
            )
        )

    async def scans(self) -> list[Took]:
        async with asyncio.TaskGroup() as tasks:
            scanner = tasks.create_task(self._scanner.run())
            took = []
            for _ in range(SCANS):
                self._ledger.is_written = asyncio.Event()
                took.append(await self._scan())
                await self._ledger.is_written.wait()
            scanner.cancel()
        return took

    async def _scan(self) -> Took:
        self._market.close_candles()
        self._undecided = SYMBOLS
        self._all_decided.clear()
        began, begun_s = self._clock.elapsed_ms(), time.process_time()
        for symbol in IN_PLAY:
            self._scanner.on_closed(symbol)
        await self._all_decided.wait()
        return Took(self._clock.elapsed_ms() - began, (time.process_time() - begun_s) * 1_000)

    def _on_scanned(self, _took_s: float) -> None:
        self._undecided -= 1
        if not self._undecided:
            self._all_decided.set()

    def _consider(self, signal: Signal) -> Outcome:
        answer = self._planner.plan(signal, self._exposure(signal))
        return Outcome(Stage.SENT, "entry") if isinstance(answer, Approved) else refused_plan(answer)

    def _exposure(self, signal: Signal) -> Exposure:
        candles = {symbol: self._market.store.window(symbol) for symbol in (signal.symbol, *IN_PLAY[:HELD])}
        day = Day(
            number=0,
            equity_start=BALANCE.equity,
            equity_high=BALANCE.equity,
            loss_fraction=Decimal(0),
            drawdown_fraction=Decimal(0),
        )
        return Exposure(
            now_ms=signal.candle_close_ms + 1_000,
            balance=BALANCE,
            held=self._held,
            record=Record(day=day),
            facts=MarketFacts(candles=candles),
        )

    def _bracket(self, symbol: Symbol) -> Bracket:
        signal = Signal(
            strategy="bench",
            symbol=symbol,
            side=Side.BUY,
            candle_close_ms=0,
            price=Decimal(100),
            atr_fraction=0.002,
            breakdown=(),
        )
        return plan_bracket(signal, Decimal(10), self._settings.bracket, self._rules[symbol])


class _Market:
    """Random walks, each of its own, from 100 on."""

    def __init__(self, now_ms: int) -> None:
        self.store = CandleStore(CANDLE_MS, DEPTH)
        self._random = np.random.default_rng(1)
        self._close = np.full(SYMBOLS, 100.0)
        self._open_ms = now_ms - DEPTH * CANDLE_MS
        for _ in range(DEPTH):
            self.close_candles()

    def close_candles(self) -> None:
        """The next candle of each."""
        opened = self._close
        self._close = opened * np.exp(self._random.normal(0.0, 0.002, SYMBOLS))
        for symbol, first, last in zip(IN_PLAY, opened.tolist(), self._close.tolist(), strict=True):
            high, low = max(first, last) * (1 + SPREAD), min(first, last) * (1 - SPREAD)
            candle = Candle(
                open_ms=self._open_ms,
                open=exact(first),
                high=exact(high),
                low=exact(low),
                close=exact(last),
                volume=Decimal(1),
                volume_quote=Decimal(100),
            )
            self.store.append(symbol, candle)
        self._open_ms += CANDLE_MS


def _settings() -> Settings:
    """Limits so wide that a signal is judged by all of them."""
    risk = {
        "open_positions_max": SYMBOLS,
        "correlated_positions_max": SYMBOLS,
        "exposure_fraction_max": 50,
        "leverage": LEVERAGE,
    }
    overrides = {"exchange": {"api_key": "none", "api_secret": "none"}, "risk": risk}
    return load_settings(env_file=os.devnull, runtime_file=os.devnull, environ={}, overrides=overrides)


def _rules_of(symbol: Symbol) -> SymbolRules:
    return SymbolRules(
        symbol=symbol,
        price_tick=Decimal("0.01"),
        price_min=Decimal("0.01"),
        price_max=Decimal(100_000),
        quantity_step=Decimal("0.01"),
        quantity_min=Decimal("0.01"),
        quantity_max=Decimal(1_000_000),
        quantity_market_max=Decimal(1_000_000),
        notional_min=Decimal(5),
        multiplier_up=Decimal("1.5"),
        multiplier_down=Decimal("0.5"),
    )
