"""Reading orders: the parameters of a request as the core's order requests."""

import re

from localbinance.core.order import (
    AlgoRequest,
    AlgoType,
    OrderRequest,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
    WorkingType,
)
from localbinance.rules import errors
from localbinance.rules.rejection import Rejection
from localbinance.server import refusals
from localbinance.server.parameters import Parameters

CLIENT_ID_LENGTH_MAX = 36
CLIENT_ID_RANGE = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]+")
_ALGO_TYPES = frozenset(AlgoType)
_STP_MODES = frozenset(("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"))
_PRICE_MATCHES = frozenset(
    ("NONE", "OPPONENT", "OPPONENT_5", "OPPONENT_10", "OPPONENT_20", "QUEUE", "QUEUE_5", "QUEUE_10", "QUEUE_20")
)


def read_order(parameters: Parameters) -> OrderRequest:
    """A plain order. Raises: Rejection; -4120 for a conditional type, which belongs to the algo service."""
    symbol = parameters.required("symbol").upper()
    side = _side(parameters, errors.missing("side"))
    if parameters.required("type") in _ALGO_TYPES:
        raise errors.algo_endpoint_only()
    order_type = parameters.choice("type", OrderType, errors.invalid_order_type())
    if order_type is None:
        raise errors.missing("type")
    return OrderRequest(
        symbol=symbol,
        side=side,
        type=order_type,
        quantity=parameters.number("quantity"),
        price=parameters.number("price"),
        time_in_force=parameters.choice("timeinforce", TimeInForce, refusals.invalid_time_in_force()),
        reduce_only=parameters.boolean("reduceonly"),
        position_side=parameters.choice("positionside", PositionSide) or PositionSide.BOTH,
        client_order_id=_client_id(parameters, "newclientorderid"),
        price_match=_one_of(parameters, "pricematch", _PRICE_MATCHES) or "NONE",
        stp_mode=_one_of(parameters, "selftradepreventionmode", _STP_MODES) or "EXPIRE_MAKER",
        good_till_ms=parameters.integer("goodtilldate") or 0,
    )


def read_algo_order(parameters: Parameters) -> AlgoRequest:
    """A conditional order, checked in the order in which Binance does: symbol, side, algoType, type."""
    symbol = parameters.required("symbol").upper()
    side = _side(parameters, refusals.invalid_side())
    if parameters.required("algotype") != "CONDITIONAL":
        raise refusals.invalid_algo_type()
    parameters.required("type")
    algo_type = parameters.choice("type", AlgoType, errors.invalid_order_type())
    if algo_type is None:
        raise errors.missing("type")
    trigger = parameters.number("triggerprice")
    if trigger is None and algo_type is not AlgoType.TRAILING_STOP_MARKET:
        raise errors.missing("triggerprice")
    return AlgoRequest(
        symbol=symbol,
        side=side,
        type=algo_type,
        quantity=parameters.number("quantity"),
        price=parameters.number("price"),
        price_trigger=trigger,
        price_activate=parameters.number("activateprice"),
        callback_rate=parameters.number("callbackrate"),
        time_in_force=parameters.choice("timeinforce", TimeInForce, refusals.invalid_time_in_force()),
        reduce_only=parameters.boolean("reduceonly"),
        close_position=parameters.boolean("closeposition"),
        price_protect=parameters.boolean("priceprotect"),
        position_side=parameters.choice("positionside", PositionSide) or PositionSide.BOTH,
        working_type=parameters.choice("workingtype", WorkingType) or WorkingType.CONTRACT_PRICE,
        client_algo_id=_client_id(parameters, "clientalgoid"),
        price_match=_one_of(parameters, "pricematch", _PRICE_MATCHES) or "NONE",
        stp_mode=_one_of(parameters, "selftradepreventionmode", _STP_MODES) or "EXPIRE_MAKER",
        good_till_ms=parameters.integer("goodtilldate") or 0,
    )


def is_acknowledged_only(parameters: Parameters) -> bool:
    """Whether the reply is to be an ACK, which is the default. Raises: Rejection -1130."""
    return (_one_of(parameters, "neworderresptype", frozenset(("ACK", "RESULT"))) or "ACK") == "ACK"


def _side(parameters: Parameters, when_missing: Rejection) -> Side:
    side = parameters.choice("side", Side, refusals.invalid_side())
    if side is None:
        raise when_missing
    return side


def _one_of(parameters: Parameters, name: str, values: frozenset[str]) -> str | None:
    value = parameters.text(name)
    if value is not None and value not in values:
        raise refusals.invalid_data(name)
    return value


def _client_id(parameters: Parameters, name: str) -> str | None:
    value = parameters.text(name)
    if value is None:
        return None
    if len(value) > CLIENT_ID_LENGTH_MAX:
        raise errors.client_id_too_long()
    if _CLIENT_ID.fullmatch(value) is None:
        raise refusals.illegal_characters(name, CLIENT_ID_RANGE)
    return value
