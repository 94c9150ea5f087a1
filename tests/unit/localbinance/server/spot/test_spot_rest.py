"""Spot's REST: orders and their replies, histories, limits of its own, and the market it shares with the perpetuals."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from localbinance.server.script import read_script
from tests.unit.localbinance.server.bench import SYMBOL, Bench, built

LIMIT: dict[str, Any] = {
    "symbol": SYMBOL,
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.1",
    "price": "150000",
}
MARKET: dict[str, Any] = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}


@pytest.fixture
def bench() -> Bench:
    return Bench.make()


async def balances(bench: Bench) -> dict[str, tuple[Decimal, Decimal]]:
    rows = (await bench.send("GET", "/api/v3/account", {"omitZeroBalances": "true"})).body["balances"]
    return {row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in rows}


async def last_price(bench: Bench) -> Decimal:
    return Decimal((await bench.send("GET", "/api/v3/ticker/price", {"symbol": SYMBOL})).body["price"])


# Orders --------------------------------------------------------------------------------------------------------------


async def test_the_reply_tells_as_much_as_is_asked_for(bench: Bench) -> None:
    full = (await bench.send("POST", "/api/v3/order", MARKET)).body
    assert full["status"] == "FILLED"
    assert sum(Decimal(fill["qty"]) for fill in full["fills"]) == Decimal("0.01")
    assert full["cummulativeQuoteQty"].count(".") == 1
    result = (await bench.send("POST", "/api/v3/order", MARKET | {"newOrderRespType": "RESULT"})).body
    assert "fills" not in result
    ack = (await bench.send("POST", "/api/v3/order", MARKET | {"newOrderRespType": "ACK"})).body
    assert set(ack) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}


async def test_the_wallets_of_spot_and_futures_are_two(bench: Bench) -> None:
    await bench.send("POST", "/api/v3/order", MARKET)
    assert Decimal((await bench.send("GET", "/fapi/v3/balance")).body[0]["balance"]) == 10_000
    held = await balances(bench)
    assert held["BTC"][0] == 1 + Decimal("0.01") * Decimal("0.999")


async def test_a_cancel_has_an_id_of_its_own_and_names_one_order(bench: Bench) -> None:
    order = (await bench.send("POST", "/api/v3/order", LIMIT | {"newClientOrderId": "mine"})).body
    wrong = {"symbol": SYMBOL, "orderId": order["orderId"], "origClientOrderId": "yours"}
    assert (await bench.send("DELETE", "/api/v3/order", wrong)).body["code"] == -2039
    asked = {"symbol": SYMBOL, "origClientOrderId": "mine", "newClientOrderId": "bye"}
    cancelled = (await bench.send("DELETE", "/api/v3/order", asked)).body
    assert [cancelled[name] for name in ("status", "origClientOrderId", "clientOrderId")] == ["CANCELED", "mine", "bye"]
    assert (await bench.send("DELETE", "/api/v3/order", asked)).body["code"] == -2011
    found = (await bench.send("GET", "/api/v3/order", {"symbol": SYMBOL, "origClientOrderId": "mine"})).body
    assert (found["status"], found["clientOrderId"]) == ("CANCELED", "mine")


async def test_all_open_orders_are_cancelled_and_none_is_an_error(bench: Bench) -> None:
    for _ in range(2):
        await bench.send("POST", "/api/v3/order", LIMIT)
    cancelled = (await bench.send("DELETE", "/api/v3/openOrders", {"symbol": SYMBOL})).body
    assert [row["status"] for row in cancelled] == ["CANCELED", "CANCELED"]
    assert (await bench.send("DELETE", "/api/v3/openOrders", {"symbol": SYMBOL})).body["code"] == -2011


async def test_a_replacement_that_fails_tells_what_became_of_either_half(bench: Bench) -> None:
    order = (await bench.send("POST", "/api/v3/order", LIMIT)).body
    asked = LIMIT | {"cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": order["orderId"], "quantity": "5"}
    half = await bench.send("POST", "/api/v3/order/cancelReplace", asked)
    assert (half.status, half.body["code"]) == (409, -2021)
    assert half.body["data"]["cancelResult"] == "SUCCESS"
    assert half.body["data"]["newOrderResponse"]["code"] == -2010
    neither = await bench.send("POST", "/api/v3/order/cancelReplace", asked)
    assert (neither.status, neither.body["code"]) == (400, -2022)
    assert neither.body["data"]["newOrderResult"] == "NOT_ATTEMPTED"


async def test_an_oco_is_one_thing_with_two_orders(bench: Bench) -> None:
    price = await last_price(bench)
    asked = {
        "symbol": SYMBOL,
        "side": "SELL",
        "quantity": "0.5",
        "aboveType": "LIMIT_MAKER",
        "abovePrice": str((price * Decimal("1.1")).quantize(Decimal("0.01"))),
        "belowType": "STOP_LOSS_LIMIT",
        "belowStopPrice": str((price * Decimal("0.9")).quantize(Decimal("0.01"))),
        "belowPrice": str((price * Decimal("0.89")).quantize(Decimal("0.01"))),
        "belowTimeInForce": "GTC",
        "belowClientOrderId": "net",
    }
    placed = (await bench.send("POST", "/api/v3/orderList/oco", asked)).body
    assert [row["type"] for row in placed["orderReports"]] == ["STOP_LOSS_LIMIT", "LIMIT_MAKER"]
    assert (await balances(bench))["BTC"] == (Decimal("0.5"), Decimal("0.5"))
    opened = (await bench.send("GET", "/api/v3/openOrders", {"symbol": SYMBOL})).body
    assert [row["isWorking"] for row in opened] == [False, True]
    cancelled = (await bench.send("DELETE", "/api/v3/order", {"symbol": SYMBOL, "origClientOrderId": "net"})).body
    assert cancelled["listOrderStatus"] == "ALL_DONE"
    assert len(cancelled["orderReports"]) == 2
    assert (await bench.send("GET", "/api/v3/openOrderList")).body == []


async def test_what_the_pairs_here_do_not_have_is_refused(bench: Bench) -> None:
    for extra in ({"icebergQty": "0.01"}, {"trailingDelta": "100"}):
        assert (await bench.send("POST", "/api/v3/order", LIMIT | extra)).body["code"] == -2010
    assert (await bench.send("POST", "/api/v3/order", LIMIT | {"newClientOrderId": "a b"})).body["code"] == -1100


# Histories -----------------------------------------------------------------------------------------------------------


async def test_own_trades_are_found_by_id_time_and_order(bench: Bench) -> None:
    for _ in range(3):
        await bench.send("POST", "/api/v3/order", MARKET)
        bench.conductor.step()
    path, of = "/api/v3/myTrades", {"symbol": SYMBOL}
    rows = (await bench.send("GET", path, of)).body
    assert len(rows) >= 3
    assert (await bench.send("GET", path, of | {"fromId": rows[1]["id"]})).body == rows[1:]
    assert (await bench.send("GET", path, of | {"fromId": rows[0]["id"], "limit": "1"})).body == rows[:1]
    assert (await bench.send("GET", path, of | {"limit": "1"})).body == rows[-1:]
    assert (await bench.send("GET", path, of | {"startTime": str(rows[-1]["time"])})).body == rows[-1:]
    assert (await bench.send("GET", path, of | {"orderId": rows[0]["orderId"]})).body[0] == rows[0]
    both = await bench.send("GET", path, of | {"fromId": "1", "startTime": "1"})
    assert both.body["code"] == -1128
    long = await bench.send("GET", path, of | {"startTime": "0", "endTime": "86400001"})
    assert long.body["code"] == -1127


async def test_all_orders_from_an_id_on_or_the_newest(bench: Bench) -> None:
    made = [(await bench.send("POST", "/api/v3/order", MARKET)).body["orderId"] for _ in range(3)]
    path, of = "/api/v3/allOrders", {"symbol": SYMBOL}

    async def ids(**asked: int) -> list[int]:
        return [row["orderId"] for row in (await bench.send("GET", path, {**of, **asked})).body]

    assert await ids() == made
    assert await ids(orderId=made[1]) == made[1:]
    assert await ids(limit=1) == made[-1:]


# The market ----------------------------------------------------------------------------------------------------------


async def test_the_market_sleeps_until_somebody_asks_for_it(bench: Bench) -> None:
    bench.conductor.step()
    await bench.send("GET", "/fapi/v1/ticker/price")
    assert bench.app.venue.spot.tapes == {}
    await bench.send("GET", "/api/v3/ticker/price", {"symbol": SYMBOL})
    assert set(bench.app.venue.spot.tapes) == {SYMBOL}


async def test_prices_are_those_of_the_perpetual_on_spots_own_tick(bench: Bench) -> None:
    for _ in range(30):
        bench.conductor.step()
    spot = (await bench.send("GET", "/api/v3/ticker/bookTicker", {"symbol": SYMBOL})).body
    perpetual = (await bench.send("GET", "/fapi/v1/ticker/bookTicker", {"symbol": SYMBOL})).body
    assert abs(Decimal(spot["bidPrice"]) - Decimal(perpetual["bidPrice"])) < Decimal("0.01")
    asked = {"symbol": SYMBOL, "interval": "1m", "limit": 5}
    ours, theirs = [(await bench.send("GET", f"{path}/klines", asked)).body for path in ("/api/v3", "/fapi/v1")]
    assert [Decimal(row[4]) for row in ours] == [Decimal(row[4]) for row in theirs]


async def test_a_pair_without_a_perpetual_here_is_listed_and_has_no_market(bench: Bench) -> None:
    named = (await bench.send("GET", "/api/v3/exchangeInfo", {"symbols": '["TRUMPUSDC","ADAUSDC"]'})).body
    assert [row["symbol"] for row in named["symbols"]] == ["TRUMPUSDC", "ADAUSDC"]
    assert (await bench.send("GET", "/api/v3/klines", {"symbol": "TRUMPUSDC", "interval": "1m"})).body["code"] == -1121
    order = MARKET | {"symbol": "TRUMPUSDC", "quantity": "1"}
    assert (await bench.send("POST", "/api/v3/order", order)).body["code"] == -1013


async def test_the_old_user_stream_is_gone(bench: Bench) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert (await bench.send(method, "/api/v3/userDataStream")).status == 410


async def test_fees_may_be_paid_in_bnb_or_not(bench: Bench) -> None:
    assert (await bench.send("GET", "/sapi/v1/bnbBurn")).body["spotBNBBurn"] is True
    assert (await bench.send("POST", "/sapi/v1/bnbBurn", {"spotBNBBurn": "false"})).body["spotBNBBurn"] is False
    told = (await bench.send("GET", "/api/v3/account/commission", {"symbol": SYMBOL})).body
    assert told["discount"]["enabledForAccount"] is False


# Limits --------------------------------------------------------------------------------------------------------------


async def test_spot_has_limits_of_its_own(bench: Bench) -> None:
    spot = await bench.send("GET", "/api/v3/account")
    futures = await bench.send("GET", "/fapi/v3/account")
    assert [each.headers["X-MBX-USED-WEIGHT-1M"] for each in (spot, futures)] == ["20", "5"]
    order = await bench.send("POST", "/api/v3/order", LIMIT)
    assert [order.headers[f"X-MBX-ORDER-COUNT-{span}"] for span in ("10S", "1D")] == ["1", "1"]
    counts = (await bench.send("GET", "/api/v3/rateLimit/order")).body
    assert [row["count"] for row in counts] == [1, 1]


async def test_too_much_is_refused_and_then_banned_in_spots_words(bench: Bench) -> None:
    answers = [await bench.send("GET", "/api/v3/ticker/24hr") for _ in range(75 + 26)]
    assert [each.status for each in answers] == [200] * 75 + [429] * 25 + [418]
    assert "request weight" in answers[80].body["msg"]
    assert "IP banned until" in answers[-1].body["msg"]
    assert (await bench.send("GET", "/fapi/v1/time")).status == 200


async def test_too_many_orders_are_refused(bench: Bench) -> None:
    answers = [await bench.send("POST", "/api/v3/order", LIMIT | {"quantity": "0"}) for _ in range(101)]
    assert (answers[-2].status, answers[-1].status, answers[-1].body["code"]) == (400, 429, -1015)


# Faults and acts -----------------------------------------------------------------------------------------------------


async def put(bench: Bench, **fault: object) -> None:
    await bench.send("POST", "/localbinance/faults", {"faults": orjson.dumps(fault).decode()})


async def perform(bench: Bench, **act: object) -> dict[str, Any]:
    body: dict[str, Any] = (await bench.send("POST", "/localbinance/act", {"act": orjson.dumps(act).decode()})).body
    return body


async def test_faults_hit_spots_requests_too(bench: Bench) -> None:
    await put(bench, fault="reject", code=-2010)
    assert (await bench.send("POST", "/api/v3/order", LIMIT)).body["code"] == -2010
    await bench.send("DELETE", "/localbinance/faults")
    await put(bench, fault="answer_after", status=503, path="/api/v3/order", times=1)
    lost = await bench.send("POST", "/api/v3/order", LIMIT | {"newClientOrderId": "lost"})
    assert lost.status == 503
    await put(bench, fault="not_found", times=1)
    asked = {"symbol": SYMBOL, "origClientOrderId": "lost"}
    assert (await bench.send("GET", "/api/v3/order", asked)).body["code"] == -2013
    assert (await bench.send("GET", "/api/v3/order", asked)).body["status"] == "NEW"


async def test_reads_may_be_of_a_while_ago(bench: Bench) -> None:
    await put(bench, fault="stale", ms=10_000)
    await bench.send("POST", "/api/v3/order", LIMIT)
    assert (await bench.send("GET", "/api/v3/openOrders", {"symbol": SYMBOL})).body == []
    assert (await balances(bench))["BTC"] == (Decimal(1), Decimal(0))
    for _ in range(4):
        bench.conductor.step()
    assert len((await bench.send("GET", "/api/v3/openOrders", {"symbol": SYMBOL})).body) == 1


async def test_a_person_trades_on_the_account(bench: Bench) -> None:
    by_hand = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    await perform(bench, act="spot_order", order=by_hand)
    [order] = (await bench.send("GET", "/api/v3/allOrders", {"symbol": SYMBOL})).body
    assert (order["status"], order["clientOrderId"][:4]) == ("FILLED", "web_")
    mine = (await bench.send("POST", "/api/v3/order", LIMIT)).body
    await perform(bench, act="spot_cancel", order_id=mine["orderId"])
    assert (await bench.send("GET", "/api/v3/openOrders", {"symbol": SYMBOL})).body == []


async def test_balance_may_vanish_and_a_pair_be_delisted(bench: Bench) -> None:
    await perform(bench, act="spot_withdraw", asset="BTC", amount="0.95")
    assert (await bench.send("POST", "/api/v3/order", LIMIT)).body["code"] == -2010
    await perform(bench, act="spot_status", symbol=SYMBOL)
    assert (await bench.send("POST", "/api/v3/order", MARKET)).body["msg"] == "Market is closed."
    [row] = (await bench.send("GET", "/api/v3/exchangeInfo", {"symbol": SYMBOL})).body["symbols"]
    assert row["status"] == "BREAK"
    assert (await perform(bench, act="spot_withdraw", asset="BTC", amount="9"))["code"] == -2010


async def test_a_script_may_act_upon_spot() -> None:
    script = read_script(b'[{"act": "spot_withdraw", "asset": "BTC", "amount": "0.25", "at_ms": 5000}]')
    bench = Bench(*built(script=script))
    assert (await balances(bench))["BTC"][0] == 1
    bench.conductor.step()
    assert (await balances(bench))["BTC"][0] == Decimal("0.75")


async def test_a_window_may_have_decimals(bench: Bench) -> None:
    assert (await bench.send("GET", "/api/v3/account", {"recvWindow": "4000.5"})).status == 200
    assert (await bench.send("GET", "/api/v3/account", {"recvWindow": "60000.5"})).body["code"] == -1131
