"""Spot's orders: as they are asked for, and as the exchange keeps them."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from localbinance.core.order import ZERO, OrderStatus, Side, TimeInForce

NO_LIST = -1


class SpotType(StrEnum):
    """Stops are ordinary orders on spot: they stand among the open ones and lock balance before they trigger."""

    LIMIT = "LIMIT"
    LIMIT_MAKER = "LIMIT_MAKER"
    MARKET = "MARKET"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"

    @property
    def has_price(self) -> bool:
        """Whether it has a limit price."""
        return self not in (SpotType.MARKET, SpotType.STOP_LOSS, SpotType.TAKE_PROFIT)

    @property
    def has_stop(self) -> bool:
        """Whether it waits for a stop price."""
        return self.name.startswith(("STOP_LOSS", "TAKE_PROFIT"))

    @property
    def has_time_in_force(self) -> bool:
        """Whether one is asked for: of a LIMIT_MAKER it goes without saying."""
        return self.has_price and self is not SpotType.LIMIT_MAKER

    def waits_above(self, side: Side) -> bool:
        """Whether the stop price of such an order lies above the market."""
        return (side is Side.BUY) is self.name.startswith("STOP_LOSS")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotRequest:
    """An order as asked for. What its type needs is checked by the core."""

    symbol: str
    side: Side
    type: SpotType
    quantity: Decimal | None = None  # base asset
    quote_quantity: Decimal | None = None  # of a market order: what it may be worth, quote asset
    price: Decimal | None = None
    price_stop: Decimal | None = None
    time_in_force: TimeInForce | None = None
    client_order_id: str | None = None  # None: the exchange makes one
    stp_mode: str = "EXPIRE_MAKER"


@dataclass(frozen=True, slots=True, kw_only=True)
class OcoRequest:
    """Two orders of which at most one is filled: one waits above the market, one below. Same symbol, side, quantity."""

    above: SpotRequest
    below: SpotRequest
    client_list_id: str | None = None


@dataclass(slots=True)
class Lock:
    """What is set aside of a balance for an order, or for both of an OCO."""

    asset: str
    amount: Decimal


@dataclass(slots=True, kw_only=True)
class SpotOrder:
    """An order and what became of it. Only the core changes it."""

    order_id: int
    account: str  # the API key that owns it
    client_order_id: str
    symbol: str
    side: Side
    type: SpotType
    time_in_force: TimeInForce
    quantity: Decimal
    quote_quantity: Decimal  # as asked for, else 0
    price: Decimal  # 0 without one
    price_stop: Decimal  # 0 without one
    lock: Lock
    stp_mode: str
    created_ms: int
    updated_ms: int
    list_id: int = NO_LIST
    working_ms: int | None = None  # since when it is in the book; None while it waits for its stop price
    status: OrderStatus = OrderStatus.NEW
    filled: Decimal = ZERO  # base
    filled_quote: Decimal = ZERO
    queue_ahead: Decimal = ZERO  # base quantity that stood at the price before it
    expiry_reason: str = ""  # Binance's `eR`

    @property
    def remaining(self) -> Decimal:
        """Base quantity not yet filled."""
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        """Whether it may still be filled."""
        return self.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


@dataclass(slots=True, kw_only=True)
class OrderList:
    """An OCO: its two orders, the one that waits for a stop price, if any, among them."""

    list_id: int
    account: str
    client_list_id: str
    symbol: str
    created_ms: int
    orders: list[SpotOrder] = field(default_factory=list)
    response: Literal["EXEC_STARTED", "ALL_DONE"] = "EXEC_STARTED"

    @property
    def is_open(self) -> bool:
        """Whether any of it may still be filled."""
        return self.response == "EXEC_STARTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotTrade:
    """One execution of one of the accounts' orders."""

    trade_id: int  # unique and rising per symbol
    order_id: int
    list_id: int
    account: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal  # base
    quote: Decimal
    fee: Decimal
    fee_asset: str
    is_maker: bool
    time_ms: int
