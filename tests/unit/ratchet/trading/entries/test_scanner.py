"""The scanner: strategies are asked apart from everything else, and what they say is written down."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.order import Side
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.exchange.clock import SystemClock
from ratchet.ledger.funnel import DecisionLine
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.signals import Scan
from ratchet.strategy.decision import Decision
from ratchet.strategy.plugin import Strategy
from ratchet.trading.entries import scanner
from ratchet.trading.entries.scanner import Scanner, ScannerParts
from tests.unit.ratchet.strategy.candles import STEP_MS, candles_of, random_walk
from tests.unit.ratchet.trading.books.test_hourly_audit import NOON_MS, Enough, SteppedClock

SYMBOL = Symbol("BTCUSDC")
BUY = Decision(side=Side.BUY, reason="", votes=())
LIMIT_S = 10.0
CLOSE_MS = NOON_MS


class NoParameters(BaseModel):
    """The strategies here have none."""


@dataclass
class Considered:
    """Who takes the signals."""

    signals: list[Signal] = field(default_factory=list)
    has_one: asyncio.Event = field(default_factory=asyncio.Event)

    def consider(self, signal: Signal) -> Outcome:
        self.signals.append(signal)
        self.has_one.set()
        return Outcome(Stage.SENT, "entry")


@asynccontextmanager
async def scanning(folder: Path, decide: Callable[[Any, Any], object], taken: Considered) -> AsyncIterator[Scanner]:
    """A scanner at work, with one strategy."""
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    candles = candles_of(random_walk(1))
    strategy = Strategy(name="test", parameters=NoParameters(), function=decide)
    made = Scanner(
        ScannerParts(
            strategies=[strategy],
            candles_of=lambda _: candles,
            consider=taken.consider,
            ledger=ledger,
            clock=SystemClock(),
            followed=lambda: [SYMBOL],
            timeframe_ms=candles.timeframe_ms,
        )
    )
    tasks = [asyncio.create_task(made.run())]
    try:
        yield made
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
        await ledger.close()


async def test_a_slow_strategy_keeps_nothing_else_waiting(tmp_path: Path) -> None:
    asked, may_answer, taken = threading.Event(), threading.Event(), Considered()

    def slow(_candles: Any, _parameters: Any) -> Decision:
        asked.set()
        assert may_answer.wait(LIMIT_S)
        return BUY

    async with scanning(tmp_path, slow, taken) as made:
        made.on_closed(SYMBOL)
        async with asyncio.timeout(LIMIT_S):
            await asyncio.to_thread(asked.wait)
            for _ in range(1_000):  # turns of the loop: whatever protects has its turn
                await asyncio.sleep(0)
            assert taken.signals == []
            may_answer.set()
            await taken.has_one.wait()
    assert [signal.side for signal in taken.signals] == [Side.BUY]


async def test_a_strategy_that_never_answers_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanner, "DECIDE_TIMEOUT_S", 0.05)
    told = threading.Event()
    monkeypatch.setattr(scanner.log, "warning", lambda *_words, **_more: told.set())
    may_answer, taken = threading.Event(), Considered()
    answers = iter((lambda: may_answer.wait(LIMIT_S), lambda: True))

    def stuck_once(_candles: Any, _parameters: Any) -> Decision:
        next(answers)()
        return BUY

    async with scanning(tmp_path, stuck_once, taken) as made:
        made.on_closed(SYMBOL)
        async with asyncio.timeout(LIMIT_S):
            await asyncio.to_thread(told.wait)
            may_answer.set()
            made.on_closed(SYMBOL)
            await taken.has_one.wait()
    assert len(taken.signals) == 1


class TellingLedger(Ledger):
    """A ledger that tells when a scan is written: what was decided at it is by then."""

    scan_written: asyncio.Event

    async def record_scan(self, scan: Scan) -> None:
        await super().record_scan(scan)
        self.scan_written.set()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[TellingLedger]:
    it = await TellingLedger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    it.scan_written = asyncio.Event()
    yield it
    await it.close()


class Followed:
    """Symbols whose candles are told of by hand, on a clock that stands where its sleeper wakes."""

    def __init__(self, candles: Mapping[Symbol, CandleArrays | None]) -> None:
        self.candles = candles
        self.symbols: Collection[Symbol] = tuple(candles)
        self.took_s: list[float] = []
        self.has_scanned = asyncio.Event()
        self.clock = SteppedClock(CLOSE_MS - STEP_MS, sleeps=2)

    def scanner(self, ledger: Ledger) -> Scanner:
        def decide(_candles: Any, _parameters: Any) -> Decision:
            return Decision(side=None, reason="no")

        return Scanner(
            ScannerParts(
                strategies=[Strategy(name="test", parameters=NoParameters(), function=decide)],
                candles_of=self.candles.get,
                consider=Considered().consider,
                ledger=ledger,
                clock=self.clock,
                followed=lambda: self.symbols,
                timeframe_ms=STEP_MS,
                on_scanned=self._on_scanned,
            )
        )

    def _on_scanned(self, took_s: float) -> None:
        self.took_s.append(took_s)
        self.has_scanned.set()


def candles_closed_at(close_ms: int) -> CandleArrays:
    candles = candles_of(random_walk(1))
    return replace(candles, open_ms=candles.open_ms - candles.open_ms[-1] + close_ms - STEP_MS)


@asynccontextmanager
async def at_work(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """For as long as the context."""
    task = asyncio.create_task(work)
    try:
        async with asyncio.timeout(LIMIT_S):
            yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def watched(scanner: Scanner, ledger: TellingLedger) -> list[DecisionLine]:
    """The decision on every symbol once a close has been watched."""
    with pytest.raises(Enough):
        await scanner.watch()
    async with at_work(scanner.write()):
        await ledger.scan_written.wait()
    return await ledger.latest_decisions(0)


async def test_every_symbol_leaves_a_row_at_every_scan_whatever_became_of_its_candle(ledger: TellingLedger) -> None:
    holed, behind, unseen, there = (Symbol(f"{name}USDC") for name in ("AAA", "BBB", "CCC", "DDD"))
    followed = Followed(
        {
            holed: None,
            behind: candles_closed_at(CLOSE_MS - 3 * STEP_MS),
            unseen: candles_closed_at(CLOSE_MS),
            there: candles_closed_at(CLOSE_MS),
        }
    )
    scanner = followed.scanner(ledger)
    async with at_work(scanner.scan()):
        for symbol in (holed, behind, there):
            followed.has_scanned.clear()
            scanner.on_closed(symbol)
            if symbol is not holed:
                await followed.has_scanned.wait()
    assert [(line.symbol, line.candle_close_ms, line.outcome) for line in await watched(scanner, ledger)] == [
        (holed, CLOSE_MS, Outcome(Stage.CANDLES, "there are none, or one is missing between them")),
        (behind, CLOSE_MS, Outcome(Stage.CANDLES, "the newest closed 15 min before")),
        (unseen, CLOSE_MS, Outcome(Stage.CANDLES, "it came too late, or nobody looked at it in time")),
        (there, CLOSE_MS, Outcome(Stage.VOTES, "no")),
    ]
    [scan] = await ledger.scans_since(0)
    assert (scan.candle_close_ms, scan.symbols, scan.missing) == (CLOSE_MS, 1, 3)
    assert scan.decided_ms_max == max(followed.took_s) * 1_000
    assert len(followed.took_s) == 2


async def test_a_symbol_that_joins_after_the_close_lacks_nothing(ledger: TellingLedger) -> None:
    followed = Followed({SYMBOL: None})
    followed.symbols = []
    scanner = followed.scanner(ledger)

    class Joining(SteppedClock):
        async def sleep_until(self, at_ms: int) -> None:
            followed.symbols = [] if at_ms == CLOSE_MS else [SYMBOL]
            await super().sleep_until(at_ms)

    scanner._clock = Joining(CLOSE_MS - STEP_MS, sleeps=2)
    assert await watched(scanner, ledger) == []
    [scan] = await ledger.scans_since(0)
    assert (scan.symbols, scan.missing) == (0, 0)


async def test_a_ledger_that_cannot_be_written_ends_no_scan(tmp_path: Path) -> None:
    taken = Considered()
    async with scanning(tmp_path, lambda *_: BUY, taken) as made:
        await made._parts.ledger.close()
        for number in range(3):
            made.on_closed(SYMBOL)
            async with asyncio.timeout(LIMIT_S):
                await taken.has_one.wait()
            taken.has_one.clear()
            assert len(taken.signals) == number + 1
