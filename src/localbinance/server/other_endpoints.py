"""Endpoints beside futures and spot that clients call on their way: so little that they can start."""

from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.exchange_info import exchange_info
from localbinance.server.venue import Call, Venue


def exchange_information(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/exchangeInfo."""
    return exchange_info(venue.rules, venue.rules.rate_limits, call.now_ms + call.skew_ms)


def no_symbols(_venue: Venue, call: Call) -> object:
    """exchangeInfo of a market that is not served: coin-margined futures."""
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [],
    }


ROUTES: Routes = {
    ("GET", "/fapi/v1/exchangeInfo"): Endpoint(exchange_information),
    ("GET", "/dapi/v1/exchangeInfo"): Endpoint(no_symbols),
}
