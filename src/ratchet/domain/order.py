"""Orders: what is asked of the exchange, and what is known of it afterwards."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ratchet.domain.identity import AlgoId, ClientOrderId, OrderId
from ratchet.domain.symbol import Symbol


class Side(StrEnum):
    """Which way an order or a position goes."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def sign(self) -> int:
        """+1 for BUY (long), -1 for SELL (short): writes a rule once for both directions."""
        return 1 if self is Side.BUY else -1

    @property
    def opposite(self) -> "Side":
        """The side that closes it."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Role(StrEnum):
    """What an order is for within its trade; part of its client order id."""

    ENTRY = "entry"
    STOP = "stop"
    RUNG = "rung"
    CLOSE = "close"
    FOREIGN = "foreign"  # another hand's order, on a position that we keep


class Origin(StrEnum):
    """Who wanted the order."""

    MANUAL = "MANUAL"
    SYSTEM = "SYSTEM"


class OrderStatus(StrEnum):
    """What is known of an order. INTENDED and SENT are ours; UNKNOWN means that it may have happened."""

    INTENDED = "INTENDED"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def is_final(self) -> bool:
        """Whether nothing more can come of it."""
        return self in _FINAL


_FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOrder:
    """Fill at the best prices there are."""

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    quantity: Decimal  # base asset, on the step
    reduce_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitOrder:
    """Rest at a price. `post_only`: never take (GTX); the exchange refuses it where it would."""

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side
    quantity: Decimal  # base asset, on the step
    price: Decimal  # on the tick
    reduce_only: bool = False
    post_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StopOrder:
    """A reduce-only stop-market order by quantity, held by Binance's algo service until its trigger price trades."""

    client_order_id: ClientOrderId
    symbol: Symbol
    side: Side  # the closing side
    quantity: Decimal  # base asset, on the step
    price_trigger: Decimal  # on the tick
    closes_position: bool = False  # instead of the quantity: whatever is held then (closePosition)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """What the exchange says of a plain order, in a reply or in an event."""

    client_order_id: ClientOrderId
    order_id: OrderId
    symbol: Symbol
    side: Side
    status: OrderStatus
    quantity: Decimal
    quantity_filled: Decimal
    price_average: Decimal  # 0 while nothing is filled
    reduce_only: bool
    updated_ms: int


class StopStatus(StrEnum):
    """The life of a conditional order in the algo service."""

    NEW = "NEW"
    TRIGGERING = "TRIGGERING"
    TRIGGERED = "TRIGGERED"
    FINISHED = "FINISHED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"

    @property
    def protects(self) -> bool:
        """Whether the stop still stands, waiting for its price."""
        return self is StopStatus.NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReport:
    """What the algo service says of a stop, in a reply or in an event."""

    client_order_id: ClientOrderId
    algo_id: AlgoId
    symbol: Symbol
    side: Side
    status: StopStatus
    quantity: Decimal  # 0 for one that closes the position
    price_trigger: Decimal
    closes_position: bool
    order_id: OrderId | None  # of the market order it became
    reason: str  # why it was rejected, else empty
    updated_ms: int
