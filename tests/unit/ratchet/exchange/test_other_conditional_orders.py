"""Take profits and trailing stops of another hand are no stops: nothing counts on them, nor stumbles over them."""

from typing import Any

import pytest
from aiohttp import web

from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.parse_frames import user_events
from tests.unit.ratchet.exchange.server import Counted, a_server, settings_for


def a_row(kind: str, price: str = "98") -> dict[str, Any]:
    return {
        "clientAlgoId": f"web_{kind}",
        "algoId": 1,
        "orderType": kind,
        "symbol": "SOLUSDC",
        "side": "SELL",
        "algoStatus": "NEW",
        "quantity": "10",
        "triggerPrice": price,
        "closePosition": False,
        "updateTime": 1,
    }


def a_frame(kind: str, price: str = "98") -> dict[str, Any]:
    body = {
        "caid": f"web_{kind}",
        "aid": 1,
        "o": kind,
        "s": "SOLUSDC",
        "S": "SELL",
        "X": "NEW",
        "q": "10",
        "tp": price,
        "cp": False,
    }
    return {"e": "ALGO_UPDATE", "T": 1, "E": 1, "o": body}


async def test_the_list_of_stops_has_stops_only() -> None:
    rows = [a_row("STOP_MARKET"), a_row("TAKE_PROFIT_MARKET"), a_row("TRAILING_STOP_MARKET", ""), a_row("STOP")]
    server = Counted(web.json_response(rows))
    async with a_server(server) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        stops = await client.fetch_open_stops(Symbol("SOLUSDC"))
    assert [stop.client_order_id for stop in stops] == ["web_STOP_MARKET"]


@pytest.mark.parametrize(
    ("kind", "price", "events"),
    [("STOP_MARKET", "98", 1), ("TAKE_PROFIT_MARKET", "104", 0), ("TRAILING_STOP_MARKET", "", 0), ("STOP", "98", 0)],
)
def test_the_stream_tells_of_stops_only(kind: str, price: str, events: int) -> None:
    assert len(user_events(a_frame(kind, price))) == events
