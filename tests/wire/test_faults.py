"""Wire faults, each as a client meets it: with sockets that close, answers that lie and frames that do not come."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.wire.conftest import Venue, running, serving
from tests.wire.signed import EVENT_TIMEOUT_S, Answer, Signed, signing
from tests.wire.test_serve import serve

Frame = dict[str, Any]
ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
SYMBOL, QUANTITY = "BTCUSDC", "0.01"
LONG_MS = 400


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    """One for all tests here. Without limits of its own: tests ask until they see what they wait for."""
    with serving("--no-rate-limits") as it:
        yield it


@pytest.fixture
async def client(venue: Venue) -> AsyncIterator[Signed]:
    """Of an exchange on which no fault stands, before and after."""
    async with signing(venue) as it:
        yield it
        assert (await it.send("DELETE", "/localbinance/faults", signed=False)).status == 200


async def put(client: Signed, *faults: Frame) -> None:
    answer = await client.send("POST", "/localbinance/faults", {"faults": json.dumps(faults)}, signed=False)
    assert answer.status == 200, answer.body


async def order(client: Signed, **parameters: object) -> Answer:
    values = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": QUANTITY} | parameters
    return await client.send("POST", ORDER, values)


async def exists(client: Signed, client_id: str) -> bool:
    """Whether an order of that client id was executed."""
    return (await client.send("GET", ORDER, {"symbol": SYMBOL, "origClientOrderId": client_id})).status == 200


async def entries(client: Signed, since: int = 0) -> list[Frame]:
    """The log after a number, page by page."""
    found: list[Frame] = []
    while True:
        page = (await client.send("GET", "/localbinance/requests", {"since": since}, signed=False)).body
        if page["next"] == since:
            return found
        found, since = found + page["entries"], page["next"]


async def until(socket: aiohttp.ClientWebSocketResponse, event: str) -> Frame:
    """The next frame of that event."""
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        while True:
            frame: Frame = await socket.receive_json()
            if frame.get("e") == event:
                return frame


async def until_filled(socket: aiohttp.ClientWebSocketResponse, events: list[str], client_id: str) -> None:
    """Read on until the order's fill was told, keeping count of all events on the way."""
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        while True:
            frame: Frame = await socket.receive_json()
            events.append(frame["e"])
            told = frame.get("o", {})
            if frame["e"] == "ORDER_TRADE_UPDATE" and (told["c"], told["X"]) == (client_id, "FILLED"):
                return


@asynccontextmanager
async def market_stream(client: Signed, symbol: str = SYMBOL) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = f"{client.venue.ws}/market/ws/{symbol.lower()}@markPrice@1s"
    async with client.session.ws_connect(url) as socket:
        yield socket


# Requests ------------------------------------------------------------------------------------------------------------


async def test_a_slow_request_and_a_slow_reply_take_their_time(client: Signed) -> None:
    for of in ("request", "reply"):
        await put(client, {"fault": "latency", "ms": LONG_MS, "of": of, "times": 1, "path": "/fapi/v1/ping"})
        began_s = time.monotonic()
        await client.get("/fapi/v1/ping")
        assert time.monotonic() - began_s >= LONG_MS / 1_000
    began_s = time.monotonic()
    await client.get("/fapi/v1/ping")
    assert time.monotonic() - began_s < LONG_MS / 1_000


async def test_a_slow_request_arrives_late_and_a_slow_reply_leaves_late(client: Signed) -> None:
    for of, is_executed_early in (("reply", True), ("request", False)):
        name = f"slow-{of}"
        await put(client, {"fault": "latency", "ms": 1_500, "of": of, "times": 1, "path": ORDER, "method": "POST"})
        pending = asyncio.create_task(order(client, newClientOrderId=name))
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while (await client.send("GET", "/localbinance/faults", signed=False)).body["standing"]:
                pass
        assert await exists(client, name) is is_executed_early
        assert (await pending).status == 200
        assert await exists(client, name)


async def test_a_lost_request_is_not_executed_and_a_lost_reply_is(client: Signed) -> None:
    for fault, is_executed in (("lose_request", False), ("lose_reply", True)):
        await put(client, {"fault": fault, "path": ORDER, "method": "POST", "times": 1})
        with pytest.raises(aiohttp.ClientConnectionError):
            await order(client, newClientOrderId=fault)
        assert await exists(client, fault) is is_executed


async def test_a_connection_is_accepted_and_closed(client: Signed) -> None:
    await put(client, {"fault": "refuse_connection", "of": "both"})
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get("/fapi/v1/ping")
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.session.ws_connect(f"{client.venue.ws}/market/ws/btcusdc@markPrice")
    await client.send("DELETE", "/localbinance/faults", signed=False)
    assert await client.get("/fapi/v1/ping") == {}


async def test_an_answer_comes_in_place_of_the_execution_and_after_it(client: Signed) -> None:
    for fault, is_executed in (("answer", False), ("answer_after", True)):
        await put(client, {"fault": fault, "status": 503, "path": ORDER, "method": "POST", "times": 1})
        answer = await order(client, newClientOrderId=fault)
        assert (answer.status, answer.body["msg"]) == (
            503,
            "Unknown error, please check your request or try again later.",
        )
        assert "X-MBX-USED-WEIGHT-1M" in answer.headers
        assert await exists(client, fault) is is_executed


async def test_limits_and_bans_say_when_to_come_again(client: Signed) -> None:
    await put(client, {"fault": "answer", "status": 429, "retry_after_s": 7, "times": 1})
    answer = await client.send("GET", "/fapi/v1/ping", signed=False)
    assert (answer.status, answer.headers["Retry-After"], answer.body["code"]) == (429, "7", -1003)
    await put(client, {"fault": "answer", "ban_ms": 1_500, "times": 1})
    answers = [await client.send("GET", "/fapi/v1/ping", signed=False) for _ in range(2)]
    assert {answer.status for answer in answers} == {418}
    assert len({answer.body["msg"] for answer in answers}) == 1
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        while (await client.send("GET", "/fapi/v1/ping", signed=False)).status == 418:
            pass


async def test_a_page_of_html_is_answered_as_one(client: Signed) -> None:
    await put(client, {"fault": "answer", "status": 502, "times": 1})
    async with client.session.get(f"{client.venue.http}/fapi/v1/ping") as reply:
        assert (reply.status, reply.content_type) == (502, "text/html")
        assert "502 Bad Gateway" in await reply.text()


async def test_orders_are_rejected_by_symbol_and_type(client: Signed) -> None:
    await put(client, {"fault": "reject", "code": -2019, "symbol": SYMBOL, "type": "MARKET", "times": 1})
    passed = await order(client, symbol="ETHUSDC", quantity="0.1")
    refused = await order(client)
    assert (passed.status, refused.status) == (200, 400)
    assert refused.body == {"code": -2019, "msg": "Margin is insufficient."}
    assert (await order(client)).status == 200


async def test_an_order_that_exists_is_not_found_for_a_while(client: Signed) -> None:
    await order(client, newClientOrderId="hidden")
    await put(client, {"fault": "not_found", "parameters": {"origClientOrderId": "hidden"}, "times": 2})
    question = {"symbol": SYMBOL, "origClientOrderId": "hidden"}
    codes = [(await client.send("GET", ORDER, question)).body.get("code") for _ in range(3)]
    assert codes == [-2013, -2013, None]


async def test_reads_are_stale_and_come_up_to_date(client: Signed) -> None:
    async def held() -> Decimal:
        rows = (await client.send("GET", "/fapi/v3/positionRisk", {"symbol": "SOLUSDC"})).body
        return sum((Decimal(row["positionAmt"]) for row in rows), Decimal(0))

    async def resting() -> list[Any]:
        found: list[Any] = (await client.send("GET", "/fapi/v1/openOrders", {"symbol": "SOLUSDC"})).body
        return found

    await put(client, {"fault": "stale", "ms": 2_500})
    bought = await order(client, symbol="SOLUSDC", quantity="2")
    limit = {"side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "symbol": "SOLUSDC", "quantity": "2"}
    last = Decimal((await client.get("/fapi/v1/ticker/price", symbol="SOLUSDC"))["price"])
    assert (await order(client, **limit, price=round(last * Decimal("1.05"), 1))).status == 200
    assert (bought.status, await held(), await resting()) == (200, Decimal(0), [])
    named = {"symbol": "SOLUSDC", "orderId": bought.body["orderId"]}
    assert (await client.send("GET", ORDER, named)).body["code"] == -2013
    assert (await client.send("GET", "/fapi/v1/userTrades", named)).body == []
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        while not await resting():
            pass
    assert await held() == 2
    assert (await client.send("GET", ORDER, named)).body["status"] == "FILLED"
    await client.send("DELETE", "/fapi/v1/allOpenOrders", {"symbol": "SOLUSDC"})
    assert [each["status"] for each in await resting()] == ["NEW"]
    await client.send("DELETE", "/localbinance/faults", signed=False)
    assert not await resting()


@pytest.mark.parametrize("skew_ms", [-60_000, 60_000])
async def test_a_skewed_clock_is_told_and_checks_by_itself(client: Signed, skew_ms: int) -> None:
    await put(client, {"fault": "clock_skew", "ms": skew_ms})
    now_ms = time.time() * 1_000
    assert (await client.get("/fapi/v1/time"))["serverTime"] - now_ms == pytest.approx(skew_ms, abs=5_000)
    assert (await order(client)).body["code"] == -1021
    assert (await client.send("GET", "/fapi/v3/balance", at_ms=int(now_ms) + skew_ms)).status == 200


# Frames --------------------------------------------------------------------------------------------------------------


async def test_frames_are_dropped_and_duplicated_by_event(client: Signed) -> None:
    async with client.user_stream() as socket:
        await put(
            client,
            {"fault": "drop_frame", "route": "user", "event": "ACCOUNT_UPDATE", "symbol": SYMBOL},
            {"fault": "duplicate_frame", "route": "user", "event": "TRADE_LITE", "times": 1},
        )
        await order(client, newClientOrderId="d-1")
        events: list[str] = []
        await until_filled(socket, events, "d-1")
        assert "ACCOUNT_UPDATE" not in events
        assert events.count("TRADE_LITE") == 2


async def test_a_delayed_frame_is_overtaken_and_comes_in_the_end(client: Signed) -> None:
    async with client.user_stream() as socket:
        await put(client, {"fault": "delay_frame", "event": "ACCOUNT_UPDATE", "ms": LONG_MS, "times": 1})
        began_s = time.monotonic()
        await order(client, newClientOrderId="late")
        events: list[str] = []
        await until_filled(socket, events, "late")
        assert "ACCOUNT_UPDATE" not in events
        await until(socket, "ACCOUNT_UPDATE")
        assert time.monotonic() - began_s >= LONG_MS / 1_000


async def test_frames_delayed_alike_keep_their_order(client: Signed) -> None:
    async with client.user_stream() as socket:
        await put(client, {"fault": "delay_frame", "route": "user", "ms": 50})
        for _ in range(10):
            await order(client)
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            told = [(await socket.receive_json())["e"] for _ in range(40)]
        assert told == ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"] * 10


async def test_a_frame_is_held_back_behind_others(client: Signed) -> None:
    async with client.user_stream() as socket:
        await put(client, {"fault": "reorder_frame", "event": "TRADE_LITE", "behind": 2, "times": 1})
        await order(client, newClientOrderId="behind")
        events: list[str] = []
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while len(events) < 4:
                events.append((await socket.receive_json())["e"])
        assert events == ["ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE", "TRADE_LITE"]


async def test_a_silent_stream_stays_open_and_tells_nothing_not_even_replies(client: Signed) -> None:
    async with client.user_stream() as socket, market_stream(client) as market:
        await put(client, {"fault": "silent", "route": "user", "name": "hush"})
        await order(client, newClientOrderId="unheard")
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        await until(market, "markPriceUpdate")
        await socket.ping()  # a connection that were closed would not take it
        await client.send("DELETE", "/localbinance/faults", {"name": "hush"}, signed=False)
        await order(client, newClientOrderId="heard")
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            first = await socket.receive_json()
        assert first["e"] == "ORDER_TRADE_UPDATE"
        assert first["o"]["c"] == "heard"


async def test_a_cut_closes_those_it_means_and_no_others(client: Signed) -> None:
    async with client.user_stream() as socket, market_stream(client) as market:
        await put(client, {"fault": "cut", "route": "market"})
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while (message := await market.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)
        assert market.close_code in (None, 1006)
        await order(client, newClientOrderId="goes-on")
        await until_filled(socket, [], "goes-on")


async def test_an_expired_listen_key_says_so_once_and_then_nothing(client: Signed) -> None:
    async with client.user_stream() as socket:
        key = (await client.send("POST", "/fapi/v1/listenKey", signed=False)).body["listenKey"]
        await put(client, {"fault": "expire_listen_key"})
        assert (await until(socket, "listenKeyExpired"))["listenKey"] == key
        assert (await client.send("PUT", "/fapi/v1/listenKey", signed=False)).body["code"] == -1125
        await order(client)
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 1})
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            assert await socket.receive_json() == {"result": [], "id": 1}
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await client.session.ws_connect(f"{client.venue.ws}/private/ws?listenKey={key}")
        renewed = (await client.send("POST", "/fapi/v1/listenKey", signed=False)).body["listenKey"]
        assert renewed != key


# The board -----------------------------------------------------------------------------------------------------------


async def test_faults_are_put_shown_and_lifted_and_the_board_itself_is_never_hit(client: Signed) -> None:
    everything = {"fault": "lose_request", "name": "all"}
    body = json.dumps([everything, {"fault": "latency", "ms": 1}])
    headers = {"X-MBX-APIKEY": client.venue.key, "Content-Type": "application/json"}
    async with client.session.post(f"{client.venue.http}/localbinance/faults", data=body, headers=headers) as reply:
        assert await reply.json() == {"put": 2}
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get("/fapi/v1/ping")
    shown = (await client.send("GET", "/localbinance/faults", signed=False)).body["standing"]
    assert [(each["fault"], each["name"], each["hits"] > 0) for each in shown] == [
        ("lose_request", "all", True),
        ("latency", "", True),
    ]
    assert (await client.send("DELETE", "/localbinance/faults", {"name": "all"}, signed=False)).body == {"lifted": 1}
    assert await client.get("/fapi/v1/ping") == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "faults is no JSON: "),
        ('[{"fault": "lose_reply"}, {"fault": "gap"}]', "fault is 'gap'; give an object whose fault is one of "),
        ('{"fault": "latency"}', "fault latency, ms: Field required"),
        ("", "Mandatory parameter 'faults' was not sent"),
    ],
)
async def test_what_is_no_fault_is_refused_with_one_line(client: Signed, text: str, complaint: str) -> None:
    answer = await client.send("POST", "/localbinance/faults", {"faults": text}, signed=False)
    assert (answer.status, answer.body["msg"].startswith(complaint)) == (400, True)
    assert not (await client.send("GET", "/localbinance/faults", signed=False)).body["standing"]


async def test_a_stranger_puts_no_faults(client: Signed) -> None:
    answer = await client.send("POST", "/localbinance/faults", {"faults": "[]"}, key="nobody", signed=False)
    assert answer.body["code"] == -2015


# The log -------------------------------------------------------------------------------------------------------------


async def test_the_log_tells_requests_and_what_became_of_them_without_secrets(client: Signed) -> None:
    since = max((each["number"] for each in await entries(client)), default=0)
    await put(client, {"fault": "lose_reply", "path": ORDER, "times": 1})
    with pytest.raises(aiohttp.ClientConnectionError):
        await order(client, newClientOrderId="logged")
    await order(client, quantity="0")
    found = [each for each in await entries(client, since) if each["entry"] == "request"]
    assert [(each["method"], each["path"], each["status"], each["code"], each["disturbed"]) for each in found] == [
        ("POST", ORDER, 0, 0, True),
        ("POST", ORDER, 400, -4003, False),
    ]
    assert found[0]["executed"]
    assert found[0]["parameters"] == {
        "symbol": SYMBOL,
        "side": "BUY",
        "type": "MARKET",
        "quantity": QUANTITY,
        "newclientorderid": "logged",
    }
    assert found[0]["arrived"]["real_ms"] <= found[0]["answered"]["real_ms"] < found[1]["arrived"]["real_ms"]
    text = json.dumps(await entries(client))
    assert client.venue.key not in text
    assert "signature" not in text


async def test_naked_time_is_from_the_fill_to_the_stop_by_real_time(venue: Venue) -> None:
    async with running() as own, signing(own) as client:
        await order(client)
        await put(client, {"fault": "latency", "ms": LONG_MS, "path": ALGO, "times": 1})
        last = Decimal((await client.get("/fapi/v1/ticker/price", symbol=SYMBOL))["price"])
        stop = {"algoType": "CONDITIONAL", "symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET"}
        trigger = round(last * Decimal("0.9"))
        values = stop | {"quantity": QUANTITY, "triggerPrice": trigger, "reduceOnly": "true"}
        placed = await client.send("POST", ALGO, values)
        assert placed.status == 200, placed.body
        [spell] = (await client.send("GET", "/localbinance/naked", signed=False)).body
        assert spell["symbol"] == SYMBOL
        assert LONG_MS <= spell["until_ms"] - spell["from_ms"] < LONG_MS + 5_000
        await client.send("DELETE", ALGO, {"algoId": placed.body["algoId"]})
        spells = (await client.send("GET", "/localbinance/naked", signed=False)).body
        assert [each["until_ms"] is None for each in spells] == [False, True]
        kinds = [each for each in await entries(client) if each["entry"] != "request"]
        assert [(each["entry"], each.get("change"), each.get("side")) for each in kinds] == [
            ("position", None, None),
            ("stop", "created", "SELL"),
            ("stop", "cancelled", "SELL"),
        ]
        assert {Decimal(each.get("quantity") or each["quantity_signed"]) for each in kinds} == {Decimal(QUANTITY)}


# A file of faults ----------------------------------------------------------------------------------------------------


async def test_a_script_plays_faults_and_acts_at_their_times(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    script = [
        {"act": "withdraw", "asset": "USDC", "amount": "1000", "at_ms": 2_000},
        {"fault": "answer", "status": 503, "path": "/fapi/v1/klines", "name": "outage"},
        {"fault": "lose_request", "path": "/fapi/v1/ping", "at_ms": 2_000},
    ]
    file.write_text(json.dumps(script))
    async with running(f"--faults={file}") as venue, signing(venue) as client:
        assert (await client.send("GET", "/fapi/v1/klines", signed=False)).status == 503
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while len((await client.send("GET", "/localbinance/faults", signed=False)).body["standing"]) < 2:
                pass
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get("/fapi/v1/ping")
        [row] = [each for each in (await client.send("GET", "/fapi/v3/balance")).body if each["asset"] == "USDC"]
        assert Decimal(row["balance"]) == 9_000


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "No such file or directory"),
        ("[", "no JSON: "),
        ('[{"fault": "latency"}]', "entry 1: fault latency, ms: Field required"),
    ],
)
async def test_a_script_that_is_none_is_refused_with_one_line(tmp_path: Path, text: str | None, complaint: str) -> None:
    file = tmp_path / "faults.json"
    if text is not None:
        file.write_text(text)
    code, out, error = await serve(f"--faults={file}")
    assert (code, out, len(error.splitlines())) == (2, "", 1)
    assert error.startswith(f"localbinance: --faults {file}: {complaint}")
