"""A bench for the core: one account, one symbol, ticks and orders with defaults."""

from dataclasses import dataclass, field
from decimal import Decimal

from localbinance.core.account_state import AssetState
from localbinance.core.events import AccountEvent, AlgoEvent, Event, OrderEvent
from localbinance.core.exchange import Exchange
from localbinance.core.order import (
    AlgoOrder,
    AlgoRequest,
    AlgoStatus,
    AlgoType,
    Order,
    OrderRequest,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)
from localbinance.core.tick import Tick
from localbinance.rules.market_rules import load_market_rules

RULES = load_market_rules()
START_MS = 1_750_000_000_000
ACCOUNT = "key"
SYMBOL = "BTCUSDC"


@dataclass
class Bench:
    """The exchange with an account of 10 000 USDC; BTCUSDC starts at 100 000."""

    exchange: Exchange = field(default_factory=lambda: Exchange(RULES))
    now_ms: int = START_MS

    def __post_init__(self) -> None:
        self.exchange.open_account(ACCOUNT, {"USDC": Decimal(10_000)}, self.now_ms)
        self.tick("100000")

    def tick(
        self,
        last: str,
        *,
        symbol: str = SYMBOL,
        mark: str | None = None,
        quantity: str = "5",
        touch: str = "1",
        seller_took: bool = True,
        after_ms: int = 1_000,
        spread: str = "0.1",
    ) -> list[Event]:
        """The market goes on: bid = last, ask one tick above. Returns the events."""
        self.now_ms += after_ms
        price = Decimal(last)
        tick = Tick(
            symbol=symbol,
            time_ms=self.now_ms,
            bid=price if seller_took else price - Decimal(spread),
            bid_quantity=Decimal(touch),
            ask=price + Decimal(spread) if seller_took else price,
            ask_quantity=Decimal(touch),
            last=price,
            quantity=Decimal(quantity),
            trades=3,
            buyer_is_maker=seller_took,
            mark=Decimal(mark or last),
            index=Decimal(mark or last),
        )
        self.exchange.on_tick(tick)
        self.exchange.on_time(self.now_ms)
        return self.exchange.drain_events()

    def market(
        self,
        side: Side,
        quantity: str,
        *,
        reduce_only: bool = False,
        position_side: PositionSide = PositionSide.BOTH,
        client_order_id: str | None = None,
    ) -> Order:
        request = OrderRequest(
            symbol=SYMBOL,
            side=side,
            type=OrderType.MARKET,
            quantity=Decimal(quantity),
            reduce_only=reduce_only,
            position_side=position_side,
            client_order_id=client_order_id,
        )
        return self.exchange.place_order(ACCOUNT, request, self.now_ms)

    def limit(
        self,
        side: Side,
        quantity: str,
        price: str,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        reduce_only: bool = False,
        client_order_id: str | None = None,
        good_till_ms: int = 0,
    ) -> Order:
        request = OrderRequest(
            symbol=SYMBOL,
            side=side,
            type=OrderType.LIMIT,
            quantity=Decimal(quantity),
            price=Decimal(price),
            time_in_force=time_in_force,
            reduce_only=reduce_only,
            client_order_id=client_order_id,
            good_till_ms=good_till_ms,
        )
        return self.exchange.place_order(ACCOUNT, request, self.now_ms)

    def stop(
        self,
        side: Side,
        quantity: str | None,
        trigger: str | None,
        *,
        kind: AlgoType = AlgoType.STOP_MARKET,
        reduce_only: bool = True,
        close_position: bool = False,
        price: str | None = None,
        working_type: WorkingType = WorkingType.CONTRACT_PRICE,
        client_algo_id: str | None = None,
        callback_rate: str | None = None,
        activate: str | None = None,
        price_protect: bool = False,
    ) -> AlgoOrder:
        request = AlgoRequest(
            symbol=SYMBOL,
            side=side,
            type=kind,
            quantity=None if quantity is None else Decimal(quantity),
            price=None if price is None else Decimal(price),
            price_trigger=None if trigger is None else Decimal(trigger),
            reduce_only=reduce_only and not close_position,
            close_position=close_position,
            working_type=working_type,
            client_algo_id=client_algo_id,
            price_protect=price_protect,
            callback_rate=None if callback_rate is None else Decimal(callback_rate),
            price_activate=None if activate is None else Decimal(activate),
        )
        return self.exchange.place_algo_order(ACCOUNT, request, self.now_ms)

    @property
    def held(self) -> Decimal:
        """The signed quantity of BTCUSDC."""
        slots = [slot for slot in self.exchange.account_state(ACCOUNT).positions if slot.symbol == SYMBOL]
        return sum((slot.quantity_signed for slot in slots), Decimal(0))

    @property
    def wallet(self) -> Decimal:
        return self.asset.wallet

    @property
    def asset(self) -> AssetState:
        return next(asset for asset in self.exchange.account_state(ACCOUNT).assets if asset.asset == "USDC")


def told(events: list[Event]) -> list[str]:
    """The events as short words, in order."""
    words = []
    for event in events:
        match event:
            case OrderEvent(execution=execution, order=order):
                words.append(f"order {execution} {order.status}")
            case AlgoEvent(algo=algo):
                words.append(f"algo {algo.status}")
            case AccountEvent(reason=reason):
                words.append(f"account {reason}")
            case _:
                words.append(type(event).__name__)
    return words


def status(algo: AlgoOrder) -> AlgoStatus:
    """The status as it is now: a type checker takes an attribute for unchanged since it was last looked at."""
    return algo.status
