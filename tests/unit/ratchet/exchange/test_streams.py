"""The market stream, the user stream and the socket below them, on connections that fail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from ratchet.domain.candle import Candle, Timeframe
from ratchet.domain.clock import Clock
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import OrderChanged, StreamRestarted, UserEvent
from ratchet.exchange import socket as socket_module
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.market_stream import MarketStream
from ratchet.exchange.socket import Frame, StreamSocket
from ratchet.exchange.user_stream import EXTEND_EVERY_MS, UserStream
from tests.unit.ratchet.exchange.server import StreamServer, a_server, error, settings_for, subscribed

Script = Callable[[web.WebSocketResponse, int], Awaitable[None]]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - conditions on plain values, which no Event stands for
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def stay(socket: web.WebSocketResponse) -> None:
    """Keep a connection until the client leaves."""
    async for _ in socket:
        pass


class Venue:
    """Listen keys by REST, frames by the script; keys are numbered."""

    def __init__(self, script: Script) -> None:
        self.streams = StreamServer(script)
        self.keys = 0
        self.key_is_dead = False
        self.paths: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/fapi/v1/listenKey":
            if request.method == "PUT":
                return error(-1125) if self.key_is_dead else web.json_response({})
            self.keys += 1
            return web.json_response({"listenKey": f"key-number-{self.keys}"})
        self.paths.append(request.path_qs)
        return await self.streams(request)


def an_order_frame(symbol: str = "BTCUSDC", **change: Any) -> Frame:
    order = {
        "s": symbol,
        "c": "rt-a-1-entry0",
        "S": "BUY",
        "q": "0.01",
        "ap": "0",
        "x": "NEW",
        "X": "NEW",
        "i": 7,
        "z": "0",
        "T": 5,
        "R": False,
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": 5, "T": 5, "o": order | change}


@asynccontextmanager
async def a_user_stream(venue: Venue, clock: Clock, events: list[UserEvent]) -> AsyncIterator[None]:
    async with a_server(venue) as address:
        settings = settings_for(address, 5)
        async with BinanceClient(settings, clock) as client:
            stream = UserStream(client, settings, clock, on_event=events.append)
            async with running(stream.run()):
                yield


async def test_a_user_stream_says_on_each_connection_that_events_may_have_been_missed() -> None:
    async def script(socket: web.WebSocketResponse, number: int) -> None:
        await socket.send_json(an_order_frame())
        if number > 1:
            await stay(socket)

    venue, events = Venue(script), list[UserEvent]()
    async with a_user_stream(venue, SystemClock(), events):
        await until(lambda: len(events) == 4)
    assert [type(event) for event in events] == [StreamRestarted, OrderChanged] * 2
    assert venue.paths[0] == "/private/ws?listenKey=key-number-1"


async def test_a_key_that_expires_is_replaced() -> None:
    async def script(socket: web.WebSocketResponse, number: int) -> None:
        if number == 1:
            await socket.send_json({"e": "listenKeyExpired", "E": 5, "listenKey": "key-number-1"})
        await stay(socket)

    venue, events = Venue(script), list[UserEvent]()
    async with a_user_stream(venue, SystemClock(), events):
        await until(lambda: len(venue.paths) == 2 and len(events) == 2)
    assert venue.paths[1] == "/private/ws?listenKey=key-number-2"


async def test_a_key_found_dead_when_it_is_extended_is_replaced() -> None:
    """The stream of a dead key just falls silent: the frame that tells of its end may have been lost."""

    async def script(socket: web.WebSocketResponse, _number: int) -> None:
        await subscribed(socket)
        await stay(socket)

    clock = LockstepClock(0)
    venue, events = Venue(script), list[UserEvent]()
    async with a_user_stream(venue, clock, events):
        await until(lambda: len(events) == 1)
        venue.key_is_dead = True
        clock.advance(EXTEND_EVERY_MS)
        await until(lambda: len(events) == 2)
    assert venue.keys == 2


async def test_a_frame_that_is_not_understood_has_the_truth_asked_for() -> None:
    async def script(socket: web.WebSocketResponse, _number: int) -> None:
        await socket.send_json(an_order_frame(z="many"))
        await socket.send_json(an_order_frame())
        await stay(socket)

    venue, events = Venue(script), list[UserEvent]()
    async with a_user_stream(venue, SystemClock(), events):
        await until(lambda: len(events) == 3)
    assert [type(event) for event in events] == [StreamRestarted, StreamRestarted, OrderChanged]
    assert venue.streams.connections == 1


async def test_the_log_of_a_refused_connection_does_not_show_the_listen_key() -> None:
    class Refusing(Venue):
        async def __call__(self, request: web.Request) -> web.StreamResponse:
            if request.path.startswith("/private"):
                self.paths.append(request.path_qs)
                return web.Response(status=403)
            return await super().__call__(request)

    async def script(_socket: web.WebSocketResponse, _number: int) -> None:
        raise AssertionError("nobody gets here")

    venue = Refusing(script)
    with capture_logs() as logs:
        async with a_user_stream(venue, SystemClock(), []):
            await until(lambda: any(line["event"] == "stream_lost" for line in logs))
    lost = next(line for line in logs if line["event"] == "stream_lost")
    assert "key-number" not in str(logs)
    assert "403" in lost["error"]


A_CANDLE = {"t": 300_000, "o": "10", "h": "12", "l": "9", "c": "11", "v": "5", "q": "55"}


async def test_only_candles_that_have_closed_are_told() -> None:
    async def script(socket: web.WebSocketResponse, _number: int) -> None:
        assert await subscribed(socket) == ["btcusdc@kline_5m", "ethusdc@kline_5m"]
        await socket.send_json({"e": "kline", "s": "BTCUSDC", "k": A_CANDLE | {"x": False}})
        await socket.send_json({"e": "kline", "s": "ETHUSDC", "k": A_CANDLE | {"x": True}})
        await stay(socket)

    candles: list[tuple[Symbol, Candle]] = []
    server = StreamServer(script)
    async with a_server(server) as address:
        stream = MarketStream(
            settings_for(address),
            SystemClock(),
            [Symbol("BTCUSDC"), Symbol("ETHUSDC")],
            Timeframe("5m"),
            on_candle=lambda symbol, candle: candles.append((symbol, candle)),
        )
        async with running(stream.run()):
            await until(lambda: len(candles) == 1)
            assert stream.connected.is_set()
    [(symbol, candle)] = candles
    assert (symbol, candle.open_ms) == ("ETHUSDC", 300_000)


async def test_symbols_come_and_go_on_the_connection_that_stands() -> None:
    requests: list[Frame] = []

    async def script(socket: web.WebSocketResponse, _number: int) -> None:
        async for message in socket:
            request = message.json()
            requests.append(request)
            await socket.send_json({"result": None, "id": request["id"]})

    server = StreamServer(script)
    async with a_server(server) as address:
        clock = LockstepClock(0)  # in which the frames are counted: answers are none
        stream = MarketStream(
            settings_for(address, 5),
            clock,
            [Symbol("AUSDC"), Symbol("BUSDC")],
            Timeframe("5m"),
            on_candle=lambda _symbol, _candle: None,
        )
        async with running(stream.run()):
            await until(stream.connected.is_set)
            await stream.follow([Symbol("BUSDC"), Symbol("CUSDC")])
            await until(lambda: len(requests) == 3)
            await stream.follow([Symbol("BUSDC"), Symbol("CUSDC")])
            await stream.follow([Symbol("BUSDC")])
            await until(lambda: len(requests) == 4)
    changes = [(each["method"], each["params"]) for each in requests[1:]]
    assert changes == [
        ("SUBSCRIBE", ["cusdc@kline_5m"]),
        ("UNSUBSCRIBE", ["ausdc@kline_5m"]),
        ("UNSUBSCRIBE", ["cusdc@kline_5m"]),
    ]
    assert len({each["id"] for each in requests}) == 4
    assert server.connections == 1


async def test_symbols_that_change_while_it_subscribes_are_not_forgotten() -> None:
    requests: list[Frame] = []
    go_on = asyncio.Event()

    async def script(socket: web.WebSocketResponse, _number: int) -> None:
        async for message in socket:
            requests.append(message.json())
            await go_on.wait()
            await socket.send_json({"result": None, "id": requests[-1]["id"]})

    async with a_server(StreamServer(script)) as address:
        stream = MarketStream(
            settings_for(address, 5),
            SystemClock(),
            [Symbol("AUSDC")],
            Timeframe("5m"),
            on_candle=lambda _symbol, _candle: None,
        )
        async with running(stream.run()):
            await until(lambda: len(requests) == 1)
            await stream.follow([Symbol("BUSDC")])
            go_on.set()
            await until(lambda: len(requests) == 3)
    assert [(each["method"], each["params"]) for each in requests[1:]] == [
        ("SUBSCRIBE", ["busdc@kline_5m"]),
        ("UNSUBSCRIBE", ["ausdc@kline_5m"]),
    ]


async def test_a_connection_that_is_made_anew_has_the_symbols_of_now() -> None:
    subscriptions: list[list[str]] = []
    go_on = asyncio.Event()

    async def script(socket: web.WebSocketResponse, number: int) -> None:
        subscriptions.append(await subscribed(socket))
        if number == 1:
            await go_on.wait()
            return
        await stay(socket)

    server = StreamServer(script)
    async with a_server(server) as address:
        stream = MarketStream(
            settings_for(address, 5),
            SystemClock(),
            [Symbol("AUSDC")],
            Timeframe("5m"),
            on_candle=lambda _symbol, _candle: None,
        )
        await stream.follow([Symbol("BUSDC")])  # before there is any connection
        async with running(stream.run()):
            await until(stream.connected.is_set)
            await stream.follow([Symbol("CUSDC")])
            go_on.set()
            await until(lambda: len(subscriptions) == 2)
    assert subscriptions == [["busdc@kline_5m"], ["cusdc@kline_5m"]]


@asynccontextmanager
async def a_socket(server: StreamServer, clock: Clock, **options: Any) -> AsyncIterator[None]:
    async with a_server(server) as address:

        async def where() -> str:
            return f"ws://{address}/market/ws"

        stream = StreamSocket(
            "market",
            clock,
            address=where,
            streams=["x@kline_5m"],
            on_frame=options.pop("on_frame", lambda _frame: None),
            on_connected=lambda: None,
            **options,
        )
        async with running(stream.run()):
            yield


async def test_a_stream_that_says_nothing_for_too_long_is_connected_again() -> None:
    async def script(socket: web.WebSocketResponse, _number: int) -> None:
        await subscribed(socket)
        await stay(socket)  # answers pings, tells nothing

    server = StreamServer(script)
    async with a_socket(server, SystemClock(), silence_s_max=0.05):
        await until(lambda: server.connections == 2)


async def test_connections_that_die_at_once_are_made_ever_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "PAUSE_FIRST_S", 0.001)

    async def script(socket: web.WebSocketResponse, _number: int) -> None:
        await subscribed(socket)

    server = StreamServer(script)
    times: list[float] = []
    async with a_socket(server, SystemClock()):
        for number in range(1, 10):
            await until(partial(server.has_had, number))
            times.append(asyncio.get_running_loop().time())
    assert times[-1] - times[-2] > 10 * 0.001


async def test_exchange_time_is_held_from_a_lost_connection_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "PAUSE_FIRST_S", 0.2)
    clock = LockstepClock(0)
    told: list[int] = []

    async def script(socket: web.WebSocketResponse, number: int) -> None:
        await subscribed(socket)
        await socket.send_json({"e": "kline", "number": number})
        if number > 1:
            await stay(socket)

    server = StreamServer(script)
    with capture_logs() as logs:
        async with a_socket(server, clock, on_frame=lambda frame: told.append(frame["number"])):
            await until(lambda: any(line["event"] == "stream_lost" for line in logs))
            assert (told, server.connections) == ([1], 1), "the pause before the next connection has begun"
            async with asyncio.timeout(5):
                await clock.idle()
            assert server.connections == 2


async def test_an_outage_of_many_hours_does_not_end_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "PAUSE_MAX_S", 0.0)
    attempts = 0

    async def nowhere() -> str:
        nonlocal attempts
        attempts += 1
        raise OSError("no network")

    stream = StreamSocket(
        "market",
        SystemClock(),
        address=nowhere,
        streams=[],
        on_frame=lambda _frame: None,
        on_connected=lambda: None,
    )
    with capture_logs():
        async with running(stream.run()):
            await until(lambda: attempts > 1_500)


async def test_in_lockstep_no_pause_is_long_for_exchange_time_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_module, "PAUSE_IN_LOCKSTEP_MAX_S", 0.001)

    async def script(socket: web.WebSocketResponse, _number: int) -> None:
        await subscribed(socket)

    server = StreamServer(script)
    async with a_socket(server, LockstepClock(0)):
        await until(partial(server.has_had, 12))  # doubled each time, the pauses would add up to minutes
