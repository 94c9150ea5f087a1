"""Endpoints of plain orders and own trades."""

from collections.abc import Callable, Mapping
from typing import cast

import orjson

from localbinance.core.order import Order, Trade
from localbinance.rules import errors
from localbinance.rules.rejection import Rejection
from localbinance.server import refusals
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.order_reading import is_acknowledged_only, read_order
from localbinance.server.parameters import Parameters
from localbinance.server.rate_limit import by_symbol
from localbinance.server.replies_order import own_trade, placed_order, queried_order, tested_order
from localbinance.server.security import Security
from localbinance.server.time_span import TimeSpan
from localbinance.server.venue import Call, Venue

Json = dict[str, object]
Act = Callable[[Venue, Call], Json]
BATCH_PLACED_MAX = 5
BATCH_CANCELLED_MAX = 10
ALL_CANCELLED: Json = {"code": 200, "msg": "The operation of cancel all open order is done."}


def place(venue: Venue, call: Call) -> Json:
    """POST /fapi/v1/order."""
    request = read_order(call.parameters)
    acknowledge = is_acknowledged_only(call.parameters)
    try:
        order = venue.exchange.place_order(call.account, request, call.now_ms)
    except Rejection:
        venue.counts.rejected += 1
        raise
    venue.counts.placed += 1
    return placed_order(order, acknowledge=acknowledge)


def test(venue: Venue, call: Call) -> Json:
    """POST /fapi/v1/order/test."""
    request = read_order(call.parameters)
    venue.exchange.test_order(call.account, request, call.now_ms)
    return tested_order(request, call.now_ms)


def _order_ids(parameters: Parameters) -> tuple[int | None, str | None]:
    order_id, client_id = parameters.integer("orderid"), parameters.text("origclientorderid")
    if order_id is None and client_id is None:
        raise errors.missing("orderid")
    return order_id, client_id


def modify(venue: Venue, call: Call) -> Json:
    """PUT /fapi/v1/order: both quantity and price are wanted."""
    order_id, client_id = _order_ids(call.parameters)
    request = read_order(Parameters({**call.parameters.values, "type": "LIMIT"}))
    if request.quantity is None:
        raise errors.missing("quantity")
    if request.price is None:
        raise errors.missing("price")
    order = venue.exchange.modify_order(
        call.account,
        request.symbol,
        order_id,
        client_id,
        request.side,
        request.quantity,
        request.price,
        call.now_ms,
    )
    return placed_order(order)


def cancel(venue: Venue, call: Call) -> Json:
    """DELETE /fapi/v1/order."""
    order_id, client_id = _order_ids(call.parameters)
    order = venue.exchange.cancel_order(
        call.account, call.symbol, order_id=order_id, client_order_id=client_id, now_ms=call.now_ms
    )
    venue.counts.cancelled += 1
    return placed_order(order)


def cancel_all(venue: Venue, call: Call) -> Json:
    """DELETE /fapi/v1/allOpenOrders. Untriggered conditional orders stay."""
    venue.listed(call.symbol)
    venue.counts.cancelled += len(venue.exchange.open_orders(call.account, call.symbol))
    venue.exchange.cancel_all_orders(call.account, call.symbol, call.now_ms)
    return ALL_CANCELLED


def _queried(venue: Venue, order: Order) -> Json:
    return queried_order(order, venue.rules.symbols[order.symbol])


def query(venue: Venue, call: Call) -> Json:
    """GET /fapi/v1/order."""
    order_id, client_id = _order_ids(call.parameters)
    venue.listed(call.symbol)
    order = venue.exchange.order(call.account, call.symbol, order_id=order_id, client_order_id=client_id)
    return _queried(venue, order)


def query_open(venue: Venue, call: Call) -> Json:
    """GET /fapi/v1/openOrder: only while it is open."""
    order_id, client_id = _order_ids(call.parameters)
    order = venue.exchange.order(call.account, call.symbol, order_id=order_id, client_order_id=client_id)
    if not order.is_open:
        raise errors.order_does_not_exist()
    return _queried(venue, order)


def open_orders(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/openOrders."""
    symbol = call.symbol_or_none
    if symbol is not None:
        venue.listed(symbol)
    return [_queried(venue, order) for order in venue.exchange.open_orders(call.account, symbol)]


def all_orders(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/allOrders."""
    symbol = call.symbol_or_none
    if symbol is not None:
        venue.listed(symbol)
    span = TimeSpan.read(call.parameters, days_max=7)
    from_id = call.parameters.integer("orderid")
    found = [
        order
        for order in venue.exchange.all_orders(call.account, symbol)
        if span.holds(order.created_ms) and (from_id is None or order.order_id >= from_id)
    ]
    limit = call.parameters.limit(default=500, most=1_000)
    oldest_first = from_id is not None or span.start_ms is not None
    return [_queried(venue, order) for order in (found[:limit] if oldest_first else found[-limit:])]


def user_trades(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/userTrades."""
    rules = venue.listed(call.symbol)
    span = TimeSpan.read(call.parameters, days_max=7)
    from_id, order_id = call.parameters.integer("fromid"), call.parameters.integer("orderid")
    if from_id is not None and span.given:
        raise refusals.invalid_combination()

    def wanted(trade: Trade) -> bool:
        return (
            span.holds(trade.time_ms)
            and (from_id is None or trade.trade_id >= from_id)
            and (order_id is None or trade.order_id == order_id)
        )

    found = [trade for trade in venue.exchange.trades(call.account, call.symbol) if wanted(trade)]
    limit = call.parameters.limit(default=500, most=1_000)
    oldest_first = from_id is not None or span.start_ms is not None
    return [own_trade(trade, rules) for trade in (found[:limit] if oldest_first else found[-limit:])]


# Batches -------------------------------------------------------------------------------------------------------------


def _batch(parameters: Parameters) -> list[Parameters]:
    name = "batchorders"
    try:
        rows = orjson.loads(parameters.required(name))
    except orjson.JSONDecodeError:
        raise refusals.invalid_data(name) from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise refusals.invalid_data(name)
    if not 0 < len(rows) <= BATCH_PLACED_MAX:
        raise refusals.batch_size(len(rows))
    return [Parameters(_as_text(row)) for row in rows]


def _as_text(row: Mapping[str, object]) -> dict[str, str]:
    return {
        name.lower(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in row.items()
        if value is not None
    }


def _each(calls: list[Call], act: Act, venue: Venue) -> list[Json]:
    replies: list[Json] = []
    for call in calls:
        try:
            replies.append(act(venue, call))
        except Rejection as no:
            replies.append({"code": no.code, "msg": no.message})
    return replies


def place_batch(venue: Venue, call: Call) -> object:
    """POST /fapi/v1/batchOrders: each order stands for itself."""
    return _each([Call(call.account, row, call.now_ms) for row in _batch(call.parameters)], place, venue)


def modify_batch(venue: Venue, call: Call) -> object:
    """PUT /fapi/v1/batchOrders."""
    return _each([Call(call.account, row, call.now_ms) for row in _batch(call.parameters)], modify, venue)


def cancel_batch(venue: Venue, call: Call) -> object:
    """DELETE /fapi/v1/batchOrders."""
    name, each = ("orderidlist", "orderid")
    if call.parameters.text(name) is None:
        name, each = ("origclientorderidlist", "origclientorderid")
    try:
        ids = orjson.loads(call.parameters.required(name))
    except orjson.JSONDecodeError:
        raise refusals.invalid_data(name) from None
    if not isinstance(ids, list):
        raise refusals.invalid_data(name)
    identities = cast("list[object]", ids)
    if not 0 < len(identities) <= BATCH_CANCELLED_MAX:
        raise refusals.batch_size(len(identities))
    rows = [Parameters({"symbol": call.symbol, each: str(identity)}) for identity in identities]
    return _each([Call(call.account, row, call.now_ms) for row in rows], cancel, venue)


def countdown_cancel_all(venue: Venue, call: Call) -> object:
    """POST /fapi/v1/countdownCancelAll: a dead man's switch for plain orders, looked at with every step."""
    symbol = call.symbol
    venue.listed(symbol)
    countdown_ms = call.parameters.integer("countdowntime")
    if countdown_ms is None:
        raise errors.missing("countdowntime")
    if countdown_ms == 0:
        venue.countdowns.pop((call.account, symbol), None)
    else:
        venue.countdowns[call.account, symbol] = call.now_ms + countdown_ms
    return {"symbol": symbol, "countdownTime": str(countdown_ms)}


SIGNED = Security.SIGNED
ROUTES: Routes = {
    ("POST", "/fapi/v1/order"): Endpoint(place, SIGNED, 0, (1, 1), changes=True),
    ("POST", "/fapi/v1/order/test"): Endpoint(test, SIGNED, 0),
    ("PUT", "/fapi/v1/order"): Endpoint(modify, SIGNED, 0, (1, 1), changes=True),
    ("DELETE", "/fapi/v1/order"): Endpoint(cancel, SIGNED, 1, changes=True),
    ("GET", "/fapi/v1/order"): Endpoint(query, SIGNED, 1),
    ("GET", "/fapi/v1/openOrder"): Endpoint(query_open, SIGNED, 1),
    ("GET", "/fapi/v1/openOrders"): Endpoint(open_orders, SIGNED, by_symbol(1, 40)),
    ("GET", "/fapi/v1/allOrders"): Endpoint(all_orders, SIGNED, 5),
    ("DELETE", "/fapi/v1/allOpenOrders"): Endpoint(cancel_all, SIGNED, 1, changes=True),
    ("POST", "/fapi/v1/batchOrders"): Endpoint(place_batch, SIGNED, 5, (5, 1), changes=True),
    ("PUT", "/fapi/v1/batchOrders"): Endpoint(modify_batch, SIGNED, 5, (5, 1), changes=True),
    ("DELETE", "/fapi/v1/batchOrders"): Endpoint(cancel_batch, SIGNED, 1, changes=True),
    ("POST", "/fapi/v1/countdownCancelAll"): Endpoint(countdown_cancel_all, SIGNED, 10),
    ("GET", "/fapi/v1/userTrades"): Endpoint(user_trades, SIGNED, 5),
}
