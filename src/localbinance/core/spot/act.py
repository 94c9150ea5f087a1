"""Acts upon spot: what the exchange, or a person at the account's app, does there besides filling the orders. Values.

A jump of prices is one of the perpetual of the same name, which spot follows.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from localbinance.core.act import AMOUNT_MAX, check_depth, check_parts
from localbinance.core.spot.order import SpotRequest

CLIENT_ID_LENGTH_MAX = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotOrderByHand:
    """A person places an order on the account's app: its client id is one that Binance's own apps give."""

    order: SpotRequest
    act: Literal["spot_order"] = "spot_order"
    app: Literal["web", "and", "ios"] = "web"

    def __post_init__(self) -> None:
        client_id = self.order.client_order_id
        if client_id is not None and not 1 <= len(client_id) <= CLIENT_ID_LENGTH_MAX:
            raise ValueError(f"a client id has 1 to {CLIENT_ID_LENGTH_MAX} characters, not {len(client_id)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotCancelByHand:
    """A person cancels an order. Exactly one of the two names it."""

    act: Literal["spot_cancel"] = "spot_cancel"
    order_id: int | None = None
    client_id: str | None = None

    def __post_init__(self) -> None:
        if (self.order_id is None) is (self.client_id is None):
            raise ValueError("exactly one of order_id and client_id names what is cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotWithdraw:
    """Free balance leaves the account. Below 0 it comes."""

    asset: str
    amount: Decimal
    act: Literal["spot_withdraw"] = "spot_withdraw"

    def __post_init__(self) -> None:
        if abs(self.amount) > AMOUNT_MAX:
            raise ValueError(f"amount is {self.amount}; it must be within {AMOUNT_MAX:f}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotStatus:
    """A pair stops trading, or trades again. `ends_orders`: as when it is delisted, its open orders are ended."""

    symbol: str
    act: Literal["spot_status"] = "spot_status"
    status: Literal["TRADING", "BREAK", "HALT", "CANCEL_ONLY"] = "BREAK"
    ends_orders: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotFilter:
    """A pair's filters change. What is None stays."""

    symbol: str
    act: Literal["spot_filter"] = "spot_filter"
    multiplier_up: Decimal | None = None  # of PERCENT_PRICE_BY_SIDE, both sides
    multiplier_down: Decimal | None = None
    notional_min: Decimal | None = None  # quote

    def __post_init__(self) -> None:
        for name in ("multiplier_up", "multiplier_down", "notional_min"):
            value: Decimal | None = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} is {value}; it must not be below 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotThin:
    """The modelled depth of a pair ends after so much a side, until it is lifted."""

    symbol: str
    act: Literal["spot_thin"] = "spot_thin"
    quantity: Decimal | None = None  # base asset; None lifts it

    def __post_init__(self) -> None:
        check_depth(self.quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotFillSlowly:
    """Market orders of a pair fill part by part: the first at once, the last after `over_ms`, until it is lifted."""

    symbol: str
    act: Literal["spot_fill_slowly"] = "spot_fill_slowly"
    parts: int = 4  # 1 lifts it
    over_ms: int = 3_000

    def __post_init__(self) -> None:
        check_parts(self.parts, self.over_ms)


SpotAct: TypeAlias = (
    SpotOrderByHand | SpotCancelByHand | SpotWithdraw | SpotStatus | SpotFilter | SpotThin | SpotFillSlowly
)
