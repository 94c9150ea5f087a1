"""Disturbed frames on connections: the lockstep counts what is delivered, when it is delivered."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from aiohttp.web import WebSocketResponse

from localbinance.server.connection import Connection
from localbinance.server.faults import FaultBoard, read_fault
from localbinance.server.hub import Hub
from localbinance.server.lockstep import Lockstep
from localbinance.server.stream_names import Kind, Route, Stream

MARKET = Stream("btcusdc@trade", Kind.TRADE, Route.PUBLIC, "BTCUSDC")
USER = Stream("k" * 64, Kind.USER, Route.PRIVATE)
WAIT_S = 5


@dataclass
class Client:
    """The client's end: what has come, and what it answers to the lockstep."""

    frames: list[Any] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    hung_up: bool = False

    async def send_frame(self, frame: bytes, _opcode: int) -> None:
        async with self.arrived:
            self.frames.append(orjson.loads(frame))
            self.arrived.notify_all()

    async def until(self, count: int) -> list[Any]:
        async with asyncio.timeout(WAIT_S), self.arrived:
            await self.arrived.wait_for(lambda: len(self.frames) >= count)
            return [frame.get("n", frame["e"]) for frame in self.frames]

    def hang_up(self) -> None:
        self.hung_up = True


@dataclass
class Line:
    """A hub with one connection that listens to both streams, its frames written out by a task."""

    board: FaultBoard = field(default_factory=lambda: FaultBoard(1))
    client: Client = field(default_factory=Client)
    hub: Hub = field(init=False)
    connection: Connection = field(init=False)

    def __post_init__(self) -> None:
        self.hub = Hub(Lockstep(on_change=lambda: None), self.board, lambda: 0)
        socket = cast("WebSocketResponse", self.client)
        self.connection = Connection(socket, Route.ANY, wrapped=False, events=frozenset(), hang_up=self.client.hang_up)
        self.hub.connections[self.connection] = None
        for stream in (MARKET, USER):
            self.hub.subscribe(self.connection, stream)

    def put(self, **fault: object) -> None:
        self.board.put(read_fault(fault))

    def push(self, event: str, stream: Stream = MARKET) -> None:
        self.hub.push(stream, {"e": event})


async def test_a_dropped_frame_is_not_one_that_the_lockstep_waits_for() -> None:
    line = Line()
    line.hub.lockstep.join(line.connection.seat, 0.0)
    line.put(fault="drop_frame", event="lost")
    line.push("lost")
    line.push("told")
    assert line.connection.seat.frames_sent == 1
    line.hub.lockstep.answer(line.connection.seat, 0, 1, 0.0)
    assert line.hub.lockstep.is_free()


async def test_a_late_frame_holds_the_lockstep_only_when_it_comes_and_is_asked_for_then() -> None:
    line = Line()
    writer = asyncio.create_task(line.connection.write())
    lockstep, seat = line.hub.lockstep, line.connection.seat
    lockstep.join(seat, 0.0)
    line.put(fault="delay_frame", event="late", ms=20)
    line.push("late")
    lockstep.answer(seat, 0, 0, 0.0)
    assert lockstep.is_free()
    assert await line.client.until(3) == [0, "late", 0]
    assert not lockstep.is_free()
    lockstep.answer(seat, 0, 1, 0.0)
    assert lockstep.is_free()
    writer.cancel()


async def test_late_frames_of_a_closed_connection_never_come() -> None:
    line = Line()
    line.put(fault="delay_frame", event="late", ms=1)
    line.push("late")
    line.hub.drop(line.connection)
    loop = asyncio.get_running_loop()
    passed = loop.create_future()
    loop.call_later(0.05, passed.set_result, None)
    await passed
    assert line.connection.seat.frames_sent == 0


async def test_late_and_undisturbed_frames_come_in_the_order_of_their_times() -> None:
    line = Line()
    writer = asyncio.create_task(line.connection.write())
    line.put(fault="delay_frame", event="late", ms=20)
    line.put(fault="delay_frame", event="later", ms=60)
    for event in ("later", "late", "late", "now"):
        line.push(event)
    assert await line.client.until(4) == ["now", "late", "late", "later"]
    writer.cancel()


async def test_a_symbol_is_found_in_the_frames_of_a_user() -> None:
    line = Line()
    line.put(fault="drop_frame", route="user", symbol="BTCUSDC")
    positions = [{"s": "BTCUSDC", "pa": "1"}]
    payloads: list[dict[str, object]] = [
        {"e": "ORDER_TRADE_UPDATE", "o": {"s": "BTCUSDC"}},
        {"e": "ACCOUNT_UPDATE", "a": {"B": [], "P": positions}},
        {"e": "ACCOUNT_CONFIG_UPDATE", "ac": {"s": "BTCUSDC", "l": 5}},
        {"e": "TRADE_LITE", "s": "BTCUSDC"},
    ]
    for payload in payloads:
        line.hub.push(USER, payload)
    assert line.connection.seat.frames_sent == 0
    line.hub.push(USER, {"e": "ORDER_TRADE_UPDATE", "o": {"s": "ETHUSDC"}})
    line.hub.push(USER, {"e": "ACCOUNT_UPDATE", "a": {"B": [], "P": []}})
    assert line.connection.seat.frames_sent == 2


async def test_a_connection_is_mute_only_when_all_of_its_streams_are_silent() -> None:
    line = Line()
    line.put(fault="silent", route="user")
    assert not line.hub.is_mute(line.connection)
    line.put(fault="silent", route="market")
    assert line.hub.is_mute(line.connection)
    line.board.lift()
    assert not line.hub.is_mute(line.connection)


async def test_an_aborted_connection_hangs_up_and_queues_nothing_more() -> None:
    line = Line()
    line.connection.abort()
    line.push("unheard")
    assert line.client.hung_up
    assert not line.client.frames
