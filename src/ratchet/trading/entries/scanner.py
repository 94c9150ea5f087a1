"""The scanner: asks every strategy about every closed candle, and writes down what became of every symbol at it."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import structlog

from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.clock import Clock
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import NoSignal, Signal
from ratchet.domain.symbol import Symbol
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.signals import NotAsked, Said, Scan
from ratchet.strategy.plugin import Strategy
from ratchet.trading.inbox import Inbox

CLOSED_WAITING_MAX = 1_000  # closed candles not yet looked at
DECISIONS_WAITING_MAX = 5_000  # decisions not yet written down
DECIDE_TIMEOUT_S = 30.0  # of real time
SCAN_PATIENCE_S = 2.0  # of real time, for which decisions wait to be written until a scan is through
MISSED_AFTER_MS = 45_000  # from a candle's close: REST has been asked by then, and an entry would be too late

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a strategy said, and what became of it."""

    said: Said
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Closed:
    symbol: Symbol
    known_ms: float  # when it was told of, real time


def strategy_thread() -> Executor:
    """A thread of its own: however long a strategy takes, what is held is protected meanwhile."""
    return ThreadPoolExecutor(1, thread_name_prefix="strategy")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerParts:
    """What it is handed."""

    strategies: Sequence[Strategy]
    candles_of: Callable[[Symbol], CandleArrays | None]  # None while there are none or one is missing
    consider: Callable[[Signal], Outcome]  # says what becomes of a signal, at once
    ledger: Ledger
    clock: Clock
    followed: Callable[[], Collection[Symbol]]  # the symbols that are traded now
    timeframe_ms: int
    make_executor: Callable[[], Executor] = strategy_thread
    on_scanned: Callable[[float], None] = lambda _: None  # seconds from a known candle to its decision; returns at once


class Scanner:
    """From a closed candle to a signal, and from a scan to its rows: one of each symbol, whatever became of it."""

    def __init__(self, parts: ScannerParts) -> None:
        self._parts = parts
        self._clock = parts.clock
        self._closed: Inbox[_Closed] = Inbox(parts.clock, size_max=CLOSED_WAITING_MAX)
        self._decisions: Inbox[Decision | Scan] = Inbox(parts.clock, size_max=DECISIONS_WAITING_MAX)
        self._unseen = 0  # closed candles that wait or are being looked at
        self._at_rest = asyncio.Event()
        self._at_rest.set()
        self._looked_ms: dict[Symbol, int] = {}  # the close of the newest candle that was looked at
        self._decided_ms: list[float] = []  # how long each decision of this scan took, real ms

    def on_closed(self, symbol: Symbol) -> None:
        """A candle has closed. Dropped, loudly, when the scanner is hopelessly behind: a stale signal is worse."""
        if not self._closed.put(_Closed(symbol, self._clock.elapsed_ms())):
            log.error("scan_dropped", symbol=symbol)
            return
        self._unseen += 1
        self._at_rest.clear()

    async def run(self) -> None:
        """Scan, watch and write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.scan(), name="scanner")
            tasks.create_task(self.watch(), name="missed candles")
            tasks.create_task(self.write(), name="decisions")

    async def scan(self) -> None:
        """Evaluate closed candles until cancelled."""
        executor = self._parts.make_executor()
        try:
            while True:
                async with self._closed.take() as closed:
                    await self._look(executor, closed)
                self._unseen -= 1
                if not self._unseen:
                    self._at_rest.set()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    async def _look(self, executor: Executor, closed: _Closed) -> None:
        candles = self._parts.candles_of(closed.symbol)
        if candles is None:
            return  # `watch` tells of it
        for strategy in self._parts.strategies:
            self._on_said(strategy, closed.symbol, await _ask(executor, strategy, closed.symbol, candles))
        self._looked_ms[closed.symbol] = _close_ms(candles)
        took_ms = self._clock.elapsed_ms() - closed.known_ms
        self._decided_ms.append(took_ms)
        self._parts.on_scanned(took_ms / 1_000)

    async def watch(self) -> None:
        """After every close, write down the scan, and each symbol whose candle did not come. Runs until cancelled."""
        length_ms = self._parts.timeframe_ms
        close_ms = self._clock.now_ms() // length_ms * length_ms
        while True:
            close_ms += length_ms
            await self._clock.sleep_until(close_ms)
            followed = frozenset(self._parts.followed())  # whoever joins later has its candle as history
            await self._clock.sleep_until(close_ms + MISSED_AFTER_MS)
            self._end_scan(close_ms, sorted(followed & frozenset(self._parts.followed())))

    async def write(self) -> None:
        """Write down until cancelled: apart from `scan` and after it, so that no entry waits for it. What the ledger
        cannot take is let go: trading does not depend on it."""
        while True:
            async with self._decisions.take_all() as taken:
                with suppress(TimeoutError):
                    async with asyncio.timeout(SCAN_PATIENCE_S):
                        await self._at_rest.wait()
                decisions = [(each.said, each.outcome) for each in taken if isinstance(each, Decision)]
                try:
                    if decisions:
                        await self._parts.ledger.record_signals(decisions)
                    for each in taken:
                        if isinstance(each, Scan):
                            await self._parts.ledger.record_scan(each)
                except LedgerError as error:
                    log.warning("decisions_not_recorded", decisions=len(decisions), error=str(error))

    def _on_said(self, strategy: Strategy, symbol: Symbol, said: Signal | NoSignal) -> None:
        outcome = Outcome(Stage.VOTES, said.reason) if isinstance(said, NoSignal) else self._parts.consider(said)
        if isinstance(said, NoSignal) and said.is_fault:
            log.warning("strategy_failed", strategy=strategy.name, symbol=symbol, reason=outcome.reason)
        self._put(Decision(said, outcome))

    def _end_scan(self, close_ms: int, followed: Sequence[Symbol]) -> None:
        missed = [symbol for symbol in followed if self._looked_ms.get(symbol, 0) < close_ms]
        for symbol in missed:
            reason = self._why_missed(symbol, close_ms)
            self._put(Decision(NotAsked(symbol, close_ms), Outcome(Stage.CANDLES, reason)))
        took_ms, self._decided_ms = self._decided_ms, []
        looked = len(followed) - len(missed)
        self._put(
            Scan(
                candle_close_ms=close_ms,
                symbols=looked,
                missing=len(missed),
                decided_ms_max=max(took_ms, default=None),
            )
        )

    def _why_missed(self, symbol: Symbol, close_ms: int) -> str:
        candles = self._parts.candles_of(symbol)
        if candles is None:
            return "there are none, or one is missing between them"
        if (behind_ms := close_ms - _close_ms(candles)) > 0:
            return f"the newest closed {behind_ms / 60_000:g} min before"
        return "it came too late, or nobody looked at it in time"

    def _put(self, what: Decision | Scan) -> None:
        if not self._decisions.put(what):
            log.error("decision_not_recorded", what=type(what).__name__)


def _close_ms(candles: CandleArrays) -> int:
    return int(candles.open_ms[-1]) + candles.timeframe_ms


async def _ask(executor: Executor, strategy: Strategy, symbol: Symbol, candles: CandleArrays) -> Signal | NoSignal:
    """What a strategy says, or that it says nothing for too long: it cannot be stopped, only waited for no longer."""
    try:
        async with asyncio.timeout(DECIDE_TIMEOUT_S):
            return await asyncio.get_running_loop().run_in_executor(executor, strategy.decide, symbol, candles)
    except TimeoutError:
        return NoSignal(
            strategy=strategy.name,
            symbol=symbol,
            candle_close_ms=_close_ms(candles),
            reason=f"no answer in {DECIDE_TIMEOUT_S:.0f} s",
            is_fault=True,
        )
