"""The process: one life of the trading machine in the world, from its start to its end or its death."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from ratchet.config.settings import Settings
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Side
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.drill.event_log import EventLog
from ratchet.drill.market import START_MS
from ratchet.drill.memory_ledger import Disk
from ratchet.drill.network import Network, SimulatedSocket, SimulatedTransport
from ratchet.drill.venue import Venue
from ratchet.drill.world import ProcessLoop, World
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.requests import Requests
from ratchet.exchange.user_stream import UserStream
from ratchet.observe.notices import Kind, Notice
from ratchet.trading.books.audit import SETTLING_MS, AuditReport
from ratchet.trading.engine import Engine, UserSide
from ratchet.trading.entries.market_side import MarketSide
from ratchet.trading.operators.operations import Operations
from ratchet.trading.wiring import auditor_of, build_engine

STRATEGY = "drill"


class Died(BaseException):
    """The process was killed."""


class WorldClock(SystemClock):
    """The clock of a machine in the world, which may be off the exchange's; it is set as every other is."""

    def __init__(self, world: World, skew_ms: int = 0, epoch_ms: int = START_MS) -> None:
        """`epoch_ms`: exchange time at the world's beginning."""
        super().__init__()
        self._world = world
        self._epoch_ms = epoch_ms
        self.skew_ms = skew_ms  # of the machine

    def now_ms(self) -> int:
        """Exchange time, as this machine believes."""
        return self._epoch_ms + int(self._world.now_ms) + self.skew_ms + self._ahead_ms

    def elapsed_ms(self) -> float:
        """The world's time is what counts as real."""
        return self._world.now_ms


class Signals(Protocol):
    """When to enter."""

    async def run(self, engine: Engine) -> None:
        """Have the engine consider what comes, until cancelled."""


class DrawnSignals:
    """A strategy that is chance: entries come often, so that there is much to protect."""

    def __init__(self, venue: Venue, symbols: Sequence[Symbol], pause_s: float, random_: random.Random) -> None:
        """`pause_s`: on average between two signals."""
        self._venue = venue
        self._symbols = symbols
        self._pause_s = pause_s
        self._random = random_

    async def run(self, engine: Engine) -> None:
        """See `Signals`."""
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self._pause_s))
            symbol = self._random.choice(self._symbols)
            side = self._random.choice((Side.BUY, Side.SELL))
            tick = self._venue.tick(symbol)
            if tick is not None:
                engine.consider(signal(symbol, side, tick.last, self._venue.now_ms()))


def signal(symbol: Symbol, side: Side, price: Decimal, at_ms: int) -> Signal:
    """One that nobody has reasons for."""
    return Signal(
        strategy=STRATEGY,
        symbol=symbol,
        side=side,
        candle_close_ms=at_ms,
        price=price,
        atr_fraction=0.001,
        breakdown=(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a process is started into."""

    world: World
    venue: Venue
    disk: Disk
    settings: Settings
    rules: Mapping[Symbol, SymbolRules]
    symbols: Sequence[Symbol]
    log: EventLog
    skew_ms: int = 0  # of its machine's clock


class Process:
    """One life. `run` returns True when it came to its end, False when it was killed."""

    def __init__(
        self,
        around: Surroundings,
        network: Network,
        signals: Signals,
        until_ms: int,
        on_ended: Callable[[], None],
    ) -> None:
        """`on_ended`: called when it has closed everything, before its books are audited."""
        self._around = around
        self._signals = signals
        self._until_ms = until_ms
        self._on_ended = on_ended
        self.network = network
        self.clock = WorldClock(around.world, around.skew_ms)
        self.audit: AuditReport | None = None  # once it has ended
        self.protected_after_ms: float | None = None  # from the start
        self.on_flat: Callable[[], None] = lambda: None  # called when a panic says that nothing is left
        self._operations: Operations | None = None
        self._orders: set[asyncio.Task[None]] = set()  # of an operator
        self._flat_ms = 0  # when the panic was ordered that said so last
        self._born_ms = around.world.now_ms
        self._dies_after: int | None = None
        self._turns = 0
        self._thaws_ms: float | None = None
        self._freezes_after: tuple[int, float] | None = None  # (turns, for how many ms)
        self.on_frozen: Callable[[float], None] = lambda _: None  # called when `freeze_after` stops it, with how long

    def die_after(self, turns: int) -> None:
        """Have it killed after so many further turns of its loop: that is between any two of its awaits."""
        self._dies_after = self._turns + turns
        self._around.world.wake()

    def freeze(self, for_ms: float) -> None:
        """Have it stopped, as by SIGSTOP: it does nothing, and what comes waits for it."""
        self._thaws_ms = self._around.world.now_ms + for_ms
        self.network.hold_back()
        self._around.world.wake()

    def freeze_after(self, turns: int, for_ms: float) -> None:
        """The same, after so many further turns of its loop."""
        self._freezes_after = (self._turns + turns, for_ms)

    def order(self, work: Callable[[Operations], Coroutine[None, None, None]]) -> bool:
        """An operator asks for something. False where nobody is there yet to hear it."""
        operations = self._operations
        if operations is None:
            return False

        def begin() -> None:
            task = asyncio.get_running_loop().create_task(work(operations))
            self._orders.add(task)
            task.add_done_callback(self._orders.discard)

        self.network.hand_over(begin)
        return True

    def run(self) -> bool:
        """Live."""
        loop = ProcessLoop(self._around.world, self._on_turn)
        try:
            loop.run_until_complete(self._live())
        except Died:
            return False
        else:
            return True
        finally:
            self.network.hang_up()
            self._around.log.is_deaf = True
            loop.bury()
            self._around.log.is_deaf = False

    def _on_turn(self) -> None:
        if self._freezes_after is not None and self._turns >= self._freezes_after[0]:
            for_ms = self._freezes_after[1]
            self._freezes_after = None
            self.on_frozen(for_ms)
            self.freeze(for_ms)
        if self._thaws_ms is not None:
            self._around.world.sleep(self._thaws_ms)
            self._thaws_ms = None
            self.network.let_through()
        self._turns += 1
        if self._dies_after is not None and self._turns > self._dies_after:
            raise Died

    async def _live(self) -> None:
        around = self._around
        ledger = await around.disk.open_ledger()
        requests = Requests(around.settings.exchange, self.clock, SimulatedTransport(self.network, self.clock))
        client = BinanceClient(around.settings.exchange, self.clock, requests)
        rules = around.rules

        def make_market(engine: Engine) -> MarketSide:
            return _Market(self._signals, client, engine, around)

        def make_user_side(engine: Engine) -> UserSide:
            return UserStream(
                client,
                around.settings.exchange,
                self.clock,
                on_event=engine.on_user_event,
                make_socket=lambda _name, _clock, **rest: SimulatedSocket(self.network, **rest),
            )

        engine = build_engine(
            around.settings, self.clock, client, ledger, rules, make_market, make_user_side, flag=around.disk.flag
        )
        self._operations = engine.operations
        engine.noticeboard.listen(self._on_notice)
        async with client, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._note_protected(engine), name="protected")
            await engine.run(self._until_ms, asyncio.Event())
            self._on_ended()
            await asyncio.sleep(2 * SETTLING_MS / 1_000)
            self.audit = await auditor_of(around.settings, client, ledger, rules).audit(
                START_MS, self.clock.now_ms() - SETTLING_MS
            )

    def _on_notice(self, notice: Notice) -> None:
        report = None if self._operations is None else self._operations.panic_so_far()
        if notice.kind is Kind.PANIC and report is not None and report.is_flat and report.at_ms != self._flat_ms:
            self._flat_ms = report.at_ms
            self.on_flat()

    async def _note_protected(self, engine: Engine) -> None:
        await engine.protected.wait()
        self.protected_after_ms = self._around.world.now_ms - self._born_ms


class _Market:
    """The market side of a process."""

    def __init__(self, signals: Signals, client: BinanceClient, engine: Engine, around: Surroundings) -> None:
        self._signals = signals
        self._client = client
        self._engine = engine
        self._around = around

    async def prepare(self) -> None:
        """Set the account up as a trader does."""
        await self._client.use_one_way_mode()
        for symbol in self._around.symbols:
            await self._client.use_cross_margin(symbol)
            await self._client.set_leverage(symbol, self._around.settings.risk.leverage)

    async def run(self) -> None:
        """Until cancelled."""
        await self._signals.run(self._engine)

    async def ready(self) -> None:
        """At once."""

    def candles(self, symbol: Symbol) -> CandleArrays | None:  # noqa: ARG002 - the protocol's
        """There are none."""
        return None
