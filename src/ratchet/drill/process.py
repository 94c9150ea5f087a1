"""The process: one life of the trading machine in the world, from its start to its end or its death."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.config.settings import Settings
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Side
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.drill.memory_ledger import Disk
from ratchet.drill.network import Network, SimulatedRequests, SimulatedSocket
from ratchet.drill.venue import START_MS, Venue
from ratchet.drill.world import ProcessLoop, World
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.user_stream import UserStream
from ratchet.trading.engine import Engine, UserSide
from ratchet.trading.market_side import MarketSide
from ratchet.trading.wiring import build_engine

STRATEGY = "drill"


class Died(BaseException):
    """The process was killed."""


class WorldClock:
    """The clock of a process in the world. `skew_ms`: how far it is off the exchange's."""

    def __init__(self, world: World, skew_ms: int = 0) -> None:
        self._world = world
        self.skew_ms = skew_ms

    def now_ms(self) -> int:
        """Exchange time, as this machine believes."""
        return START_MS + int(self._world.now_ms) + self.skew_ms

    def elapsed_ms(self) -> float:
        """The world's time is what counts as real."""
        return self._world.now_ms

    async def sleep_until(self, at_ms: int) -> None:
        """Until exchange time."""
        while (left_ms := at_ms - self.now_ms()) > 0:
            await asyncio.sleep(left_ms / 1_000)

    def working(self) -> "_Nothing":
        """The world waits for nobody."""
        return _Nothing()


class _Nothing:
    def __enter__(self) -> None: ...

    def __exit__(self, *_error: object) -> None: ...


class DrawnSignals:
    """A market side whose strategy is chance: entries come often, so that there is much to protect."""

    def __init__(
        self, venue: Venue, client: BinanceClient, engine: Engine, plan: "SignalPlan", random_: random.Random
    ) -> None:
        self._venue = venue
        self._client = client
        self._engine = engine
        self._plan = plan
        self._random = random_

    async def prepare(self) -> None:
        """Set the account up as a trader does."""
        await self._client.use_one_way_mode()
        for symbol in self._plan.symbols:
            await self._client.use_cross_margin(symbol)
            await self._client.set_leverage(symbol, self._plan.leverage)

    async def run(self) -> None:
        """Draw a signal now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self._plan.pause_s))
            symbol = self._random.choice(self._plan.symbols)
            tick = self._venue.tick(symbol)
            if tick is not None:
                self._engine.consider(
                    Signal(
                        strategy=STRATEGY,
                        symbol=symbol,
                        side=self._random.choice((Side.BUY, Side.SELL)),
                        candle_close_ms=self._venue.now_ms(),
                        price=tick.last,
                        atr_fraction=0.001,
                        breakdown=(),
                    )
                )

    async def ready(self) -> None:
        """At once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalPlan:
    """How entries are drawn."""

    symbols: Sequence[Symbol]
    pause_s: float  # on average between two signals
    leverage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a process is started into."""

    world: World
    venue: Venue
    disk: Disk
    settings: Settings
    signals: SignalPlan
    latency_ms: float


class Process:
    """One life. `run` returns True when it came to its end, False when it died."""

    def __init__(self, surroundings: Surroundings, seed: str, until_ms: int) -> None:
        self._around = surroundings
        self._random = random.Random(seed)  # noqa: S311 - a simulation, and to be repeatable
        self._until_ms = until_ms
        self._network = Network(
            surroundings.world,
            surroundings.venue,
            surroundings.latency_ms,
            random.Random(seed + "n"),  # noqa: S311
        )
        self.clock = WorldClock(surroundings.world)
        self.engine: Engine | None = None
        self.unexplained: Decimal | None = None
        self.protected_after_ms: float | None = None  # from the start
        self._dies_after: int | None = None
        self.turns = 0

    def die_after(self, turns: int) -> None:
        """Have it killed after so many further turns of its loop: that is between any two of its awaits."""
        self._dies_after = self.turns + turns

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
            self._network.hang_up()
            loop.bury()

    def _on_turn(self) -> None:
        self.turns += 1
        if self._dies_after is not None and self.turns >= self._dies_after:
            raise Died

    async def _live(self) -> None:
        around = self._around
        ledger = await around.disk.open_ledger()
        client = BinanceClient(around.settings.exchange, self.clock, SimulatedRequests(self._network, self.clock))
        rules: Mapping[Symbol, SymbolRules] = await client.load_rules()

        def make_market(engine: Engine) -> MarketSide:
            return DrawnSignals(around.venue, client, engine, around.signals, self._random)

        def make_user_side(engine: Engine) -> UserSide:
            return UserStream(
                client,
                around.settings.exchange,
                self.clock,
                on_event=engine.on_user_event,
                make_socket=lambda _name, _clock, **rest: SimulatedSocket(self._network, around.venue, **rest),
            )

        self.engine = build_engine(around.settings, self.clock, client, ledger, rules, make_market, make_user_side)
        born_ms = around.world.now_ms
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._note_protected(self.engine, born_ms), name="protected")
            await self.engine.run(self._until_ms, asyncio.Event())
        self.unexplained = await self.engine.accountant.unexplained_pnl()

    async def _note_protected(self, engine: Engine, born_ms: float) -> None:
        await engine.protected.wait()
        self.protected_after_ms = self._around.world.now_ms - born_ms
