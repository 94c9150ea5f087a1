"""The scanner: strategies are asked apart from everything else, and what they say is written down."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from ratchet.domain.order import Side
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.exchange.clock import SystemClock
from ratchet.ledger.ledger import Ledger
from ratchet.strategy.decision import Decision
from ratchet.strategy.plugin import Strategy
from ratchet.trading import scanner
from ratchet.trading.scanner import Scanner, ScannerParts
from tests.unit.ratchet.strategy.candles import candles_of, random_walk

SYMBOL = Symbol("BTCUSDC")
BUY = Decision(side=Side.BUY, reason="", votes=())
LIMIT_S = 10.0


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
