"""The application behind the port: what every answer tells, what becomes of nonsense, what the banned may still ask."""

from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localbinance.server.app import ROUTES
from localbinance.server.rate_limit import GRACE_REQUESTS
from localbinance.server.security import Security
from tests.unit.localbinance.server.bench import SYMBOL, Bench

NONSENSE = [
    str(2**63),
    "GTD",
    "RESULT",
    "MARKET",
    "ISOLATED",
    "TRAILING_STOP_MARKET",
    "",
    "0",
    "-1",
    "1e5",
    "NaN",
    "²",
    "9" * 20,
    "0." + "1" * 20,
    "true",
    "BTCUSDC",
    "SELL",
    "[",
    "[{}]",
    "ä",
    "null",
]
PARAMETERS = (
    "symbol",
    "side",
    "type",
    "quantity",
    "price",
    "timeInForce",
    "stopPrice",
    "triggerPrice",
    "algoType",
    "closePosition",
    "positionSide",
    "reduceOnly",
    "newClientOrderId",
    "orderId",
    "origClientOrderId",
    "orderIdList",
    "batchOrders",
    "algoId",
    "clientAlgoId",
    "leverage",
    "marginType",
    "dualSidePosition",
    "multiAssetsMargin",
    "amount",
    "asset",
    "limit",
    "startTime",
    "endTime",
    "fromId",
    "interval",
    "pair",
    "contractType",
    "period",
    "incomeType",
    "page",
    "countdownTime",
    "callbackRate",
    "activatePrice",
    "goodTillDate",
    "newOrderRespType",
    "priceMatch",
    "workingType",
    "recvWindow",
    "symbols",
    "symbolStatus",
    "quoteOrderQty",
    "icebergQty",
    "orderListId",
    "listClientOrderId",
    "aboveType",
    "abovePrice",
    "belowType",
    "belowStopPrice",
    "cancelReplaceMode",
    "cancelOrderId",
    "computeCommissionRates",
    "omitZeroBalances",
    "spotBNBBurn",
    "wallet",
)
SENSE: dict[str, Any] = {
    "symbol": SYMBOL,
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "0.01",
    "price": "50000",
    "timeInForce": "GTC",
    "algoType": "CONDITIONAL",
    "triggerPrice": "50000",
    "interval": "5m",
    "pair": SYMBOL,
    "contractType": "PERPETUAL",
    "leverage": "5",
    "marginType": "CROSSED",
    "amount": "1",
    "asset": "USDC",
    "countdownTime": "1000",
}
FITTING: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/fapi/v1/algoOrder"): {"type": "STOP_MARKET", "side": "SELL", "triggerPrice": "100", "price": ""},
    ("POST", "/fapi/v1/positionMargin"): {"type": "1"},
    ("POST", "/fapi/v1/positionSide/dual"): {"dualSidePosition": "false"},
    ("POST", "/fapi/v1/multiAssetsMargin"): {"multiAssetsMargin": "false"},
    ("POST", "/fapi/v1/batchOrders"): {"batchOrders": orjson.dumps([SENSE, {"symbol": [1], "price": 1.5}]).decode()},
    ("PUT", "/fapi/v1/batchOrders"): {"batchOrders": orjson.dumps([SENSE | {"orderId": 10**18}]).decode()},
    ("DELETE", "/fapi/v1/batchOrders"): {"orderIdList": "[1,2]"},
    **{(method, "/fapi/v1/algoOrder"): {"algoId": "1"} for method in ("GET", "DELETE")},
    **{(method, "/fapi/v1/order"): {"orderId": "1"} for method in ("GET", "PUT", "DELETE")},
    ("GET", "/fapi/v1/openOrder"): {"orderId": "1"},
    **{(method, "/api/v3/order"): {"orderId": "1"} for method in ("GET", "DELETE")},
    **{(method, "/api/v3/orderList"): {"orderListId": "1"} for method in ("GET", "DELETE")},
    ("POST", "/api/v3/order/cancelReplace"): {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": "1"},
    ("POST", "/api/v3/orderList/oco"): {
        "aboveType": "STOP_LOSS_LIMIT",
        "aboveStopPrice": "100000",
        "abovePrice": "100000",
        "aboveTimeInForce": "GTC",
        "belowType": "LIMIT_MAKER",
        "belowPrice": "50000",
    },
    ("POST", "/localbinance/act"): {"act": '{"act": "foreign_close", "symbol": "BTCUSDC"}'},
    ("POST", "/localbinance/faults"): {"faults": '{"fault": "drop_frame", "event": "none"}'},
}


@cache
def shared_bench() -> Bench:
    return Bench.make(rate_limited=False)


@pytest.mark.parametrize("route", sorted(ROUTES))
async def test_every_endpoint_answers_a_sensible_request(route: tuple[str, str]) -> None:
    answer = await shared_bench().send(*route, SENSE | FITTING.get(route, {}))
    assert answer.status == 200 or not -1_999 <= answer.body["code"] <= -1_000, "the request itself was in order"


@settings(max_examples=400, deadline=None)
@given(
    route=st.sampled_from(sorted(ROUTES)),
    changes=st.dictionaries(st.sampled_from(PARAMETERS), st.sampled_from(NONSENSE), max_size=4),
)
async def test_no_nonsense_makes_a_fault(route: tuple[str, str], changes: dict[str, str]) -> None:
    answer = await shared_bench().send(*route, SENSE | FITTING.get(route, {}) | changes)
    assert answer.status != 500, (route, changes)


async def test_bytes_that_are_no_text_are_refused_like_any_other() -> None:
    bench = Bench.make()
    stray = b"symbol=\xff\xfe".decode("utf-8", "surrogateescape")
    answer = await bench.send_text("GET", "/fapi/v1/order", f"{stray}&orderId=1&timestamp={bench.now_ms}")
    assert (answer.status, answer.body["code"]) == (400, -1121)
    path = b"/fapi/v1/\xff".decode("utf-8", "surrogateescape")
    assert (await bench.send("GET", path)).body == {"code": -5000, "msg": "Path /fapi/v1/?, Method GET is invalid"}


async def test_every_answer_tells_the_weight_used() -> None:
    bench = Bench.make()
    account = await bench.send("GET", "/fapi/v3/account")
    wrong = await bench.send("GET", "/fapi/v1/order", {"symbol": SYMBOL})
    lost = await bench.send("GET", "/fapi/v1/nowhere")
    assert [answer.status for answer in (account, wrong, lost)] == [200, 400, 404]
    assert [answer.headers["X-MBX-USED-WEIGHT-1M"] for answer in (account, wrong, lost)] == ["5", "6", "6"]


async def test_orders_are_counted_also_when_refused_and_cancels_are_not() -> None:
    bench = Bench.make()
    first = await bench.send("POST", "/fapi/v1/order", SENSE)
    second = await bench.send("POST", "/fapi/v1/order", SENSE | {"quantity": "0"})
    assert [answer.status for answer in (first, second)] == [200, 400]
    assert [answer.headers["X-MBX-ORDER-COUNT-10S"] for answer in (first, second)] == ["1", "2"]
    cancelled = await bench.send("DELETE", "/fapi/v1/order", {"symbol": SYMBOL, "orderId": first.body["orderId"]})
    assert cancelled.body["status"] == "CANCELED"
    assert "X-MBX-ORDER-COUNT-10S" not in cancelled.headers
    assert (first.headers["X-MBX-USED-WEIGHT-1M"], cancelled.headers["X-MBX-USED-WEIGHT-1M"]) == ("0", "1")


async def test_the_banned_are_told_how_long_and_may_still_ask_localbinance_itself() -> None:
    bench = Bench.make()
    answers = [await bench.send("GET", "/fapi/v1/ticker/24hr") for _ in range(60 + GRACE_REQUESTS + 1)]
    assert [answer.status for answer in answers] == [200] * 60 + [429] * GRACE_REQUESTS + [418]
    assert answers[-1].headers["Retry-After"] == "121"
    assert int(answers[-1].headers["X-MBX-USED-WEIGHT-1M"]) > 2_400
    assert (await bench.send("POST", "/fapi/v1/order", SENSE)).status == 418, "what weighs nothing is shut out too"
    assert (await bench.send("GET", "/localbinance/status")).status == 200


async def test_what_needs_a_key_is_closed_to_strangers() -> None:
    bench = Bench.make(rate_limited=False)
    bench.account = "stranger"
    guarded = [route for route, endpoint in ROUTES.items() if endpoint.security is not Security.NONE]
    assert len(guarded) > 30
    for route in guarded:
        answer = await bench.send(*route, SENSE)
        assert (answer.status, answer.body["code"]) == (401, -2015), route


async def test_status_counts_what_was_asked_of_the_exchange() -> None:
    bench = Bench.make()
    placed = await bench.send("POST", "/fapi/v1/order", SENSE)
    await bench.send("POST", "/fapi/v1/order", SENSE | {"quantity": "0"})
    await bench.send("DELETE", "/fapi/v1/order", {"symbol": SYMBOL, "orderId": placed.body["orderId"]})
    status = (await bench.send("GET", "/localbinance/status")).body
    assert [status[f"orders_{what}"] for what in ("placed", "cancelled", "rejected")] == [1, 1, 1]


async def test_the_audit_sees_a_position_without_a_stop() -> None:
    bench = Bench.make()
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    await bench.send("POST", "/fapi/v1/order", order)
    [spell] = (await bench.send("GET", "/localbinance/uncovered")).body
    assert (spell["symbol"], spell["until_ms"]) == (SYMBOL, None)
    stop = {"algoType": "CONDITIONAL", "symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET", "triggerPrice": "100"}
    answer = await bench.send("POST", "/fapi/v1/algoOrder", stop | {"closePosition": "true"})
    assert answer.status == 200, answer.body
    [spell] = (await bench.send("GET", "/localbinance/uncovered")).body
    assert spell["until_ms"] is not None
