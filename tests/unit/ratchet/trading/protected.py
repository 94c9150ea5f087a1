"""A protector at work on an account, with everything it says to others written down."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal

from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, OrderId, TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import LimitOrder, MarketOrder, OrderStatus, Origin, Role, StopOrder, StopReport
from ratchet.domain.symbol import Symbol
from ratchet.drill.world import World
from ratchet.trading.books.notebook import Notebook
from ratchet.trading.protection.executor import Executor
from ratchet.trading.protection.protector import Protector
from ratchet.trading.protection.steps import ProtectorParts
from tests.unit.ratchet.trading.account import ALL_RULES, SYMBOL, Account, in_the_world, namer


class Noted(Notebook):
    """A notebook that keeps its notes to itself."""

    def __init__(self) -> None:
        self.orders: list[tuple[Role, MarketOrder | LimitOrder | StopOrder]] = []
        self.statuses: list[tuple[ClientOrderId, OrderStatus]] = []
        self.fills: list[Fill] = []

    def intents(
        self,
        trade_id: TradeId | None,
        orders: Sequence[tuple[Role, MarketOrder | LimitOrder | StopOrder]],
        origin: Origin = Origin.SYSTEM,
    ) -> None:
        """Orders that are being sent."""
        self.orders += orders

    def status(
        self, name: ClientOrderId, status: OrderStatus, *, order_id: OrderId | None = None, reason: str = ""
    ) -> None:
        """What has become of an order."""
        self.statuses.append((name, status))

    def fill(self, fill: Fill, trade_id: TradeId) -> None:
        """An execution."""
        self.fills.append(fill)


class Told:
    """Who is told what the protector meets with."""

    def __init__(self) -> None:
        self.troubles: list[str] = []
        self.closings: list[str] = []
        self.naked_ms: list[float] = []
        self.sent: list[tuple[ClientOrderId, Role]] = []

    def on_trouble(self, symbol: Symbol, cause: str, detail: str) -> None:
        """Protection did not go as planned."""
        self.troubles.append(cause)

    def on_closing(self, symbol: Symbol, reason: str) -> None:
        """What is held is being closed."""
        self.closings.append(reason)

    def on_naked(self, symbol: Symbol, naked_ms: float) -> None:
        """A spell without cover has ended."""
        self.naked_ms.append(naked_ms)

    def on_sending(self, symbol: Symbol, name: ClientOrderId, role: Role) -> None:
        """An order is about to be sent."""
        self.sent.append((name, role))


class Bench:
    """A protector on an account that tells it of everything by events, unless a test has it keep silent."""

    def __init__(self, notebook: Notebook | None = None, rules: Mapping[Symbol, SymbolRules] = ALL_RULES) -> None:
        self.world = World()
        self.account = Account(self.world)
        self.clock = self.account.clock
        self.noted = Noted()
        self.told = Told()
        self.executor = Executor(self.account, notebook or self.noted)
        parts = ProtectorParts(
            client=self.account,
            executor=self.executor,
            notebook=notebook or self.noted,
            clock=self.clock,
            name_order=namer(),
            rules=rules,
            stop_fraction=Decimal("0.02"),
        )
        self.protector = Protector(parts, self.told)
        self.listen()

    def listen(self, *, to_stops: bool = True, to_positions: bool = True) -> None:
        """Which events come."""
        self.account.on_stop = self.protector.on_stop if to_stops else _nothing_of_stops
        self.account.on_position = self.protector.on_position if to_positions else _nothing_of_positions

    def run(self, live: Callable[[], Awaitable[None]], before: Callable[[], Awaitable[None]] | None = None) -> None:
        """Have the protector work while a test goes on. `before`: what a start does before."""

        async def both() -> None:
            if before is not None:
                await before()
            working = asyncio.create_task(self.protector.run())
            await asyncio.sleep(0)
            try:
                await live()
                assert not working.done(), "the protector has died"
            finally:
                working.cancel()
                await asyncio.wait((working,))

        in_the_world(self.world, both())

    async def settled(self) -> bool:
        """Wait for the protector."""
        await asyncio.sleep(0)
        return await self.protector.settled(SYMBOL)

    async def look(self) -> None:
        """What a sweep does, and all that follows from it."""
        await self.protector.look(SYMBOL)
        await self.settled()

    def the_stop(self) -> StopReport:
        """The only one that stands."""
        (only,) = self.account.waiting
        return only


def _nothing_of_stops(_report: StopReport) -> None: ...


def _nothing_of_positions(_symbol: Symbol, _held: Decimal, _price: Decimal, _at_ms: int) -> None: ...
