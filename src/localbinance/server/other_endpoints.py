"""Endpoints beside the USDⓈ-M futures that clients call on their way: so little that they can start."""

from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.exchange_info import exchange_info
from localbinance.server.market_endpoints import nothing, ping, server_time
from localbinance.server.order_endpoints import SIGNED
from localbinance.server.venue import Call, Venue


def exchange_information(venue: Venue, call: Call) -> object:
    """GET /fapi/v1/exchangeInfo."""
    return exchange_info(venue.rules, venue.rules.rate_limits, call.now_ms + call.skew_ms)


def no_symbols(_venue: Venue, call: Call) -> object:
    """exchangeInfo of markets that are not served: spot and coin-margined."""
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "rateLimits": [],
        "exchangeFilters": [],
        "symbols": [],
    }


def system_status(_venue: Venue, _call: Call) -> object:
    """GET /sapi/v1/system/status."""
    return {"status": 0, "msg": "normal"}


ROUTES: Routes = {
    ("GET", "/fapi/v1/exchangeInfo"): Endpoint(exchange_information),
    ("GET", "/api/v3/ping"): Endpoint(ping),
    ("GET", "/api/v3/time"): Endpoint(server_time),
    ("GET", "/api/v3/exchangeInfo"): Endpoint(no_symbols),
    ("GET", "/dapi/v1/exchangeInfo"): Endpoint(no_symbols),
    ("GET", "/sapi/v1/system/status"): Endpoint(system_status),
    ("GET", "/sapi/v1/capital/config/getall"): Endpoint(nothing, SIGNED),
    ("GET", "/sapi/v1/margin/allPairs"): Endpoint(nothing, SIGNED),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Endpoint(nothing, SIGNED),
    ("GET", "/sapi/v1/asset/tradeFee"): Endpoint(nothing, SIGNED),
}
