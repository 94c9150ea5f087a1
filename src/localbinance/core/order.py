"""Orders as the exchange keeps them: plain ones in the book, conditional ones in the algo service."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

ZERO = Decimal(0)


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY, -1 for SELL."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"


class AlgoType(StrEnum):
    STOP = "STOP"
    STOP_MARKET = "STOP_MARKET"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_MARKET = "TAKE_PROFIT_MARKET"
    TRAILING_STOP_MARKET = "TRAILING_STOP_MARKET"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTX = "GTX"
    GTD = "GTD"


class OrderStatus(StrEnum):
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


class AlgoStatus(StrEnum):
    NEW = "NEW"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"


class WorkingType(StrEnum):
    CONTRACT_PRICE = "CONTRACT_PRICE"
    MARK_PRICE = "MARK_PRICE"


class PositionSide(StrEnum):
    BOTH = "BOTH"
    LONG = "LONG"
    SHORT = "SHORT"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """A plain order as asked for. Absent numbers are None; what a type needs is checked by the core."""

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    position_side: PositionSide = PositionSide.BOTH
    client_order_id: str | None = None  # None: the exchange makes one
    price_match: str = "NONE"
    stp_mode: str = "EXPIRE_MAKER"
    good_till_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgoRequest:
    """A conditional order as asked for."""

    symbol: str
    side: Side
    type: AlgoType
    quantity: Decimal | None = None
    price: Decimal | None = None
    price_trigger: Decimal | None = None
    price_activate: Decimal | None = None  # trailing
    callback_rate: Decimal | None = None  # trailing, in percent as Binance has it: 1 = 1 %
    time_in_force: TimeInForce | None = None
    reduce_only: bool = False
    close_position: bool = False
    price_protect: bool = False
    position_side: PositionSide = PositionSide.BOTH
    working_type: WorkingType = WorkingType.CONTRACT_PRICE
    client_algo_id: str | None = None
    price_match: str = "NONE"
    stp_mode: str = "EXPIRE_MAKER"
    good_till_ms: int = 0


@dataclass(slots=True, kw_only=True)
class Order:
    """A plain order and what became of it. Only the core changes it."""

    order_id: int
    account: str  # the API key that owns it
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    position_side: PositionSide
    quantity: Decimal
    price: Decimal  # 0 for MARKET
    reduce_only: bool
    close_position: bool
    working_type: WorkingType
    price_protect: bool
    price_match: str
    stp_mode: str
    good_till_ms: int
    created_ms: int
    updated_ms: int
    original_type: str  # as it was asked for: STOP_MARKET for a triggered stop's child
    price_stop: Decimal = ZERO
    status: OrderStatus = OrderStatus.NEW
    filled: Decimal = ZERO  # base
    filled_quote: Decimal = ZERO
    queue_ahead: Decimal = ZERO  # base quantity that stood at the price before it
    expiry_reason: int = 0  # Binance's `er`
    algo_id: int | None = None  # the conditional order it came from

    @property
    def remaining(self) -> Decimal:
        """Base quantity not yet filled."""
        return self.quantity - self.filled

    @property
    def price_average(self) -> Decimal:
        """Quote per base over all fills; 0 without any."""
        return self.filled_quote / self.filled if self.filled else ZERO

    @property
    def is_open(self) -> bool:
        """Whether it still rests in the book."""
        return self.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


@dataclass(slots=True, kw_only=True)
class AlgoOrder:
    """A conditional order and what became of it. Only the core changes it."""

    algo_id: int
    account: str
    client_algo_id: str
    symbol: str
    side: Side
    type: AlgoType
    time_in_force: str  # GTE_GTC for close-position orders
    position_side: PositionSide
    quantity: Decimal  # 0 for close-position
    price: Decimal
    price_trigger: Decimal
    price_activate: Decimal
    callback_rate: Decimal
    reduce_only: bool
    close_position: bool
    price_protect: bool
    working_type: WorkingType
    price_match: str
    stp_mode: str
    good_till_ms: int
    created_ms: int
    updated_ms: int
    status: AlgoStatus = AlgoStatus.NEW
    triggered_ms: int = 0
    order_id: int | None = None  # of the child order, once triggered
    filled: Decimal = ZERO  # of the child
    price_average: Decimal = ZERO  # of the child
    reason: str = ""  # why it was rejected
    activated: bool = False  # trailing: the activation price was reached
    price_extreme: Decimal = field(default=ZERO)  # trailing: the best price since activation


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One execution of one of the accounts' orders."""

    trade_id: int  # unique and rising per symbol
    order_id: int
    account: str
    client_order_id: str
    symbol: str
    side: Side
    position_side: PositionSide
    price: Decimal
    quantity: Decimal
    fee: Decimal  # margin asset, positive = paid
    fee_asset: str
    realized_pnl: Decimal
    is_maker: bool
    time_ms: int
