"""Reading spot's orders: the parameters of a request as the core's requests."""

import re
from dataclasses import dataclass

from localbinance.core.order import Side, TimeInForce
from localbinance.core.spot.order import OcoRequest, SpotRequest, SpotType
from localbinance.rules import errors, spot_errors
from localbinance.rules.rejection import Rejection
from localbinance.server import refusals
from localbinance.server.parameters import Parameters

CLIENT_ID_RANGE = "^[a-zA-Z0-9-_]{1,36}$"
_CLIENT_ID = re.compile(r"[a-zA-Z0-9_-]{1,36}")
_STP_MODES = frozenset(("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"))
_RESPONSES = frozenset(("ACK", "RESULT", "FULL"))
_LEG = ("type", "price", "stopPrice", "timeInForce", "clientOrderId", "icebergQty", "trailingDelta")


@dataclass(frozen=True, slots=True)
class OrderName:
    """How a request names an order: by its number, by its client id, or by both."""

    order_id: int | None
    client_order_id: str | None


def read_order(parameters: Parameters) -> SpotRequest:
    """An order. Raises: Rejection."""
    symbol = parameters.required("symbol").upper()
    side = parameters.choice("side", Side, refusals.invalid_side())
    if side is None:
        raise errors.missing("side")
    order_type = parameters.choice("type", SpotType, errors.invalid_order_type())
    if order_type is None:
        raise errors.missing("type")
    if parameters.number("icebergqty"):
        raise spot_errors.iceberg_not_supported()
    if parameters.integer("trailingdelta"):
        raise spot_errors.trailing_not_supported()
    return SpotRequest(
        symbol=symbol,
        side=side,
        type=order_type,
        quantity=parameters.number("quantity"),
        quote_quantity=parameters.number("quoteorderqty"),
        price=parameters.number("price"),
        price_stop=parameters.number("stopprice"),
        time_in_force=parameters.choice("timeinforce", TimeInForce, refusals.invalid_time_in_force()),
        client_order_id=client_id(parameters, "newClientOrderId"),
        stp_mode=_one_of(parameters, "selfTradePreventionMode", _STP_MODES) or "EXPIRE_MAKER",
    )


def read_oco(parameters: Parameters) -> OcoRequest:
    """An OCO in its form of an order above and one below. Raises: Rejection."""
    shared = {name: parameters.values.get(name, "") for name in ("symbol", "side", "quantity")}
    parameters.required("quantity")
    legs = [read_order(Parameters(shared | _leg(parameters, place))) for place in ("above", "below")]
    return OcoRequest(above=legs[0], below=legs[1], client_list_id=client_id(parameters, "listClientOrderId"))


def read_name(parameters: Parameters, number: str = "orderId", client: str = "origClientOrderId") -> OrderName:
    """Which order is meant. Raises: Rejection -1102 when it is not said."""
    order_id, client_order_id = parameters.integer(number.lower()), parameters.text(client.lower())
    if order_id is None and client_order_id is None:
        raise Rejection(-1102, f"Param '{client}' or '{number}' must be sent, but both were empty/null!")
    return OrderName(order_id, client_order_id)


def read_response(parameters: Parameters, order_type: SpotType) -> str:
    """How much is to be told of an order that was placed: ACK, RESULT or FULL."""
    usual = "FULL" if order_type in (SpotType.MARKET, SpotType.LIMIT) else "ACK"
    return _one_of(parameters, "newOrderRespType", _RESPONSES) or usual


def client_id(parameters: Parameters, name: str) -> str | None:
    """A client id. Raises: Rejection -1100."""
    value = parameters.text(name.lower())
    if value is not None and _CLIENT_ID.fullmatch(value) is None:
        raise refusals.illegal_characters(name, CLIENT_ID_RANGE)
    return value


def _leg(parameters: Parameters, place: str) -> dict[str, str]:
    """`abovePrice` as `price`, and so on."""
    parameters.required(f"{place}type")
    names = {f"{place}{name}".lower(): name.lower().replace("clientorderid", "newclientorderid") for name in _LEG}
    return {name: parameters.values[told] for told, name in names.items() if told in parameters.values}


def _one_of(parameters: Parameters, name: str, values: frozenset[str]) -> str | None:
    value = parameters.text(name.lower())
    if value is not None and value not in values:
        raise refusals.invalid_data(name)
    return value
