"""A small account on a real server, which refuses, loses and misspells what it is told to."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

from aiohttp import web

from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.guardian.case import Patience
from ratchet.guardian.guardian import Guardian
from tests.unit.ratchet.exchange.server import a_server, error, settings_for
from tests.unit.ratchet.guardian.builders import PATIENCE, SYMBOL

HASTE = Patience(grace_ms=0, trigger_ms=0, lag_ms=0, stop_fraction=PATIENCE.stop_fraction)
FILTERS = [
    {"filterType": "PRICE_FILTER", "tickSize": "0.01", "minPrice": "0.01", "maxPrice": "100000"},
    {"filterType": "LOT_SIZE", "stepSize": "0.01", "minQty": "0.01", "maxQty": "1000"},
    {"filterType": "MARKET_LOT_SIZE", "stepSize": "0.01", "minQty": "0.01", "maxQty": "50"},
    {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95"},
    {"filterType": "MIN_NOTIONAL", "notional": "5"},
]
LISTED = {
    "symbol": SYMBOL,
    "contractType": "PERPETUAL",
    "status": "TRADING",
    "quoteAsset": "USDC",
    "marginAsset": "USDC",
    "filters": FILTERS,
}
Row = dict[str, object]


@dataclass(slots=True)
class Account:
    """What is held, what waits, and what is refused next."""

    held: str = "10"
    stops: list[Row] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)  # stops that are not in the list, by name, with their status
    refuse_stop: deque[int] = field(default_factory=deque)  # codes; 0 takes it and loses the answer
    refuse_close: deque[int] = field(default_factory=deque)  # as above
    closes: dict[str, Row] = field(default_factory=dict)  # that were filled, by name
    is_listed: bool = True
    is_list_broken: bool = False
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def sent(self, request: str) -> list[dict[str, str]]:
        """The parameters of all requests of a kind, "POST order"."""
        return [parameters for name, parameters in self.asked if name == request]

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        parameters = dict(parse_qsl(f"{request.query_string}&{await request.text()}"))
        what = f"{request.method} {request.path.rpartition('/')[2]}"
        self.asked.append((what, parameters))
        match what:
            case "GET exchangeInfo":
                return web.json_response({"symbols": [LISTED] if self.is_listed else []})
            case "GET positionRisk":
                return web.json_response([_position(self.held)] if self.held != "0" else [])
            case "GET openAlgoOrders":
                return web.json_response([{"algoId": "?"}] if self.is_list_broken else self.stops)
            case "GET algoOrder":
                return self._one(parameters["clientAlgoId"])
            case "POST algoOrder":
                return self._stop(parameters)
            case "POST order":
                return self._close(parameters)
            case "GET order":
                close = self.closes.get(parameters["origClientOrderId"])
                return error(-2013) if close is None else web.json_response(close)
            case "DELETE allOpenOrders":
                return web.json_response({"code": 200, "msg": "done"})
        raise AssertionError(f"the guardian has no business with {what}")

    def _one(self, name: str) -> web.Response:
        waiting = [row for row in self.stops if row["clientAlgoId"] == name]
        if waiting:
            return web.json_response(waiting[0])
        if name in self.ended:
            return web.json_response(a_row(name, status=self.ended[name]))
        return error(-2013)

    def _stop(self, parameters: dict[str, str]) -> web.Response:
        code = self.refuse_stop.popleft() if self.refuse_stop else None
        if code:
            return error(code)
        name = parameters["clientAlgoId"]
        if any(row["clientAlgoId"] == name for row in self.stops):
            return error(-4116)
        closes = parameters.get("closePosition") == "true"
        row = a_row(name, parameters.get("quantity", "0"), parameters["triggerPrice"], closes=closes)
        self.stops.append(row)
        return error(-1007, 408) if code == 0 else web.json_response(row)

    def _close(self, parameters: dict[str, str]) -> web.Response:
        code = self.refuse_close.popleft() if self.refuse_close else None
        if code:
            return error(code)
        quantity = parameters["quantity"]
        self.held = str(float(self.held) - float(quantity)).removesuffix(".0")
        fill = {"orderId": 1, "clientOrderId": parameters["newClientOrderId"], "symbol": SYMBOL, "side": "SELL"}
        numbers = {"origQty": quantity, "executedQty": quantity, "avgPrice": "100", "updateTime": 1}
        row = fill | numbers | {"status": "FILLED", "reduceOnly": True}
        self.closes[parameters["newClientOrderId"]] = row
        return error(-1007, 408) if code == 0 else web.json_response(row)


def a_row(
    name: str, quantity: str = "10", price: str = "98", *, status: str = "NEW", closes: bool = False
) -> dict[str, object]:
    """A conditional order as the exchange writes it."""
    row = {"clientAlgoId": name, "algoId": 1, "symbol": SYMBOL, "side": "SELL", "algoStatus": status}
    return row | {"quantity": quantity, "triggerPrice": price, "closePosition": closes, "updateTime": 1}


def _position(held: str) -> dict[str, object]:
    row = {"symbol": SYMBOL, "positionSide": "BOTH", "positionAmt": held, "marginAsset": "USDC"}
    return row | {"entryPrice": "100", "markPrice": "100", "unRealizedProfit": "0", "updateTime": 1}


@asynccontextmanager
async def guarding(account: Account, *, lag_ms: float = 0) -> AsyncIterator[Guardian]:
    """A guardian of it that has no patience: each look may follow the one before at once.

    Args: lag_ms, as far as it thinks that reads may be behind.
    """
    clock = SystemClock()
    async with a_server(account) as address, BinanceClient(settings_for(address), clock) as client:
        yield Guardian(client, clock, replace(HASTE, lag_ms=lag_ms), interval_s=1.0)
