"""Reads of a while ago: every one of them tells of the same instant, whatever has become of it since."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from tests.unit.localbinance.server.bench import SYMBOL, Bench

STALE_MS = 10_000
MARKET: dict[str, Any] = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
RESTS: dict[str, Any] = {
    "symbol": SYMBOL,
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.1",
    "price": "150000",
    "newClientOrderId": "rests",
}
STOP: dict[str, Any] = {
    "algoType": "CONDITIONAL",
    "symbol": SYMBOL,
    "side": "SELL",
    "type": "STOP_MARKET",
    "closePosition": "true",
    "triggerPrice": "1000",
    "clientAlgoId": "stop",
}


@pytest.fixture
def bench() -> Bench:
    return Bench.make()


async def put_stale(bench: Bench, **fields: object) -> None:
    fault = {"fault": "stale", "ms": STALE_MS} | fields
    answer = await bench.send("POST", "/localbinance/faults", {"faults": orjson.dumps(fault).decode()})
    assert answer.status == 200


async def read(bench: Bench, path: str, **parameters: object) -> Any:
    return (await bench.send("GET", path, {"symbol": SYMBOL} | parameters)).body


def pass_time(bench: Bench) -> None:
    """As long as reads lag, and a little longer."""
    until_ms = bench.now_ms + STALE_MS
    while bench.now_ms <= until_ms:
        bench.conductor.step()


async def test_what_was_traded_and_placed_since_is_not_there_yet(bench: Bench) -> None:
    await put_stale(bench)
    await bench.send("POST", "/fapi/v1/order", MARKET | {"newClientOrderId": "bought"})
    await bench.send("POST", "/fapi/v1/algoOrder", STOP)
    assert (await read(bench, "/fapi/v1/order", origClientOrderId="bought"))["code"] == -2013
    assert (await read(bench, "/fapi/v1/algoOrder", clientAlgoId="stop"))["code"] == -2013
    assert await read(bench, "/fapi/v1/userTrades") == []
    assert await read(bench, "/fapi/v1/allOrders") == []
    assert await read(bench, "/fapi/v1/allAlgoOrders") == []
    assert await read(bench, "/fapi/v1/openAlgoOrders") == []
    assert [row for row in await read(bench, "/fapi/v3/positionRisk") if Decimal(row["positionAmt"])] == []
    pass_time(bench)
    assert (await read(bench, "/fapi/v1/order", origClientOrderId="bought"))["status"] == "FILLED"
    assert (await read(bench, "/fapi/v1/algoOrder", clientAlgoId="stop"))["algoStatus"] == "NEW"
    assert len(await read(bench, "/fapi/v1/userTrades")) == len(await read(bench, "/fapi/v1/allAlgoOrders")) == 1


async def test_what_has_ended_since_still_stands(bench: Bench) -> None:
    await bench.send("POST", "/fapi/v1/order", MARKET)
    await bench.send("POST", "/fapi/v1/order", RESTS)
    await bench.send("POST", "/fapi/v1/algoOrder", STOP)
    await put_stale(bench)
    await bench.send("DELETE", "/fapi/v1/order", {"symbol": SYMBOL, "origClientOrderId": "rests"})
    await bench.send("DELETE", "/fapi/v1/algoOrder", {"clientAlgoId": "stop"})
    assert (await read(bench, "/fapi/v1/order", origClientOrderId="rests"))["status"] == "NEW"
    assert (await read(bench, "/fapi/v1/algoOrder", clientAlgoId="stop"))["algoStatus"] == "NEW"
    assert len(await read(bench, "/fapi/v1/openOrders")) == len(await read(bench, "/fapi/v1/openAlgoOrders")) == 1
    pass_time(bench)
    assert (await read(bench, "/fapi/v1/order", origClientOrderId="rests"))["status"] == "CANCELED"
    assert await read(bench, "/fapi/v1/openOrders") == await read(bench, "/fapi/v1/openAlgoOrders") == []


async def test_only_what_is_meant_is_of_a_while_ago(bench: Bench) -> None:
    await put_stale(bench, path="/fapi/v1/userTrades", times=1)
    await bench.send("POST", "/fapi/v1/order", MARKET | {"newClientOrderId": "bought"})
    assert (await read(bench, "/fapi/v1/order", origClientOrderId="bought"))["status"] == "FILLED"
    assert await read(bench, "/fapi/v1/userTrades") == []
    assert len(await read(bench, "/fapi/v1/userTrades")) == 1


async def test_an_order_is_accepted_and_cancelled_as_it_stands_now(bench: Bench) -> None:
    await put_stale(bench)
    assert (await bench.send("POST", "/fapi/v1/order", RESTS)).status == 200
    assert (await read(bench, "/fapi/v1/order", origClientOrderId="rests"))["code"] == -2013
    cancelled = await bench.send("DELETE", "/fapi/v1/order", {"symbol": SYMBOL, "origClientOrderId": "rests"})
    assert cancelled.body["status"] == "CANCELED"


async def test_spot_lags_alike(bench: Bench) -> None:
    await bench.send("POST", "/api/v3/order", RESTS)
    await put_stale(bench)
    await bench.send("DELETE", "/api/v3/order", {"symbol": SYMBOL, "origClientOrderId": "rests"})
    await bench.send("POST", "/api/v3/order", MARKET | {"newClientOrderId": "bought"})
    assert (await read(bench, "/api/v3/order", origClientOrderId="bought"))["code"] == -2013
    assert [order["status"] for order in await read(bench, "/api/v3/allOrders")] == ["NEW"]
    assert await read(bench, "/api/v3/myTrades") == []
    assert len(await read(bench, "/api/v3/openOrders")) == 1
    pass_time(bench)
    assert [order["status"] for order in await read(bench, "/api/v3/allOrders")] == ["CANCELED", "FILLED"]
    assert len(await read(bench, "/api/v3/myTrades")) == 1
    assert await read(bench, "/api/v3/openOrders") == []
