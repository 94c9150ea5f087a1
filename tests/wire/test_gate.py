"""The gate of localbinance over the wire: keys, signatures, time, limits, and what is no request at all."""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.wire.conftest import Venue, running
from tests.wire.signed import EVENT_TIMEOUT_S, Signed, signing

ORDER = {"symbol": "BTCUSDC", "side": "BUY", "type": "MARKET", "quantity": "0.010"}


@pytest.fixture
async def client(venue: Venue) -> AsyncIterator[Signed]:
    async with signing(venue) as it:
        yield it


async def test_who_does_not_sign_rightly_is_kept_out(client: Signed) -> None:
    path = "/fapi/v3/account"
    for answer, status, code in (
        (await client.send("GET", path, key=""), 401, -2014),
        (await client.send("GET", path, key="nobody"), 401, -2015),
        (await client.send("GET", path, secret="wrong"), 400, -1022),
        (await client.send("GET", path, signed=False), 400, -1102),
        (await client.send("GET", path, at_ms=int(time.time() * 1_000) - 6_000), 400, -1021),
        (await client.send("GET", path, at_ms=int(time.time() * 1_000) + 5_000), 400, -1021),
        (await client.send("GET", path, {"recvWindow": 70_000}), 400, -1131),
    ):
        assert (answer.status, answer.body["code"]) == (status, code)
    old = int(time.time() * 1_000) - 6_000
    assert (await client.send("GET", path, {"recvWindow": 20_000}, at_ms=old)).status == 200


async def test_parameters_come_in_the_query_or_the_body(client: Signed) -> None:
    for in_body in (False, True):
        placed = await client.send("POST", "/fapi/v1/order", ORDER, in_body=in_body)
        assert placed.body["symbol"] == "BTCUSDC"
        closing = ORDER | {"side": "SELL", "reduceOnly": "True"}
        assert (await client.send("POST", "/fapi/v1/order", closing, in_body=in_body)).status == 200


async def test_weights_and_order_counts_are_in_the_headers(client: Signed) -> None:
    first = await client.send("GET", "/fapi/v1/time", signed=False)
    second = await client.send("GET", "/fapi/v3/account")
    used = [int(answer.headers["X-MBX-USED-WEIGHT-1M"]) for answer in (first, second)]
    assert used[1] - used[0] == 5 or used[1] < used[0], "unless a new minute began between the two"
    refused = await client.send("POST", "/fapi/v1/order", ORDER | {"quantity": "0"})
    assert refused.body["code"] == -4003
    assert int(refused.headers["X-MBX-ORDER-COUNT-10S"]) >= 1


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"side": "LEFT"}, -1117),
        ({"type": "WISH"}, -1116),
        ({"type": "STOP_MARKET"}, -4120),
        ({"quantity": "much"}, -1100),
        ({"quantity": ""}, -1102),
        ({"type": "LIMIT", "price": "1"}, -1102),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "ä"}, -1100),
        ({"positionSide": "LONG"}, -4061),
    ],
)
async def test_orders_that_make_no_sense_get_their_code(client: Signed, change: dict[str, str], code: int) -> None:
    answer = await client.send("POST", "/fapi/v1/order", ORDER | change)
    assert (answer.status, answer.body["code"]) == (400, code)


async def test_unknown_paths_are_said_to_be_none(client: Signed) -> None:
    answer = await client.send("GET", "/fapi/v1/nothing", signed=False)
    assert (answer.status, answer.body["code"]) == (404, -5000)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await client.session.ws_connect(f"{client.venue.ws}/private/ws?listenKey={'x' * 64}")


async def test_streams_take_requests_and_refuse_nonsense(client: Signed) -> None:
    async with asyncio.timeout(EVENT_TIMEOUT_S), client.session.ws_connect(f"{client.venue.ws}/ws") as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdc@bookTicker"], "id": "mine"})
        assert await socket.receive_json() == {"result": None, "id": "mine"}
        await socket.send_str("{no json")
        await socket.send_json({"method": "WISH", "params": [], "id": 2})
        answers: list[int] = []
        while len(answers) < 2:
            frame = await socket.receive_json()
            if "error" in frame:
                answers.append(frame["error"]["code"])
            else:
                assert frame["e"] == "bookTicker"
        assert answers == [3, 2]
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
        while (frame := await socket.receive_json()).get("id") != 3:
            pass
        assert frame["result"] == ["btcusdc@bookTicker"]


async def test_wrapped_streams_name_theirs(client: Signed) -> None:
    url = f"{client.venue.ws}/market/stream?streams=btcusdc@aggTrade/ethusdc@markPrice@1s"
    async with asyncio.timeout(EVENT_TIMEOUT_S), client.session.ws_connect(url) as socket:
        seen: set[str] = set()
        while len(seen) < 2:
            frame = await socket.receive_json()
            assert frame["data"]["s"].lower() == frame["stream"].partition("@")[0]
            seen.add(frame["stream"])


async def test_too_much_is_answered_with_429_and_then_a_ban() -> None:
    async with running() as venue, signing(venue) as client:
        statuses: list[int] = []
        answer = await client.send("GET", "/fapi/v1/ticker/24hr", signed=False)
        while answer.status != 418 and len(statuses) < 200:
            statuses.append(answer.status)
            answer = await client.send("GET", "/fapi/v1/ticker/24hr", signed=False)
        assert statuses[:60] == [200] * 60, "2400 of weight a minute, 40 each"
        assert 429 in statuses
        assert answer.body["code"] == -1003
        assert int(answer.headers["Retry-After"]) > 60


async def test_too_many_orders_are_refused_without_a_ban() -> None:
    async with running() as venue, signing(venue) as client:
        answers = [await client.send("POST", "/fapi/v1/order", ORDER | {"quantity": "0"}) for _ in range(320)]
        over = [answer for answer in answers if answer.status == 429]
        assert {answer.body["code"] for answer in over} <= {-1015}
        assert over or int(answers[-1].headers["X-MBX-ORDER-COUNT-10S"]) < 300, "unless the ten seconds were over"
