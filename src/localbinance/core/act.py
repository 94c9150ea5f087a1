"""Acts: what an exchange, or somebody else on the same account, does to a trader besides filling the orders. Values.

Quantities are base asset, rates are fractions. A `symbol` of "" means any symbol. Every act raises ValueError, with one
line, on what it cannot mean.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from localbinance.core.order import AlgoRequest, OrderRequest
from localbinance.rules import errors

TIMES_MAX = 10_000
PARTS_MAX = 100
CLIENT_ID_LENGTH_MAX = 36
AMOUNT_MAX = Decimal(10) ** 15
TIME_MAX_MS = 10**15
LEVERAGE_TEXTS = {-4028: "Leverage %s is not valid"} | {
    no.code: no.message
    for no in (errors.leverage_too_small(), errors.leverage_reduction_isolated(), errors.position_limit_exceeded())
}
MARGIN_TYPE_TEXTS = {no.code: no.message for no in (errors.margin_type_has_orders(), errors.margin_type_has_position())}


def check_depth(quantity: Decimal | None) -> None:
    """Of an act that ends a modelled depth. Raises: ValueError."""
    if quantity is not None and quantity < 0:
        raise ValueError(f"quantity is {quantity}; it must not be below 0")


def check_parts(parts: int, over_ms: int) -> None:
    """Of an act that has orders fill part by part. Raises: ValueError."""
    if not 1 <= parts <= PARTS_MAX:
        raise ValueError(f"parts is {parts}; it must lie between 1 and {PARTS_MAX}")
    if over_ms < 0:
        raise ValueError(f"over_ms is {over_ms}; it must not be below 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thin:
    """The modelled depth of a symbol ends after so much a side, until it is lifted."""

    symbol: str
    act: Literal["thin"] = "thin"
    quantity: Decimal | None = None  # None lifts it

    def __post_init__(self) -> None:
        check_depth(self.quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSlowly:
    """Market orders of a symbol fill part by part: the first at once, the last after `over_ms`, until it is lifted."""

    symbol: str
    act: Literal["fill_slowly"] = "fill_slowly"
    parts: int = 4  # 1 lifts it
    over_ms: int = 3_000

    def __post_init__(self) -> None:
        check_parts(self.parts, self.over_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseTrigger:
    """The next conditional orders that are triggered end REJECTED; their positions stay."""

    act: Literal["refuse_trigger"] = "refuse_trigger"
    symbol: str = ""
    times: int = 1
    reason: str = "Margin is insufficient."

    def __post_init__(self) -> None:
        _check_times(self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class StickTrigger:
    """The next conditional orders that are triggered get stuck: TRIGGERING without a child, or TRIGGERED with a child
    that nothing fills. When the time is over they go on as if triggered then."""

    for_ms: int
    act: Literal["stick_trigger"] = "stick_trigger"
    symbol: str = ""
    times: int = 1
    stage: Literal["TRIGGERING", "TRIGGERED"] = "TRIGGERING"

    def __post_init__(self) -> None:
        _check_times(self.times)
        _check_time("for_ms", self.for_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnounceDelisting:
    """A symbol's delisting is announced: it trades on, and is settled when the time that is told now has come."""

    symbol: str
    delivery_ms: int
    act: Literal["announce_delisting"] = "announce_delisting"

    def __post_init__(self) -> None:
        _check_time("delivery_ms", self.delivery_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle:
    """A symbol is delisted: SETTLING, its orders are ended, and at the delivery its positions are closed at mark."""

    symbol: str
    act: Literal["settle"] = "settle"
    delivery_ms: int | None = None  # None: positions stay

    def __post_init__(self) -> None:
        if self.delivery_ms is not None:
            _check_time("delivery_ms", self.delivery_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseLeverage:
    """The next requests to set a leverage are refused."""

    act: Literal["refuse_leverage"] = "refuse_leverage"
    symbol: str = ""
    times: int = 1
    code: int = -4028
    message: str = ""  # "": the code's own text, where it has one

    def __post_init__(self) -> None:
        _check_times(self.times)
        _check_text(self.code, self.message, LEVERAGE_TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefuseMarginType:
    """The next requests to set a margin type are refused."""

    act: Literal["refuse_margin_type"] = "refuse_margin_type"
    symbol: str = ""
    times: int = 1
    code: int = -4047
    message: str = ""  # "": the code's own text, where it has one

    def __post_init__(self) -> None:
        _check_times(self.times)
        _check_text(self.code, self.message, MARGIN_TYPE_TEXTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapLeverage:
    """A leverage that is set is silently cut to this one, which the answer names, until it is lifted."""

    act: Literal["cap_leverage"] = "cap_leverage"
    symbol: str = ""
    leverage: int | None = None  # None lifts it

    def __post_init__(self) -> None:
        if self.leverage is not None and self.leverage < 1:
            raise ValueError(f"leverage is {self.leverage}; it must be 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidate:
    """The account's cross positions are liquidated now, whatever their margin."""

    act: Literal["liquidate"] = "liquidate"
    asset: str = ""  # the margin asset; "": every one


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignOrder:
    """Another client of the account places a plain order."""

    order: OrderRequest
    act: Literal["foreign_order"] = "foreign_order"

    def __post_init__(self) -> None:
        _check_request(self.order, self.order.client_order_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignStop:
    """Another client of the account places a conditional order."""

    stop: AlgoRequest
    act: Literal["foreign_stop"] = "foreign_stop"

    def __post_init__(self) -> None:
        _check_request(self.stop, self.stop.client_algo_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignCancel:
    """Another client of the account cancels an order or a conditional order. Exactly one of the three names it."""

    act: Literal["foreign_cancel"] = "foreign_cancel"
    order_id: int | None = None
    algo_id: int | None = None
    client_id: str | None = None  # of either kind

    def __post_init__(self) -> None:
        if [self.order_id, self.algo_id, self.client_id].count(None) != 2:
            raise ValueError("exactly one of order_id, algo_id and client_id names what is cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignClose:
    """Another client of the account closes what it holds of a symbol, at market."""

    symbol: str
    act: Literal["foreign_close"] = "foreign_close"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayFunding:
    """A funding payment out of turn; the running interval goes on."""

    symbol: str
    rate: Decimal
    act: Literal["funding"] = "funding"

    def __post_init__(self) -> None:
        if not -1 < self.rate < 1:
            raise ValueError(f"rate is {self.rate}; it is a fraction between -1 and 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Balance leaves the account. Below 0 it comes."""

    asset: str
    amount: Decimal
    act: Literal["withdraw"] = "withdraw"

    def __post_init__(self) -> None:
        if abs(self.amount) > AMOUNT_MAX:
            raise ValueError(f"amount is {self.amount}; it must be within {AMOUNT_MAX:f}")


CoreAct: TypeAlias = (
    Thin
    | FillSlowly
    | RefuseTrigger
    | StickTrigger
    | AnnounceDelisting
    | Settle
    | RefuseLeverage
    | RefuseMarginType
    | CapLeverage
    | Liquidate
    | ForeignOrder
    | ForeignStop
    | ForeignCancel
    | ForeignClose
    | PayFunding
)


def _check_times(times: int) -> None:
    if not 1 <= times <= TIMES_MAX:
        raise ValueError(f"times is {times}; it must lie between 1 and {TIMES_MAX}")


def _check_time(name: str, time_ms: int) -> None:
    if not 0 < time_ms <= TIME_MAX_MS:
        raise ValueError(f"{name} is {time_ms}; it must lie between 1 and {TIME_MAX_MS}")


def _check_request(request: OrderRequest | AlgoRequest, client_id: str | None) -> None:
    """What the wire checks before a request of the trader gets here."""
    if client_id is not None and not 1 <= len(client_id) <= CLIENT_ID_LENGTH_MAX:
        raise ValueError(f"a client id has 1 to {CLIENT_ID_LENGTH_MAX} characters, not {len(client_id)}")
    if request.price_match != "NONE":
        raise ValueError("price_match is not for foreign orders; give a price")
    if request.good_till_ms:
        _check_time("good_till_ms", request.good_till_ms)


def _check_text(code: int, message: str, texts: dict[int, str]) -> None:
    if code >= 0:
        raise ValueError(f"code is {code}; the exchange's codes are below 0")
    if not message and code not in texts:
        raise ValueError(f"code {code} needs a message; {', '.join(map(str, texts))} have one of their own")
