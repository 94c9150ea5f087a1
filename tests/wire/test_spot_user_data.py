"""Spot's WebSocket API and streams by hand: sessions, subscriptions, what faults do to them, and lockstep."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import aiohttp
import orjson
import pytest

from tests.private_keys import ed25519_signature, rsa_signature
from tests.wire.conftest import ED25519_KEY, RSA_KEY, Venue, running
from tests.wire.signed import Signed, signing

SYMBOL = "TRUMPUSDC"
EVENT_TIMEOUT_S = 20
Json = dict[str, Any]


@dataclass(slots=True)
class Line:
    """One connection of the WebSocket API. Events are kept in the order in which they came."""

    venue: Venue
    socket: aiohttp.ClientWebSocketResponse
    events: list[Json] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def ask(self, method: str, params: Json | None = None, *, signed_by: str = "") -> Json:
        """The whole answer. Args: signed_by, "" for nobody, or the API key."""
        values = dict(params or {})
        if signed_by:
            values |= {"apiKey": signed_by, "timestamp": int(time.time() * 1_000)}
            text = "&".join(f"{name}={values[name]}" for name in sorted(values)).encode()
            values["signature"] = self._signature(signed_by, text)
        number = next(self.numbers)
        await self.socket.send_json({"id": number, "method": method, "params": values})
        while True:
            told = await self._receive()
            if told.get("id") == number:
                return told
            self.events.append(told)

    def _signature(self, key: str, text: bytes) -> str:
        if key == ED25519_KEY:
            return ed25519_signature(text)
        if key == RSA_KEY:
            return rsa_signature(text)
        return hmac.new(self.venue.secret.encode(), text, hashlib.sha256).hexdigest()

    async def until(self, wanted: Callable[[Json], bool]) -> Json:
        """The first event, of those to come too, that is wanted."""
        for seen in count():
            while len(self.events) <= seen:
                self.events.append(await self._receive())
            if wanted(self.events[seen]):
                return self.events[seen]
        raise AssertionError

    async def _receive(self) -> Json:
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            told: Json = orjson.loads(await self.socket.receive_str())
        return told


def of_kind(kind: str) -> Callable[[Json], bool]:
    return lambda told: told.get("event", {}).get("e") == kind


def of_order(number: int) -> Callable[[Json], bool]:
    return lambda told: told.get("event", {}).get("i") == number


@asynccontextmanager
async def line_to(client: Signed) -> AsyncIterator[Line]:
    async with client.session.ws_connect(f"{client.venue.ws}/ws-api/v3") as socket:
        yield Line(client.venue, socket)


@pytest.fixture
async def client(spot_venue: Venue) -> AsyncIterator[Signed]:
    async with signing(spot_venue) as it:
        yield it
        await it.send("DELETE", "/localbinance/faults", signed=False)


@pytest.fixture
async def line(client: Signed) -> AsyncIterator[Line]:
    async with line_to(client) as it:
        yield it


async def put(client: Signed, **fault: object) -> None:
    answer = await client.send("POST", "/localbinance/faults", {"faults": orjson.dumps(fault).decode()}, signed=False)
    assert answer.status == 200, answer.body


async def buy(client: Signed) -> Json:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "1"}
    body: Json = (await client.send("POST", "/api/v3/order", order)).body
    return body


async def test_requests_need_a_signature_or_a_session(line: Line) -> None:
    assert (await line.ask("time"))["result"]["serverTime"] > 0
    refused = await line.ask("account.status")
    assert (refused["status"], refused["error"]["code"]) == (401, -2014)
    for key in (line.venue.key, ED25519_KEY, RSA_KEY):
        assert (await line.ask("account.status", signed_by=key))["result"]["accountType"] == "SPOT"
        wrong = {"apiKey": key, "timestamp": 1, "signature": "0" * 64}
        assert (await line.ask("account.status", wrong))["error"]["code"] == -1022
        assert (await line.ask("session.logon", wrong))["error"]["code"] == -1022
    assert (await line.ask("session.status"))["result"]["apiKey"] is None
    assert (await line.ask("session.logon", signed_by=ED25519_KEY))["result"]["apiKey"] == ED25519_KEY
    assert (await line.ask("account.status"))["result"]["accountType"] == "SPOT"
    await line.ask("session.logout")
    assert (await line.ask("account.status"))["status"] == 401


async def test_a_session_is_for_ed25519_keys_alone(line: Line) -> None:
    for key in (line.venue.key, RSA_KEY):
        refused = await line.ask("session.logon", signed_by=key)
        assert (refused["status"], refused["error"]["code"]) == (400, -2028)


async def test_an_account_is_one_whichever_of_its_keys_asks(client: Signed, line: Line) -> None:
    for number, key in enumerate((line.venue.key, ED25519_KEY, RSA_KEY)):
        subscribed = await line.ask("userDataStream.subscribe.signature", signed_by=key)
        assert subscribed["result"]["subscriptionId"] == number
        bought = await buy(client)
        report = await line.until(of_order(bought["orderId"]))
        assert report["subscriptionId"] == number
        await line.ask("userDataStream.unsubscribe", {"subscriptionId": number})


async def test_answers_tell_the_limits_unless_they_are_not_wanted(line: Line) -> None:
    told = await line.ask("ping")
    assert told["rateLimits"][0]["count"] > 0
    assert "rateLimits" not in await line.ask("ping", {"returnRateLimits": False})
    unknown = await line.ask("nothing")
    assert (unknown["status"], "error" in unknown) == (400, True)


async def test_a_session_subscribes_once_and_no_more_after_it_has_unsubscribed(line: Line, client: Signed) -> None:
    assert (await line.ask("userDataStream.subscribe"))["error"]["code"] == -1193
    await line.ask("session.logon", signed_by=ED25519_KEY)
    number = (await line.ask("userDataStream.subscribe"))["result"]["subscriptionId"]
    assert (await line.ask("userDataStream.subscribe"))["error"]["code"] == -2035
    await buy(client)
    assert (await line.until(of_kind("outboundAccountPosition")))["subscriptionId"] == number
    await line.ask("userDataStream.unsubscribe", {"subscriptionId": number})
    assert (await line.ask("userDataStream.unsubscribe"))["error"]["code"] == -2036
    line.events.clear()
    await buy(client)
    await line.ask("ping")
    assert line.events == []


async def test_the_life_of_an_order_as_it_is_told(line: Line, client: Signed) -> None:
    await line.ask("userDataStream.subscribe.signature", signed_by=line.venue.key)
    order = await buy(client)
    filled = (await line.until(lambda told: told["event"].get("X") == "FILLED"))["event"]
    assert [told["event"].get("x", told["event"]["e"]) for told in line.events] == [
        "NEW",
        "outboundAccountPosition",
        "TRADE",
    ]
    new = line.events[0]["event"]
    assert (new["w"], new["t"], new["N"], new["C"]) == (True, -1, None, "")
    assert (filled["i"], filled["c"], filled["z"]) == (order["orderId"], order["clientOrderId"], "1.00000000")
    assert (filled["n"], filled["N"], filled["m"]) == ("0.00100000", "TRUMP", False)
    assert filled["t"] == order["fills"][0]["tradeId"]
    assert {"I", "M", "O", "Z", "Y", "Q", "V", "W", "T", "E", "L", "l", "g", "r", "F", "P", "f"} <= set(filled)


async def test_what_a_person_does_is_told_too(line: Line, client: Signed) -> None:
    await line.ask("userDataStream.subscribe.signature", signed_by=line.venue.key)
    by_hand = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "1"}
    for act in (
        {"act": "spot_order", "order": by_hand, "app": "ios"},
        {"act": "spot_withdraw", "asset": "TRUMP", "amount": "1"},
    ):
        await client.send("POST", "/localbinance/act", {"act": orjson.dumps(act).decode()}, signed=False)
    assert (await line.until(of_kind("executionReport")))["event"]["c"].startswith("ios_")
    moved = (await line.until(of_kind("balanceUpdate")))["event"]
    assert (moved["a"], moved["d"]) == ("TRUMP", "-1.00000000")


async def test_an_oco_is_told_as_a_list(line: Line, client: Signed) -> None:
    await line.ask("userDataStream.subscribe.signature", signed_by=line.venue.key)
    last = float((await client.get("/api/v3/ticker/price", symbol=SYMBOL))["price"])
    placed = await line.ask(
        "orderList.place.oco",
        {
            "symbol": SYMBOL,
            "side": "SELL",
            "quantity": "2",
            "aboveType": "LIMIT_MAKER",
            "abovePrice": f"{last * 1.1:.3f}",
            "belowType": "STOP_LOSS",
            "belowStopPrice": f"{last * 0.9:.3f}",
        },
        signed_by=line.venue.key,
    )
    begun = (await line.until(of_kind("listStatus")))["event"]
    assert (begun["g"], begun["l"], len(begun["O"])) == (placed["result"]["orderListId"], "EXEC_STARTED", 2)
    line.events.clear()
    await line.ask("orderList.cancel", {"symbol": SYMBOL, "orderListId": begun["g"]}, signed_by=line.venue.key)
    assert (await line.until(of_kind("listStatus")))["event"]["L"] == "ALL_DONE"
    cancelled = (await line.until(of_kind("executionReport")))["event"]
    assert (cancelled["x"], cancelled["C"] != cancelled["c"]) == ("CANCELED", True)


async def test_events_may_be_lost_doubled_and_ended(line: Line, client: Signed) -> None:
    await line.ask("userDataStream.subscribe.signature", signed_by=line.venue.key)
    await put(client, fault="drop_frame", route="user", event="executionReport", times=1)
    await put(client, fault="duplicate_frame", route="user", event="executionReport", after=1, times=1)
    await buy(client)
    await line.ask("ping")
    kinds = [told["event"].get("x", "") for told in line.events if of_kind("executionReport")(told)]
    assert kinds in (["TRADE"], ["TRADE", "TRADE"])  # the NEW is lost
    await put(client, fault="expire_listen_key")
    assert "E" in (await line.until(of_kind("eventStreamTerminated")))["event"]
    line.events.clear()
    await buy(client)
    await line.ask("ping")
    assert line.events == []


async def test_events_may_come_late_and_in_another_order(line: Line, client: Signed) -> None:
    await line.ask("userDataStream.subscribe.signature", signed_by=line.venue.key)
    await put(client, fault="reorder_frame", route="user", event="executionReport", behind=1, times=1)
    await put(client, fault="delay_frame", route="user", event="outboundAccountPosition", ms=300)
    await buy(client)
    await line.until(lambda told: told["event"].get("X") == "FILLED")
    await line.until(of_kind("outboundAccountPosition"))
    kinds = [told["event"].get("x", "balances") for told in line.events]
    assert kinds[:2] == ["TRADE", "NEW"]
    assert kinds[2:] == ["balances"]


async def test_a_connection_may_fall_silent(line: Line, client: Signed) -> None:
    await line.ask("userDataStream.subscribe.signature", signed_by=line.venue.key)
    await put(client, fault="silent", route="user")
    await buy(client)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await line.ask("ping")
    assert line.events == []


async def test_requests_may_be_lost_and_the_clock_be_off(client: Signed) -> None:
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "1", "newClientOrderId": "never"}
    await put(client, fault="lose_request", path="/api/v3/order", times=1)
    with pytest.raises(aiohttp.ClientError):
        await client.send("POST", "/api/v3/order", order)
    found = await client.send("GET", "/api/v3/order", {"symbol": SYMBOL, "origClientOrderId": "never"})
    assert found.body["code"] == -2013
    await put(client, fault="clock_skew", ms=-90_000, path="/api/v3/*")
    assert (await client.get("/api/v3/time"))["serverTime"] < time.time() * 1_000 - 60_000
    assert (await client.send("GET", "/api/v3/account")).body["code"] == -1021


async def test_connections_may_be_cut_and_refused(line: Line, client: Signed) -> None:
    await line.ask("userDataStream.subscribe.signature", signed_by=line.venue.key)
    await put(client, fault="cut", route="user")
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        assert (await line.socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)
    await put(client, fault="refuse_connection", route="user")
    with pytest.raises(aiohttp.ClientError):
        await client.session.ws_connect(f"{client.venue.ws}/ws-api/v3")


async def test_a_lost_reply_drops_the_connection_with_the_order_placed(line: Line, client: Signed) -> None:
    await put(client, fault="lose_reply", path="/api/v3/order", times=1)
    order = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "1", "newClientOrderId": "ws-lost"}
    with pytest.raises(TypeError):  # the socket has no text any more
        await line.ask("order.place", order, signed_by=line.venue.key)
    found = await client.send("GET", "/api/v3/order", {"symbol": SYMBOL, "origClientOrderId": "ws-lost"})
    assert found.body["status"] == "FILLED"


async def test_a_slow_request_holds_up_no_other(line: Line, client: Signed) -> None:
    await put(client, fault="latency", path="/api/v3/account", ms=2_000)
    await line.socket.send_json({"id": "slow", "method": "account.status", "params": {}})
    assert (await line.ask("time"))["status"] == 200
    assert line.events == []
    await line.until(lambda told: told.get("id") == "slow")


async def test_clocks_and_signatures_are_checked(client: Signed) -> None:
    late = await client.send("GET", "/api/v3/account", at_ms=int(time.time() * 1_000) - 60_000)
    assert (late.status, late.body["code"]) == (400, -1021)
    wrong = await client.send("GET", "/api/v3/account", secret="another")
    assert (wrong.status, wrong.body["code"]) == (400, -1022)
    await put(client, fault="answer", status=418, ban_ms=5_000, path="/api/v3/*", times=1)
    banned = await client.send("GET", "/api/v3/time", signed=False)
    assert (banned.status, banned.body["code"]) == (418, -1003)


async def test_streams_of_spot_and_of_futures_do_not_mix(client: Signed) -> None:
    async with (
        client.session.ws_connect(f"{client.venue.ws}/spot/ws/trumpusdc@bookTicker") as spot,
        client.session.ws_connect(f"{client.venue.ws}/public/ws/trumpusdc@bookTicker") as futures,
        asyncio.timeout(EVENT_TIMEOUT_S),
    ):
        assert set(await spot.receive_json()) == {"u", "s", "b", "B", "a", "A"}
        assert (await futures.receive_json())["e"] == "bookTicker"


async def test_the_websocket_api_takes_part_in_lockstep() -> None:
    async with (
        running("--speed=max", "--no-check-time", "--spot-balance=TRUMP=5") as venue,
        signing(venue) as client,
        line_to(client) as line,
    ):
        await line.socket.send_json({"id": 0, "method": "SUBSCRIBE", "params": ["!lockstep"]})
        steps = 0
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            while steps < 5:
                told = orjson.loads(await line.socket.receive_str())
                if told.get("e") == "lockstep":
                    steps = told["n"]
                    await line.socket.send_json({"method": "LOCKSTEP", "params": [told["n"], 0]})
