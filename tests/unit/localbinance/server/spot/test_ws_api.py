"""The WebSocket API without a socket: whatever a client says gets one answer, and the exchange goes on."""

import json
from functools import cache
from typing import Any, cast

import orjson
from aiohttp.web import WebSocketResponse
from hypothesis import given, settings
from hypothesis import strategies as st

from localbinance.server.connection import Connection
from localbinance.server.spot.ws_api import METHODS, Session
from localbinance.server.stream_names import Product, Route
from tests.unit.localbinance.server.bench import KEY, SYMBOL, Bench


class Ear(Connection):
    """A connection that keeps what is said on it."""

    def __init__(self) -> None:
        socket = cast("WebSocketResponse", None)
        super().__init__(
            socket, Route.PRIVATE, wrapped=False, events=frozenset(), product=Product.SPOT, hang_up=lambda: None
        )
        self.told: list[dict[str, Any]] = []

    def reply(self, frame: bytes) -> None:
        self.told.append(orjson.loads(frame))


@cache
def shared_bench() -> Bench:
    return Bench.make(rate_limited=False)


async def say(text: str, *, logged_on: bool = True) -> list[dict[str, Any]]:
    bench, ear = shared_bench(), Ear()
    session = Session(ear, "127.0.0.1", bench.now_ms, account=KEY if logged_on else "")
    await bench.app.ws_api.on_message(session, text)
    bench.app.hub.drop(ear)
    return ear.told


OWN = ("session.logon", "session.status", "session.logout", "session.subscriptions", "userDataStream.subscribe")
OTHERS = ("userDataStream.subscribe.signature", "userDataStream.unsubscribe", "nothing", "SUBSCRIBE", "")
PARAMS = st.dictionaries(
    st.sampled_from(
        ("symbol", "side", "type", "quantity", "price", "timestamp", "apiKey", "orderId", "subscriptionId")
    ),
    st.one_of(
        st.sampled_from((SYMBOL, "BUY", "MARKET", "", "ä")),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.none(),
        st.booleans(),
    ),
)


@settings(max_examples=400, deadline=None)
@given(
    method=st.one_of(st.sampled_from((*METHODS, *OWN, *OTHERS)), st.integers()),
    params=st.one_of(PARAMS, st.lists(st.text(max_size=3)), st.text(max_size=3), st.none()),
    identity=st.one_of(st.text(max_size=5), st.integers(-(2**60), 2**60), st.none()),
)
async def test_every_message_gets_one_answer_and_none_is_a_fault(
    method: object, params: object, identity: object
) -> None:
    asked = {"id": identity, "method": method, "params": params}
    [told] = await say(json.dumps(asked))
    assert told["id"] == identity
    if method not in ("SUBSCRIBE",):
        assert told["status"] != 500
        assert ("result" in told) is (told["status"] == 200)


async def test_what_is_no_request_is_refused() -> None:
    for text in ("", "[", "[]", "7", '"ping"', "{}", "null"):
        [told] = await say(text)
        assert told["status"] == 400


async def test_without_a_session_only_public_methods_are_answered() -> None:
    for method, (_, path) in METHODS.items():
        [told] = await say(orjson.dumps({"id": 1, "method": method}).decode(), logged_on=False)
        is_public = shared_bench().app.desk.routes[METHODS[method]].security.name == "NONE"
        assert (told["status"] == 401) is not is_public, (method, path)


async def test_a_signature_counts_where_there_is_one_session_or_not() -> None:
    params = {"apiKey": KEY, "timestamp": shared_bench().now_ms, "signature": "0" * 64}
    [told] = await say(json.dumps({"id": 1, "method": "account.status", "params": params}))
    assert told["error"]["code"] == -1022
