"""What localbinance answers and sends, key by key and type by type against what the real exchange sent.

A difference is either a fault, or it is meant and stands in MEANT with its reason. One that stands there and does not
occur any more is a fault as well.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.recorded import RECORDED, needs_recorded
from tests.wire.conftest import Venue
from tests.wire.signed import EVENT_TIMEOUT_S, Signed, signing

pytestmark = needs_recorded
PAYLOADS = RECORDED / "payloads"
NEWER = "the recording is older than the field"
MEANT: dict[str, dict[str, str]] = {
    "GET /fapi/v1/exchangeInfo": {
        "extra symbols[].filters[].positionControlSide": "recorded without its fields; documented since",
    },
    "GET /fapi/v1/openAlgoOrders": {
        f"extra [].{name}": "documented; the recording is of one order that had none of it"
        for name in ("actualQty", "actualType", "slPrice", "slTriggerPrice", "tpPrice", "tpTriggerPrice")
    },
    "GET /fapi/v1/trades": {"extra [].isRPITrade": NEWER},
    "GET /fapi/v1/aggTrades": {"extra [].nq": NEWER},
    "GET /fapi/v1/ticker/bookTicker": {"extra [].lastUpdateId": NEWER},
    "GET /fapi/v1/fundingRate": {"extra [].markPrice": NEWER, "extra [].rateType": NEWER},
}


def shapes(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every path in a JSON value with the type that stands there. Elements of a list share one path."""
    match value:
        case dict():
            for key, each in value.items():
                yield from shapes(each, f"{path}.{key}" if path else key)
        case list():
            yield path, "list"
            for each in value:
                if isinstance(each, dict):
                    yield from shapes(each, f"{path}[]")
        case _:
            yield path, type(value).__name__


def differences(ours: Any, theirs: Any) -> set[str]:
    mine: dict[str, set[str]] = {}
    other: dict[str, set[str]] = {}
    for table, value in ((mine, ours), (other, theirs)):
        for path, kind in shapes(value):
            table.setdefault(path, set()).add(kind)
    found = {f"missing {path}" for path in other.keys() - mine.keys()}
    found |= {f"extra {path}" for path in mine.keys() - other.keys()}
    for path in mine.keys() & other.keys():
        if not mine[path] <= other[path] | {"NoneType"}:
            found.add(f"type of {path} is {'/'.join(sorted(mine[path]))}, not {'/'.join(sorted(other[path]))}")
    return found


def recorded_reply(endpoint: str, *, wants_list: bool) -> Any:
    replies = json.loads((PAYLOADS / "rest" / "fapi-public-replies-2020-2025.json").read_text())[endpoint]
    good = [row["reply"] for row in replies if not (isinstance(row["reply"], dict) and "code" in row["reply"])]
    fitting = [reply for reply in good if isinstance(reply, list) is wants_list]
    return fitting[-1]


def recorded_frames() -> list[dict[str, Any]]:
    lines = [
        line for path in sorted((PAYLOADS / "user-data").glob("*.jsonl")) for line in path.read_text().splitlines()
    ]
    return [json.loads(line)["frame"] for line in lines]


@pytest.fixture
async def client(venue: Venue) -> AsyncIterator[Signed]:
    async with signing(venue) as it:
        yield it


@pytest.mark.parametrize(
    ("endpoint", "parameters", "wants_list"),
    [
        ("GET /fapi/v1/time", {}, False),
        ("GET /fapi/v1/klines", {"symbol": "BTCUSDC", "interval": "5m"}, True),
        ("GET /fapi/v1/depth", {"symbol": "BTCUSDC", "limit": 5}, False),
        ("GET /fapi/v1/trades", {"symbol": "BTCUSDC", "limit": 5}, True),
        ("GET /fapi/v1/aggTrades", {"symbol": "BTCUSDC"}, True),
        ("GET /fapi/v1/premiumIndex", {"symbol": "BTCUSDC"}, False),
        ("GET /fapi/v1/openInterest", {"symbol": "BTCUSDC"}, False),
        ("GET /fapi/v1/ticker/price", {"symbol": "BTCUSDC"}, False),
        ("GET /fapi/v1/ticker/bookTicker", {}, True),
        ("GET /fapi/v1/ticker/24hr", {}, True),
    ],
)
async def test_public_answers_have_the_recorded_fields_and_types(
    client: Signed, endpoint: str, parameters: dict[str, Any], wants_list: bool
) -> None:
    path = endpoint.removeprefix("GET ")
    ours = await client.get(path, **parameters)
    assert differences(ours, recorded_reply(endpoint, wants_list=wants_list)) == set(MEANT.get(endpoint, {}))


async def test_exchange_info_has_the_recorded_fields_and_types(client: Signed) -> None:
    recorded = json.loads((PAYLOADS / "rest" / "fapi-exchangeInfo-demo-2026-03-31.json").read_text())
    recorded["symbols"] = [
        row | {"filters": [{k: v for k, v in each.items() if v is not None} for each in row["filters"]]}
        for row in recorded["symbols"]
        if row["contractType"] == "PERPETUAL"
    ]
    assert differences(await client.get("/fapi/v1/exchangeInfo"), recorded) == set(MEANT["GET /fapi/v1/exchangeInfo"])


async def last_price(client: Signed) -> float:
    return float((await client.get("/fapi/v1/ticker/price", symbol="BTCUSDC"))["price"])


async def test_conditional_orders_have_the_recorded_fields_and_types(client: Signed) -> None:
    recorded = json.loads((PAYLOADS / "rest" / "algo-order-xnyusdt-take-profit-2026-01.json").read_text())
    order = {"algoType": "CONDITIONAL", "symbol": "BTCUSDC", "side": "BUY", "type": "TAKE_PROFIT_MARKET"}
    trigger = {"quantity": "0.01", "triggerPrice": f"{await last_price(client) * 0.9:.1f}"}
    await client.send("POST", "/fapi/v1/algoOrder", order | trigger)
    ours = (await client.send("GET", "/fapi/v1/openAlgoOrders", {"symbol": "BTCUSDC"})).body
    await client.send("DELETE", "/fapi/v1/algoOpenOrders", {"symbol": "BTCUSDC"})
    assert differences(ours, recorded) == set(MEANT["GET /fapi/v1/openAlgoOrders"])


async def lived_through(client: Signed) -> list[dict[str, Any]]:
    """Frames of a short life: a resting order amended and cancelled, a position, two stops close to the price of which
    the market triggers one, money put in."""
    last, order = await last_price(client), {"symbol": "BTCUSDC", "quantity": "0.010"}
    limit = order | {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": f"{last * 0.97:.1f}"}
    stop = order | {"algoType": "CONDITIONAL", "type": "STOP_MARKET"}
    frames: list[dict[str, Any]] = []
    async with client.user_stream() as socket:
        resting = (await client.send("POST", "/fapi/v1/order", limit)).body
        amended = {"side": "BUY", "price": f"{last * 0.96:.1f}", "orderId": resting["orderId"]}
        await client.send("PUT", "/fapi/v1/order", order | amended)
        await client.send("DELETE", "/fapi/v1/order", {"symbol": "BTCUSDC", "orderId": resting["orderId"]})
        await client.send("POST", "/fapi/v1/order", order | {"side": "BUY", "type": "MARKET"})
        await client.send("POST", "/localbinance/deposit", {"asset": "USDC", "amount": "10"}, signed=False)
        last = await last_price(client)
        for side, trigger in (("SELL", last - 1), ("BUY", last + 1)):
            await client.send("POST", "/fapi/v1/algoOrder", stop | {"side": side, "triggerPrice": f"{trigger:.1f}"})
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while not any(frame["e"] == "ALGO_UPDATE" and frame["o"]["X"] == "FINISHED" for frame in frames):
                frames.append(await socket.receive_json())
    await client.send("DELETE", "/fapi/v1/algoOpenOrders", {"symbol": "BTCUSDC"})
    return frames


async def test_user_stream_frames_have_the_recorded_fields_and_types(client: Signed) -> None:
    ours = await lived_through(client)
    theirs = recorded_frames()
    for kind in ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "TRADE_LITE", "ALGO_UPDATE"):
        mine = [frame for frame in ours if frame["e"] == kind]
        assert mine, f"no {kind} was sent"
        newest = max(int(frame["T"]) for frame in theirs if frame["e"] == kind)
        recorded = [frame for frame in theirs if frame["e"] == kind and newest - int(frame["T"]) < 40 * 86_400_000]
        assert differences(mine, recorded) == set(MEANT.get(kind, {})), kind
