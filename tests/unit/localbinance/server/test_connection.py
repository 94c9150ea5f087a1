"""A stream connection: frames in order, a bounded queue, an end for who does not read."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
import pytest
from aiohttp.web import WebSocketResponse

from localbinance.server import connection as connection_module
from localbinance.server.connection import FRAMES_QUEUED_MAX, Connection
from localbinance.server.faults import FaultBoard
from localbinance.server.hub import Hub
from localbinance.server.lockstep import Lockstep
from localbinance.server.stream_names import Route
from localbinance.server.stream_service import BURST_MAX, Allowance, StreamService

WAIT_S = 5


@dataclass
class Client:
    """The client's end of the line; a stuck one takes nothing off it."""

    stuck: bool = False
    frames: list[Any] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    closed_with: int | None = None
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    async def send_frame(self, frame: bytes, _opcode: int) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.frames.append(orjson.loads(frame))
        self.arrived.set()

    async def close(self, *, code: int, message: bytes) -> None:
        assert message
        self.closed_with = code
        self.hung_up.set()


@dataclass
class Line:
    """A hub with one connection on it."""

    client: Client
    connection: Connection
    service: StreamService

    @property
    def hub(self) -> Hub:
        return self.service.hub

    def say(self, method: str, *params: object, identity: object = 1) -> None:
        self.service.on_message(
            self.connection, orjson.dumps({"method": method, "params": params, "id": identity}).decode()
        )

    async def heard(self, count: int) -> list[Any]:
        async with asyncio.timeout(WAIT_S):
            while len(self.client.frames) < count:
                self.client.arrived.clear()
                await self.client.arrived.wait()
        return self.client.frames


@asynccontextmanager
async def line(*, wrapped: bool = False, route: Route = Route.ANY, stuck: bool = False) -> AsyncIterator[Line]:
    client = Client(stuck)
    socket = cast("WebSocketResponse", client)
    connection = Connection(socket, route, wrapped=wrapped, events=frozenset(), hang_up=client.hung_up.set)
    hub = Hub(Lockstep(on_change=lambda: None), FaultBoard(0), lambda: 0)
    hub.connections[connection] = None
    writer = asyncio.create_task(connection.write())
    try:
        yield Line(client, connection, StreamService(hub))
    finally:
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)


def publish(line: Line, name: str, payload: dict[str, object]) -> None:
    stream = line.hub.stream(name)
    if stream is not None:
        line.hub.push(stream, payload)


async def test_who_subscribes_gets_an_answer_and_then_frames() -> None:
    async with line() as it:
        publish(it, "btcusdc@trade", {"n": 0})
        it.say("SUBSCRIBE", "btcusdc@trade", identity="a")
        publish(it, "btcusdc@trade", {"n": 1})
        assert await it.heard(2) == [{"result": None, "id": "a"}, {"n": 1}]
        it.say("UNSUBSCRIBE", "btcusdc@trade")
        publish(it, "btcusdc@trade", {"n": 2})
        it.say("LIST_SUBSCRIPTIONS", identity=7)
        assert (await it.heard(4))[2:] == [{"result": None, "id": 1}, {"result": [], "id": 7}]


async def test_wrapped_frames_name_their_stream() -> None:
    async with line(wrapped=True) as it:
        it.say("SUBSCRIBE", "btcusdc@trade")
        publish(it, "btcusdc@trade", {"n": 1})
        assert (await it.heard(2))[1] == {"stream": "btcusdc@trade", "data": {"n": 1}}
        it.say("SET_PROPERTY", "combined", False)
        publish(it, "btcusdc@trade", {"n": 2})
        assert (await it.heard(4))[3] == {"n": 2}


async def test_a_stream_of_another_route_is_accepted_and_silent() -> None:
    async with line(route=Route.PUBLIC) as it:
        it.say("SUBSCRIBE", "btcusdc@aggTrade")
        assert it.hub.stream("btcusdc@aggTrade") is None
        it.say("LIST_SUBSCRIPTIONS")
        assert [frame["result"] for frame in await it.heard(2)] == [None, ["btcusdc@aggTrade"]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{no json", 3),
        ("[]", 2),
        ("1", 2),
        ('{"method":"WISH"}', 2),
        ('{"method":"SUBSCRIBE","params":"btcusdc@trade"}', 2),
        ('{"method":"SUBSCRIBE","params":[1]}', 2),
        ('{"method":"SUBSCRIBE","params":["btcusdc@gossip"]}', 2),
        ('{"method":"SET_PROPERTY","params":["combined","yes"]}', 1),
        ('{"method":"GET_PROPERTY","params":["colour"]}', 0),
        ('{"method":"LOCKSTEP","params":["soon"]}', 2),
        ('{"method":["SUBSCRIBE"],"params":[]}', 2),
    ],
)
async def test_what_makes_no_sense_is_answered_with_a_code(text: str, code: int) -> None:
    async with line() as it:
        it.service.on_message(it.connection, text)
        [answer] = await it.heard(1)
        assert answer["error"]["code"] == code


async def test_the_lockstep_is_joined_after_the_answer_and_counts_data_frames_only() -> None:
    async with line() as it:
        it.say("SUBSCRIBE", "!lockstep", "btcusdc@trade")
        publish(it, "btcusdc@trade", {"n": 1})
        frames = await it.heard(3)
        assert [frame.get("e", "") for frame in frames] == ["", "lockstep", ""]
        it.say("LOCKSTEP", 0, 0)
        assert not it.hub.lockstep.is_free()
        it.say("LOCKSTEP", 0, 1)
        assert it.hub.lockstep.is_free()
        it.hub.drop(it.connection)
        assert it.hub.lockstep.subscribers == 0


async def test_a_reader_that_falls_too_far_behind_is_cut_off() -> None:
    async with line() as it:
        for _ in range(FRAMES_QUEUED_MAX + 1):  # without the writer having had its turn
            it.connection.reply(b"{}")
        async with asyncio.timeout(WAIT_S):
            await it.client.hung_up.wait()
        assert it.client.closed_with == 1008
        assert it.client.frames == []


async def test_long_frames_are_too_many_sooner() -> None:
    long = b'"' + b"x" * 2**20 + b'"'
    async with line() as it:
        for _ in range(30):
            it.connection.reply(long)
        await it.heard(30)
        for _ in range(30):  # what was written out counts no longer
            it.connection.reply(long)
        await it.heard(60)
        assert it.connection.cut is None
        for _ in range(34):
            it.connection.reply(long)
        assert it.connection.cut == "the reader is too slow"


async def test_a_reader_that_reads_nothing_at_all_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "CLOSE_S_MAX", 0.01)
    async with line(stuck=True) as it:
        it.connection.reply(b"{}")
        await asyncio.sleep(0)
        it.connection.close("no answer")
        async with asyncio.timeout(WAIT_S):
            await it.client.hung_up.wait()
        assert it.client.closed_with is None, "there was no way to say goodbye"


def test_messages_are_allowed_in_a_burst_and_then_ten_a_second() -> None:
    allowance = Allowance(seen_s=0.0)
    assert all(allowance.take(0.0) for _ in range(BURST_MAX))
    assert not allowance.take(0.0)
    allowance = Allowance(left=0.0, seen_s=0.0)
    assert [allowance.take(1.0) for _ in range(11)] == [True] * 10 + [False]
