"""Endpoints of spot's orders and order lists."""

from dataclasses import replace

from localbinance.core.spot.order import NO_LIST, OrderList, SpotOrder
from localbinance.core.spot.state import made_id
from localbinance.rules import errors, spot_errors
from localbinance.rules.rejection import Rejection
from localbinance.server import refusals
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.rate_limit import by_symbol
from localbinance.server.security import Security
from localbinance.server.spot import replies
from localbinance.server.spot.order_reading import client_id, read_name, read_oco, read_order, read_response
from localbinance.server.time_span import DAY_MS, TimeSpan
from localbinance.server.venue import Call, Venue

Json = dict[str, object]
SIGNED = Security.SIGNED
ORDERS_DEFAULT, ORDERS_MOST = 500, 1_000


def place(venue: Venue, call: Call) -> Json:
    """POST /api/v3/order."""
    request = read_order(call.parameters)
    response = read_response(call.parameters, request.type)
    venue.spot.listed(request.symbol)
    try:
        order = venue.spot.exchange.place_order(call.account, request, call.now_ms)
    except Rejection:
        venue.counts.rejected += 1
        raise
    venue.counts.placed += 1
    return replies.placed_order(order, venue.spot.exchange.trades_of(order), response, call.now_ms)


def test(venue: Venue, call: Call) -> Json:
    """POST /api/v3/order/test."""
    request = read_order(call.parameters)
    rules = venue.spot.listed(request.symbol)
    venue.spot.exchange.test_order(call.account, request)
    if not call.parameters.boolean("computecommissionrates"):
        return {}
    return {"standardCommissionForOrder": replies.rates(rules)}


def cancel(venue: Venue, call: Call) -> Json:
    """DELETE /api/v3/order. Of an OCO it cancels both orders."""
    name, cancel_id = read_name(call.parameters), _cancel_id(call, "newClientOrderId")
    symbol = call.symbol
    venue.spot.listed(symbol)
    ended = venue.spot.exchange.cancel_order(
        call.account,
        symbol,
        order_id=name.order_id,
        client_order_id=name.client_order_id,
        cancel_id=cancel_id,
        now_ms=call.now_ms,
    )
    venue.counts.cancelled += len(ended)
    return _cancelled(venue, ended, cancel_id, call)


def _cancelled(venue: Venue, ended: list[SpotOrder], cancel_id: str, call: Call) -> Json:
    if ended[0].list_id == NO_LIST:
        return replies.cancelled_order(ended[0], cancel_id, call.now_ms)
    whole = venue.spot.exchange.order_list(call.account, ended[0].list_id, None, errors.unknown_order())
    reports = [replies.cancelled_order(order, cancel_id, call.now_ms) for order in ended]
    return {**replies.order_list(whole, call.now_ms), "orderReports": reports}


def cancel_all(venue: Venue, call: Call) -> object:
    """DELETE /api/v3/openOrders: every open order of a pair, OCOs whole."""
    symbol = call.symbol
    venue.spot.listed(symbol)
    if not venue.spot.exchange.open_orders(call.account, symbol):
        raise errors.unknown_order()
    told: list[Json] = []
    cancel_id = _cancel_id(call, "newClientOrderId")
    while still := venue.spot.exchange.open_orders(call.account, symbol):
        ended = venue.spot.exchange.cancel_order(
            call.account, symbol, order_id=still[0].order_id, cancel_id=cancel_id, now_ms=call.now_ms
        )
        venue.counts.cancelled += len(ended)
        told.append(_cancelled(venue, ended, cancel_id, call))
    return told


def query(venue: Venue, call: Call) -> Json:
    """GET /api/v3/order."""
    name = read_name(call.parameters)
    order = venue.spot.exchange.order(
        call.account, call.symbol, order_id=name.order_id, client_order_id=name.client_order_id
    )
    return replies.queried_order(order)


def open_orders(venue: Venue, call: Call) -> object:
    """GET /api/v3/openOrders."""
    symbol = call.symbol_or_none
    if symbol is not None:
        venue.spot.listed(symbol)
    return [replies.queried_order(order) for order in venue.spot.exchange.open_orders(call.account, symbol)]


def all_orders(venue: Venue, call: Call) -> object:
    """GET /api/v3/allOrders."""
    symbol, span, from_id = call.symbol, day_span(call), call.parameters.integer("orderid")
    venue.spot.listed(symbol)
    found = [
        order
        for order in venue.spot.exchange.all_orders(call.account, symbol)
        if span.holds(order.created_ms) and (from_id is None or order.order_id >= from_id)
    ]
    limit = call.parameters.limit(default=ORDERS_DEFAULT, most=ORDERS_MOST)
    oldest_first = from_id is not None or span.start_ms is not None
    return [replies.queried_order(order) for order in (found[:limit] if oldest_first else found[-limit:])]


def day_span(call: Call) -> TimeSpan:
    """The span of a query that looks at a day at most. Raises: Rejection -1127."""
    span = TimeSpan.read(call.parameters)
    if span.start_ms is not None and span.end_ms is not None and span.end_ms - span.start_ms > DAY_MS:
        raise spot_errors.span_too_long()
    return span


def cancel_replace(venue: Venue, call: Call) -> Json:
    """POST /api/v3/order/cancelReplace: cancel one order, place another."""
    parameters = call.parameters
    mode = parameters.required("cancelreplacemode")
    if mode not in ("STOP_ON_FAILURE", "ALLOW_FAILURE"):
        raise refusals.invalid_data("cancelReplaceMode")
    name = read_name(parameters, "cancelOrderId", "cancelOrigClientOrderId")
    request, cancel_id = read_order(parameters), _cancel_id(call, "cancelNewClientOrderId")
    response = read_response(parameters, request.type)
    venue.spot.listed(request.symbol)
    replies_of: list[Json | None] = [None, None]
    results = ["FAILURE", "NOT_ATTEMPTED"]
    try:
        ended = venue.spot.exchange.cancel_order(
            call.account,
            request.symbol,
            order_id=name.order_id,
            client_order_id=name.client_order_id,
            cancel_id=cancel_id,
            now_ms=call.now_ms,
        )
        results[0], replies_of[0] = "SUCCESS", _cancelled(venue, ended, cancel_id, call)
    except Rejection as no:
        replies_of[0] = {"code": no.code, "msg": no.message}
    if results[0] == "SUCCESS" or mode == "ALLOW_FAILURE":
        try:
            order = venue.spot.exchange.place_order(call.account, request, call.now_ms)
            fills = venue.spot.exchange.trades_of(order)
            results[1], replies_of[1] = "SUCCESS", replies.placed_order(order, fills, response, call.now_ms)
        except Rejection as no:
            results[1], replies_of[1] = "FAILURE", {"code": no.code, "msg": no.message}
    told: Json = {
        "cancelResult": results[0],
        "newOrderResult": results[1],
        "cancelResponse": replies_of[0],
        "newOrderResponse": replies_of[1],
    }
    if "SUCCESS" not in results:
        raise Rejection(-2022, "Order cancel-replace failed.", data=told)
    if "FAILURE" in results:
        raise Rejection(-2021, "Order cancel-replace partially failed.", status=409, data=told)
    return told


# Order lists ---------------------------------------------------------------------------------------------------------


def place_oco(venue: Venue, call: Call) -> Json:
    """POST /api/v3/orderList/oco."""
    request = read_oco(call.parameters)
    venue.spot.listed(request.above.symbol)
    try:
        placed = venue.spot.exchange.place_oco(call.account, request, call.now_ms)
    except Rejection:
        venue.counts.rejected += 1
        raise
    venue.counts.placed += len(placed.orders)
    response = call.parameters.text("neworderresptype") or "FULL"
    reports = [
        replies.placed_order(order, venue.spot.exchange.trades_of(order), response, call.now_ms)
        for order in placed.orders
    ]
    return {**replies.order_list(placed, call.now_ms), "orderReports": reports}


def cancel_list(venue: Venue, call: Call) -> Json:
    """DELETE /api/v3/orderList."""
    found = _list(venue, call, errors.unknown_order())
    still = [order for order in found.orders if order.is_open]
    if not still:
        raise errors.unknown_order()
    cancel_id = _cancel_id(call, "newClientOrderId")
    ended = venue.spot.exchange.cancel_order(
        call.account, found.symbol, order_id=still[0].order_id, cancel_id=cancel_id, now_ms=call.now_ms
    )
    venue.counts.cancelled += len(ended)
    return _cancelled(venue, ended, cancel_id, call)


def query_list(venue: Venue, call: Call) -> Json:
    """GET /api/v3/orderList."""
    found = _list(venue, call, Rejection(-2018, "Order list does not exist."))
    return replies.order_list(found, found.created_ms)


def all_lists(venue: Venue, call: Call) -> object:
    """GET /api/v3/allOrderList."""
    limit = call.parameters.limit(default=ORDERS_DEFAULT, most=ORDERS_MOST)
    return [replies.order_list(each, each.created_ms) for each in venue.spot.exchange.lists(call.account)[-limit:]]


def open_lists(venue: Venue, call: Call) -> object:
    """GET /api/v3/openOrderList."""
    lists = venue.spot.exchange.lists(call.account)
    return [replies.order_list(each, each.created_ms) for each in lists if each.is_open]


def _list(venue: Venue, call: Call, no: Rejection) -> OrderList:
    name = read_name(call.parameters, "orderListId", "listClientOrderId")
    if name.client_order_id is None:
        name = replace(name, client_order_id=call.parameters.text("origclientorderid"))
    return venue.spot.exchange.order_list(call.account, name.order_id, name.client_order_id, no)


def _cancel_id(call: Call, name: str) -> str:
    """The client id of a cancel, made where none was given."""
    return client_id(call.parameters, name) or made_id(call.now_ms, f"cancel {call.parameters.values}")


ROUTES: Routes = {
    ("POST", "/api/v3/order"): Endpoint(place, SIGNED, 0, (1, 1), changes=True),
    ("POST", "/api/v3/order/test"): Endpoint(test, SIGNED, 1),
    ("POST", "/api/v3/order/cancelReplace"): Endpoint(cancel_replace, SIGNED, 0, (1, 1), changes=True),
    ("DELETE", "/api/v3/order"): Endpoint(cancel, SIGNED, 0, changes=True),
    ("DELETE", "/api/v3/openOrders"): Endpoint(cancel_all, SIGNED, 0, changes=True),
    ("GET", "/api/v3/order"): Endpoint(query, SIGNED, 4),
    ("GET", "/api/v3/openOrders"): Endpoint(open_orders, SIGNED, by_symbol(6, 80)),
    ("GET", "/api/v3/allOrders"): Endpoint(all_orders, SIGNED, 20),
    ("POST", "/api/v3/orderList/oco"): Endpoint(place_oco, SIGNED, 0, (2, 2), changes=True),
    ("DELETE", "/api/v3/orderList"): Endpoint(cancel_list, SIGNED, 0, changes=True),
    ("GET", "/api/v3/orderList"): Endpoint(query_list, SIGNED, 4),
    ("GET", "/api/v3/allOrderList"): Endpoint(all_lists, SIGNED, 20),
    ("GET", "/api/v3/openOrderList"): Endpoint(open_lists, SIGNED, 6),
}
