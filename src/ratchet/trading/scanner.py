"""The scanner: asks every strategy about every closed candle, and writes down what each of them said."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.clock import Clock
from ratchet.domain.signal import NoSignal, Signal
from ratchet.domain.symbol import Symbol
from ratchet.ledger.ledger import Ledger
from ratchet.strategy.plugin import Strategy
from ratchet.trading.inbox import Inbox

CLOSED_WAITING_MAX = 1_000  # closed candles not yet looked at
DECISIONS_WAITING_MAX = 5_000  # decisions not yet written down
DECIDE_TIMEOUT_S = 30.0  # of real time

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a strategy said, and what became of it."""

    said: Signal | NoSignal
    outcome: str


class Scanner:
    """From a closed candle to a signal. `consider` takes each signal and answers with what became of it, at once."""

    def __init__(
        self,
        strategies: Sequence[Strategy],
        candles_of: Callable[[Symbol], CandleArrays | None],
        consider: Callable[[Signal], str],
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._strategies = strategies
        self._candles_of = candles_of
        self._consider = consider
        self._ledger = ledger
        self._closed: Inbox[Symbol] = Inbox(clock, size_max=CLOSED_WAITING_MAX)
        self._decisions: Inbox[Decision] = Inbox(clock, size_max=DECISIONS_WAITING_MAX)

    def on_closed(self, symbol: Symbol) -> None:
        """A candle has closed. Dropped, loudly, when the scanner is hopelessly behind: a stale signal is worse."""
        if not self._closed.put(symbol):
            log.error("scan_dropped", symbol=symbol)

    async def scan(self) -> None:
        """Evaluate closed candles until cancelled."""
        # A thread of its own: however long a strategy takes, what is held is protected meanwhile.
        executor = ThreadPoolExecutor(1, thread_name_prefix="strategy")
        try:
            while True:
                async with self._closed.take() as symbol:
                    candles = self._candles_of(symbol)
                    if candles is None:
                        continue
                    for strategy in self._strategies:
                        self._on_said(strategy, symbol, await _ask(executor, strategy, symbol, candles))
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    async def write(self) -> None:
        """Write decisions to the ledger until cancelled: apart from `scan`, so that no entry waits for it."""
        while True:
            async with self._decisions.take_all() as decisions:
                await self._ledger.record_signals([(decision.said, decision.outcome) for decision in decisions])

    def _on_said(self, strategy: Strategy, symbol: Symbol, said: Signal | NoSignal) -> None:
        outcome = said.reason if isinstance(said, NoSignal) else self._consider(said)
        if isinstance(said, NoSignal) and said.is_fault:
            log.warning("strategy_failed", strategy=strategy.name, symbol=symbol, reason=outcome)
        if not self._decisions.put(Decision(said, outcome)):
            log.error("decision_not_recorded", symbol=symbol, outcome=outcome)


async def _ask(executor: Executor, strategy: Strategy, symbol: Symbol, candles: CandleArrays) -> Signal | NoSignal:
    """What a strategy says, or that it says nothing for too long: it cannot be stopped, only waited for no longer."""
    try:
        async with asyncio.timeout(DECIDE_TIMEOUT_S):
            return await asyncio.get_running_loop().run_in_executor(executor, strategy.decide, symbol, candles)
    except TimeoutError:
        return NoSignal(
            strategy=strategy.name,
            symbol=symbol,
            candle_close_ms=int(candles.open_ms[-1]) + candles.timeframe_ms,
            reason=f"no answer in {DECIDE_TIMEOUT_S:.0f} s",
            is_fault=True,
        )
