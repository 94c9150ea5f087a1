"""Endpoints of localbinance itself: how it stands, what it saw, money from nowhere. No real exchange has them."""

from localbinance.rules import errors
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.security import Security
from localbinance.server.venue import Call, Venue

DONE: dict[str, object] = {"code": 200, "msg": "success"}


def status(venue: Venue, _call: Call) -> object:
    """GET /localbinance/status."""
    return {
        "market": venue.market_name,
        "symbols": len(venue.books),
        "now_ms": venue.clock.now_ms(),
        "start_ms": venue.start_ms,
        "end_ms": venue.end_ms,
        "speed": venue.clock.speed,
        "steps": venue.conductor.steps,
        "orders_placed": venue.counts.placed,
        "orders_cancelled": venue.counts.cancelled,
        "orders_rejected": venue.counts.rejected,
    }


def uncovered(venue: Venue, call: Call) -> object:
    """GET /localbinance/uncovered: the audit of one account."""
    return [
        {
            "symbol": spell.symbol,
            "from_ms": spell.from_ms,
            "until_ms": spell.until_ms,
            "requests_between": spell.requests_between,
        }
        for spell in venue.exchange.uncovered(call.account)
    ]


def deposit(venue: Venue, call: Call) -> object:
    """POST /localbinance/deposit: money from nowhere, or to it when the amount is below 0.

    `wallet` is futures, unless it is spot.
    """
    amount = call.parameters.number("amount")
    if amount is None:
        raise errors.missing("amount")
    asset = call.parameters.required("asset").upper()
    if call.parameters.text("wallet") == "spot":
        venue.spot.exchange.transfer(call.account, asset, amount, call.now_ms)
    else:
        venue.exchange.deposit(call.account, asset, amount, call.now_ms)
    return DONE


ROUTES: Routes = {
    ("GET", "/localbinance/status"): Endpoint(status, weight=0, limited=False),
    ("GET", "/localbinance/uncovered"): Endpoint(uncovered, Security.KEY, 0, limited=False),
    ("POST", "/localbinance/deposit"): Endpoint(deposit, Security.KEY, 0, limited=False, changes=True),
}
