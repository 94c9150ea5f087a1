"""Endpoints of the algo service: conditional orders. Unknown parameters, such as `symbol` on queries, are ignored."""

from localbinance.rules import errors
from localbinance.rules.rejection import Rejection
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.order_endpoints import ALL_CANCELLED, SIGNED
from localbinance.server.order_reading import read_algo_order
from localbinance.server.parameters import Parameters
from localbinance.server.rate_limit import by_symbol
from localbinance.server.replies_order import placed_algo, queried_algo
from localbinance.server.time_span import TimeSpan
from localbinance.server.venue import Call, Venue


def place(venue: Venue, call: Call) -> object:
    """POST /fapi/v1/algoOrder."""
    request = read_algo_order(call.parameters)
    try:
        algo = venue.exchange.place_algo_order(call.account, request, call.now_ms)
    except Rejection:
        venue.counts.rejected += 1
        raise
    venue.counts.placed += 1
    return placed_algo(algo)


def _algo_ids(parameters: Parameters) -> tuple[int | None, str | None]:
    algo_id, client_id = parameters.integer("algoid"), parameters.text("clientalgoid")
    if algo_id is None and client_id is None:
        raise errors.missing("algoid")
    return algo_id, client_id


def cancel(venue: Venue, call: Call) -> object:
    """DELETE /fapi/v1/algoOrder. The code of the reply is a string here."""
    algo_id, client_id = _algo_ids(call.parameters)
    algo = venue.exchange.cancel_algo_order(call.account, algo_id=algo_id, client_algo_id=client_id, now_ms=call.now_ms)
    venue.counts.cancelled += 1
    return {"algoId": algo.algo_id, "clientAlgoId": algo.client_algo_id, "code": "200", "msg": "success"}


def cancel_all(venue: Venue, call: Call) -> object:
    """DELETE /fapi/v1/algoOpenOrders."""
    symbol = call.symbol
    venue.listed(symbol)
    venue.counts.cancelled += len(venue.exchange.open_algo_orders(call.account, symbol))
    venue.exchange.cancel_all_algo_orders(call.account, symbol, call.now_ms)
    return ALL_CANCELLED


def query(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/algoOrder."""
    algo_id, client_id = _algo_ids(call.parameters)
    return queried_algo(venue.exchange.algo_order(call.account, algo_id=algo_id, client_algo_id=client_id))


def open_orders(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/openAlgoOrders."""
    algo_id = call.parameters.integer("algoid")
    found = venue.exchange.open_algo_orders(call.account, call.symbol_or_none)
    return [queried_algo(algo) for algo in found if algo_id is None or algo.algo_id == algo_id]


def all_orders(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/allAlgoOrders."""
    symbol = call.symbol
    venue.listed(symbol)
    span = TimeSpan.read(call.parameters, days_max=7)
    from_id = call.parameters.integer("algoid")
    found = [
        algo
        for algo in venue.exchange.all_algo_orders(call.account, symbol)
        if span.holds(algo.created_ms) and (from_id is None or algo.algo_id >= from_id)
    ]
    limit = call.parameters.limit(default=500, most=1_000)
    page = max(1, call.parameters.integer("page") or 1)
    if from_id is None and span.start_ms is None:
        end = len(found) - (page - 1) * limit
        found = found[max(0, end - limit) : max(0, end)]
    else:
        found = found[(page - 1) * limit : page * limit]
    return [queried_algo(algo) for algo in found]


ROUTES: Routes = {
    ("POST", "/fapi/v1/algoOrder"): Endpoint(place, SIGNED, 0, (1, 1), changes=True),
    ("DELETE", "/fapi/v1/algoOrder"): Endpoint(cancel, SIGNED, 1, changes=True),
    ("GET", "/fapi/v1/algoOrder"): Endpoint(query, SIGNED, 1),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Endpoint(cancel_all, SIGNED, 1, changes=True),
    ("GET", "/fapi/v1/openAlgoOrders"): Endpoint(open_orders, SIGNED, by_symbol(1, 40)),
    ("GET", "/fapi/v1/allAlgoOrders"): Endpoint(all_orders, SIGNED, 5),
}
