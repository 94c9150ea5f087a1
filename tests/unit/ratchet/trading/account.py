"""An account of one symbol in virtual time, which does as it is told: it refuses, loses, steals and keeps silent."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count

from ratchet.domain.fill import Fill
from ratchet.domain.identity import AlgoId, ClientOrderId, FillId, OrderId, TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import (
    LimitOrder,
    MarketOrder,
    OrderReport,
    OrderStatus,
    Role,
    Side,
    StopOrder,
    StopReport,
    StopStatus,
)
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.drill.world import ProcessLoop, World
from ratchet.exchange.budget import Lane
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError, Meaning, OutcomeUnknown, Rejected

SYMBOL = Symbol("SOLUSDC")
ZERO = Decimal(0)
START_MS = 1_750_000_000_000
ONE_WAY_S = 0.01
RULES = SymbolRules(
    symbol=SYMBOL,
    price_tick=Decimal("0.01"),
    price_min=Decimal("0.01"),
    price_max=Decimal(100_000),
    quantity_step=Decimal("0.01"),
    quantity_min=Decimal("0.01"),
    quantity_max=Decimal(1_000),
    quantity_market_max=Decimal(50),
    notional_min=Decimal(5),
    multiplier_up=Decimal("1.05"),
    multiplier_down=Decimal("0.95"),
)


class VirtualClock:
    """The world's time, as exchange time and as real time."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now_ms(self) -> int:
        """Exchange time."""
        return START_MS + int(self._world.now_ms)

    def elapsed_ms(self) -> float:
        """Real time."""
        return self._world.now_ms

    async def sleep_until(self, at_ms: int) -> None:
        """Until exchange time."""
        await asyncio.sleep(max(0, at_ms - self.now_ms()) / 1_000)

    def working(self) -> AbstractContextManager[None]:
        """The world waits for nobody."""
        return nullcontext()


@dataclass(frozen=True, slots=True)
class Trouble:
    """What becomes of a request. `is_done`: it takes effect, and only its answer is another."""

    error: Callable[[], ExchangeError]
    is_done: bool = False


LOST_REQUEST = Trouble(lambda: OutcomeUnknown("no answer in time"))
LOST_ANSWER = Trouble(lambda: OutcomeUnknown("no answer in time"), is_done=True)


def refusal(code: int, meaning: Meaning = Meaning.OTHER) -> Trouble:
    """A definite no."""
    return Trouble(lambda: Rejected(code, "no", meaning))


class Account(BinanceClient):
    """The exchange's side and the client for it in one. Every request takes two times `ONE_WAY_S`.

    `troubles` of "place_stop", "place", "cancel_stop"… are met with one after the other, then all goes well.
    """

    def __init__(self, world: World) -> None:
        self.clock = VirtualClock(world)
        self.held = ZERO
        self.price_entry = Decimal(100)
        self.changed_ms = 0
        self.stops: dict[ClientOrderId, StopReport] = {}  # all that ever were
        self.orders: dict[ClientOrderId, OrderReport] = {}  # those that were filled
        self.resting: list[OrderReport] = []  # plain orders in the book
        self.fills: list[Fill] = []
        self.troubles: defaultdict[str, deque[Trouble]] = defaultdict(deque)
        self.asked: list[tuple[float, str]] = []  # real ms, and what
        self.does_fill = True  # market orders
        self.on_stop: Callable[[StopReport], None] = lambda _report: None
        self.on_position: Callable[[Symbol, Decimal, Decimal, int], None] = lambda *_: None
        self.cover_min: Decimal | None = None  # the smallest part of what was held that stops were over
        self._numbers = count(1)

    # What a test does and sees -----------------------------------------------------------------------------

    def count(self, what: str) -> int:
        """How often something was asked for."""
        return sum(name == what for _, name in self.asked)

    @property
    def waiting(self) -> list[StopReport]:
        """Stops that stand."""
        return [stop for stop in self.stops.values() if stop.status is StopStatus.NEW]

    def hold(self, held: str | Decimal, *, is_told: bool = True) -> None:
        """From now on so much is held."""
        self.held, self.changed_ms = Decimal(held), self.clock.now_ms()
        if is_told:
            self.on_position(SYMBOL, self.held, self.price_entry, self.changed_ms)
        self._note_cover()

    def put_stop(self, name: str, quantity: str, price: str, side: Side = Side.SELL, *, is_told: bool = True) -> None:
        """Another hand's stop, or one of a process of before."""
        order = StopOrder(
            client_order_id=ClientOrderId(name),
            symbol=SYMBOL,
            side=side,
            quantity=Decimal(quantity),
            price_trigger=Decimal(price),
        )
        self._accept(order)
        if is_told:
            self.on_stop(self.stops[order.client_order_id])

    def end_stop(self, name: str, status: StopStatus, *, is_told: bool = True) -> None:
        """Cancelled by another hand, triggered, rejected at its trigger…"""
        report = self.stops[ClientOrderId(name)] = replace(self.stops[ClientOrderId(name)], status=status)
        if is_told:
            self.on_stop(report)
        if self.held:
            self._note_cover()

    def take_over(self, other: "Account") -> None:
        """Be what another was, for another process."""
        self.held, self.changed_ms = other.held, other.changed_ms
        self.stops, self.orders, self.fills, self.resting = other.stops, other.orders, other.fills, other.resting

    # What the client is asked for --------------------------------------------------------------------------

    async def fetch_positions(self) -> list[Position]:
        """What is held."""
        await self._reach("fetch_positions")
        if not self.held:
            return []
        return [
            Position(
                symbol=SYMBOL,
                quantity_signed=self.held,
                price_entry=self.price_entry,
                price_mark=self.price_entry,
                unrealized_pnl=ZERO,
                updated_ms=self.changed_ms,
            )
        ]

    async def fetch_open_stops(self, symbol: Symbol | None = None, *, lane: Lane | None = None) -> list[StopReport]:
        """What waits."""
        await self._reach("fetch_open_stops")
        return self.waiting

    async def fetch_open_orders(self, symbol: Symbol | None = None, *, lane: Lane = Lane.ORDINARY) -> list[OrderReport]:
        """What rests."""
        await self._reach("fetch_open_orders")
        return list(self.resting)

    async def fetch_stop(self, symbol: Symbol, client_order_id: ClientOrderId) -> StopReport | None:
        """A stop by name."""
        await self._reach("fetch_stop")
        return self.stops.get(client_order_id)

    async def fetch_order(self, symbol: Symbol, client_order_id: ClientOrderId) -> OrderReport | None:
        """An order by name."""
        await self._reach("fetch_order")
        return self.orders.get(client_order_id)

    async def fetch_order_by_number(
        self, symbol: Symbol, order_id: OrderId, *, lane: Lane = Lane.PROTECTIVE
    ) -> OrderReport | None:
        """An order by number."""
        await self._reach("fetch_order_by_number")
        return next((order for order in self.orders.values() if order.order_id == order_id), None)

    async def fetch_fills(self, symbol: Symbol, *, since_ms: int) -> list[Fill]:
        """Executions."""
        await self._reach("fetch_fills")
        return [fill for fill in self.fills if fill.at_ms >= since_ms]

    async def place_stop(self, order: StopOrder) -> StopReport:
        """Have a stop."""
        async with _Met(self, "place_stop"):
            if order.client_order_id in {stop.client_order_id for stop in self.waiting}:
                raise Rejected(-4116, "ClientOrderId is duplicated.", Meaning.DUPLICATE)
            self._accept(order)
            report = self.stops[order.client_order_id]
            self.on_stop(report)
        return report

    async def cancel_stop(self, symbol: Symbol, client_order_id: ClientOrderId) -> bool:
        """Take a stop away."""
        async with _Met(self, "cancel_stop"):
            stop = self.stops.get(client_order_id)
            if stop is None or stop.status is not StopStatus.NEW:
                return False
            self.end_stop(client_order_id, StopStatus.CANCELED)
        return True

    async def cancel(self, symbol: Symbol, client_order_id: ClientOrderId) -> OrderReport | None:
        """Take one plain order away."""
        async with _Met(self, "cancel"):
            found = next((each for each in self.resting if each.client_order_id == client_order_id), None)
            if found is not None:
                self.resting.remove(found)
            return found

    async def cancel_all(self, symbol: Symbol) -> None:
        """Take plain orders away."""
        async with _Met(self, "cancel_all"):
            self.resting.clear()

    async def place(self, order: MarketOrder | LimitOrder) -> OrderReport:
        """Fill at market. One that reduces is refused where nothing is left for it to reduce."""
        async with _Met(self, "place"):
            free = abs(self.held) - sum((rung.quantity for rung in self.resting), ZERO)
            is_opposite = self.held * order.side.sign < 0
            is_close = order.reduce_only and isinstance(order, MarketOrder)
            if is_close and (not is_opposite or free < min(order.quantity, abs(self.held))):
                raise Rejected(-2022, "ReduceOnly Order is rejected.", Meaning.NOTHING_TO_REDUCE)
            if isinstance(order, LimitOrder) and order.post_only:
                return self._rest(order)
            self.fill(order)
        return self.orders[order.client_order_id]

    def fill(self, order: MarketOrder | LimitOrder) -> None:
        """Execute it wholly, or as far as there is something to reduce."""
        quantity = min(order.quantity, abs(self.held)) if order.reduce_only else order.quantity
        quantity = quantity if self.does_fill else ZERO
        number = OrderId(next(self._numbers))
        report = OrderReport(
            client_order_id=order.client_order_id,
            order_id=number,
            symbol=SYMBOL,
            side=order.side,
            status=OrderStatus.FILLED if quantity else OrderStatus.EXPIRED,
            quantity=order.quantity,
            quantity_filled=quantity,
            price_average=self.price_entry if quantity else ZERO,
            reduce_only=order.reduce_only,
            updated_ms=self.clock.now_ms(),
        )
        self.orders[order.client_order_id] = report
        if quantity:
            self.fills.append(a_fill(int(number), order.client_order_id, order.side, quantity, self.clock.now_ms()))
            self.hold(self.held + order.side.sign * quantity)

    # ---------------------------------------------------------------------------------------------------------

    def _rest(self, order: LimitOrder) -> OrderReport:
        report = OrderReport(
            client_order_id=order.client_order_id,
            order_id=OrderId(next(self._numbers)),
            symbol=SYMBOL,
            side=order.side,
            status=OrderStatus.NEW,
            quantity=order.quantity,
            quantity_filled=ZERO,
            price_average=ZERO,
            reduce_only=order.reduce_only,
            updated_ms=self.clock.now_ms(),
        )
        self.resting.append(report)
        return report

    def _accept(self, order: StopOrder) -> None:
        self.stops[order.client_order_id] = StopReport(
            client_order_id=order.client_order_id,
            algo_id=AlgoId(next(self._numbers)),
            symbol=order.symbol,
            side=order.side,
            status=StopStatus.NEW,
            quantity=ZERO if order.closes_position else order.quantity,
            price_trigger=order.price_trigger,
            closes_position=order.closes_position,
            order_id=None,
            reason="",
            updated_ms=self.clock.now_ms(),
        )

    def _note_cover(self) -> None:
        closing = Side.SELL if self.held > 0 else Side.BUY
        of_side = [stop for stop in self.waiting if stop.side is closing]
        if self.held == 0:
            return
        part = sum((abs(self.held) if stop.closes_position else stop.quantity for stop in of_side), ZERO)
        self.cover_min = min(part, abs(self.held), self.cover_min if self.cover_min is not None else abs(self.held))

    async def _reach(self, what: str) -> None:
        """A question on its way and back. What it is answered is the truth of the end."""
        self.asked.append((self.clock.elapsed_ms(), what))
        await asyncio.sleep(2 * ONE_WAY_S)
        if self.troubles[what]:
            raise self.troubles[what].popleft().error()


class _Met:
    """What is met with by a request that changes something: its way there, its effect, its way back, or trouble."""

    def __init__(self, account: Account, what: str) -> None:
        self._account = account
        self._what = what
        self._trouble: Trouble | None = None

    async def __aenter__(self) -> None:
        account = self._account
        account.asked.append((account.clock.elapsed_ms(), self._what))
        await asyncio.sleep(ONE_WAY_S)
        if account.troubles[self._what]:
            self._trouble = account.troubles[self._what].popleft()
            if not self._trouble.is_done:
                await asyncio.sleep(ONE_WAY_S)
                raise self._trouble.error()

    async def __aexit__(self, *error: object) -> None:
        await asyncio.sleep(ONE_WAY_S)
        if self._trouble is not None:
            raise self._trouble.error()


def a_fill(number: int, name: ClientOrderId | None, side: Side, quantity: Decimal, at_ms: int) -> Fill:
    return Fill(
        fill_id=FillId(number),
        order_id=OrderId(number),
        client_order_id=name,
        symbol=SYMBOL,
        side=side,
        price=Decimal(100),
        quantity=quantity,
        fee=ZERO,
        realized_pnl=ZERO,
        is_maker=False,
        at_ms=at_ms,
    )


def namer() -> Callable[[TradeId, Role], ClientOrderId]:
    """Names as the ledger makes them, counted through."""
    numbers = count()
    return lambda trade_id, role: ClientOrderId(f"rt-a-{trade_id}-{role}{next(numbers)}")


def in_the_world(world: World, live: Awaitable[None]) -> None:
    """Run a test in virtual time: nothing waits for real."""

    async def run() -> None:
        await live

    loop = ProcessLoop(world, lambda: None)
    try:
        loop.run_until_complete(run())
    finally:
        loop.close()


ALL_RULES: Mapping[Symbol, SymbolRules] = {SYMBOL: RULES}
