"""Endpoints of a spot account: balances, own trades, fees and limits."""

from localbinance.core.spot.order import SpotTrade
from localbinance.rules.spot_rules import FEE_ASSET
from localbinance.server import refusals
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.security import Security
from localbinance.server.spot import replies
from localbinance.server.spot.exchange_info import order_limit_rows
from localbinance.server.spot.order_endpoints import day_span
from localbinance.server.venue import Call, Venue
from localbinance.server.wire_numbers import ZERO, eight

Json = dict[str, object]
SIGNED = Security.SIGNED
TRADES_DEFAULT, TRADES_MOST = 500, 1_000
NO_RATES: Json = dict.fromkeys(("maker", "taker", "buyer", "seller"), eight(ZERO))


def account(venue: Venue, call: Call) -> object:
    """GET /api/v3/account."""
    state = venue.spot.exchange.account_state(call.account)
    rules = next(iter(venue.spot.rules.symbols.values()))
    return replies.account(state, rules, without_zeros=call.parameters.boolean("omitzerobalances"))


def my_trades(venue: Venue, call: Call) -> object:
    """GET /api/v3/myTrades: from an id or a time on, oldest first; else the newest."""
    symbol, span = call.symbol, day_span(call)
    venue.spot.listed(symbol)
    from_id, order_id = call.parameters.integer("fromid"), call.parameters.integer("orderid")
    if from_id is not None and span.given:
        raise refusals.invalid_combination()

    def wanted(trade: SpotTrade) -> bool:
        return (
            span.holds(trade.time_ms)
            and (from_id is None or trade.trade_id >= from_id)
            and (order_id is None or trade.order_id == order_id)
        )

    found = [trade for trade in venue.spot.exchange.trades(call.account, symbol) if wanted(trade)]
    limit = call.parameters.limit(default=TRADES_DEFAULT, most=TRADES_MOST)
    oldest_first = from_id is not None or span.start_ms is not None
    return [replies.own_trade(trade) for trade in (found[:limit] if oldest_first else found[-limit:])]


def commission(venue: Venue, call: Call) -> object:
    """GET /api/v3/account/commission."""
    rules = venue.spot.listed(call.symbol)
    state = venue.spot.exchange.account_state(call.account)
    return {
        "symbol": rules.symbol,
        "standardCommission": replies.rates(rules),
        "specialCommission": NO_RATES,
        "taxCommission": NO_RATES,
        "discount": {
            "enabledForAccount": state.pays_in_bnb,
            "enabledForSymbol": True,
            "discountAsset": FEE_ASSET,
            "discount": eight(1 - venue.spot.rules.fee_discount),
        },
    }


def order_counts(venue: Venue, call: Call) -> object:
    """GET /api/v3/rateLimit/order."""
    used = venue.spot.limits.orders_used(call.account, call.now_ms)
    rows = order_limit_rows(venue.spot.rules.rate_limits)
    return [{**row, "count": count} for row, count in zip(rows, used, strict=True)]


def retired_user_stream(_venue: Venue, _call: Call) -> object:
    """What was POST, PUT, DELETE /api/v3/userDataStream until 2026-02-20: user data is on the WebSocket API."""
    raise refusals.retired()


ROUTES: Routes = {
    ("GET", "/api/v3/account"): Endpoint(account, SIGNED, 20),
    ("GET", "/api/v3/myTrades"): Endpoint(my_trades, SIGNED, lambda values: 5 if values.get("orderid") else 20),
    ("GET", "/api/v3/account/commission"): Endpoint(commission, SIGNED, 20),
    ("GET", "/api/v3/rateLimit/order"): Endpoint(order_counts, SIGNED, 40),
    **{(method, "/api/v3/userDataStream"): Endpoint(retired_user_stream) for method in ("POST", "PUT", "DELETE")},
}
