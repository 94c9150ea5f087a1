"""The client and the sockets against a small real server that fails in the ways networks fail."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from aiohttp import WSMsgType, web

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.order import MarketOrder, Side
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import NotSent, OutcomeUnknown, RateLimited, Rejected
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.socket import Frame, StreamLost, StreamSocket

SECRET = "the-secret-of-the-test"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def a_server(handler: Handler) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def settings_for(address: str, timeout_s: float = 0.3) -> ExchangeSettings:
    return ExchangeSettings(
        http_url=f"http://{address}",
        ws_url=f"ws://{address}",
        api_key="a-key",
        api_secret=SECRET,
        reply_timeout_s=timeout_s,
        rate_limit=False,
    )


AN_ORDER = MarketOrder(
    client_order_id=ClientOrderId("rt-a-1-entry0"), symbol=Symbol("BTCUSDC"), side=Side.BUY, quantity=Decimal("0.01")
)


class Counted:
    """Answers with what it is told to, and counts how often it was asked."""

    def __init__(self, *answers: web.Response | None) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path}")
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            await asyncio.sleep(60)  # the answer never comes; the connection is torn down with the test
        assert answer is not None
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)


def error(code: int, status: int = 400, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"code": code, "msg": "text"}, status=status, headers=headers)


async def test_an_order_without_an_answer_may_have_happened_and_is_sent_once() -> None:
    server = Counted(None)
    async with a_server(server) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        with pytest.raises(OutcomeUnknown, match="POST order: no answer in time") as unknown:
            await client.place(AN_ORDER)
    assert server.asked.count("POST /fapi/v1/order") == 1
    assert SECRET not in str(unknown.value)
    assert "signature" not in str(unknown.value)
    assert unknown.value.__cause__ is None
    assert unknown.value.__context__ is None, "ccxt's own error, which is chained to it, holds the signed address"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_an_order_answered_by_a_broken_front_may_have_happened(status: int) -> None:
    server = Counted(web.Response(status=status, text="<html>"))
    async with a_server(server) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        with pytest.raises(OutcomeUnknown):
            await client.place(AN_ORDER)
    assert len(server.asked) == 1


async def test_an_order_to_nobody_was_not_sent() -> None:
    async with BinanceClient(settings_for("127.0.0.1:1"), SystemClock()) as client:
        with pytest.raises(NotSent, match="no connection"):
            await client.place(AN_ORDER)


async def test_too_many_requests_say_when_to_come_again() -> None:
    server = Counted(error(-1003, 429, {"Retry-After": "3"}))
    async with a_server(server) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        with pytest.raises(RateLimited) as limited:
            await client.place(AN_ORDER)
    assert limited.value.retry_after_ms == 3_000


async def test_reads_are_repeated_and_a_no_is_not() -> None:
    flaky = Counted(web.Response(status=503, text="<html>"), web.json_response({"serverTime": 5}))
    async with a_server(flaky) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        assert await client.fetch_time_ms() == 5
    assert len(flaky.asked) == 2
    firm = Counted(error(-2015, 401))
    async with a_server(firm) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        with pytest.raises(Rejected, match="-2015"):
            await client.fetch_balance()
    assert len(firm.asked) == 1


async def test_a_refused_timestamp_sets_the_clock() -> None:
    clock = SystemClock()
    ahead_ms = 3_600_000
    server = Counted(error(-1021), web.json_response({"serverTime": clock.now_ms() + ahead_ms}))
    async with a_server(server) as address, BinanceClient(settings_for(address), clock) as client:
        before_ms = clock.now_ms()
        with pytest.raises(NotSent):
            await client.place(AN_ORDER)
        assert abs(clock.now_ms() - before_ms - ahead_ms) < 5_000


class StreamServer:
    """A stream service: each connection is handed to the script."""

    def __init__(self, script: Callable[[web.WebSocketResponse, int], Awaitable[None]]) -> None:
        self.script = script
        self.connections = 0

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        await self.script(socket, self.connections)
        return socket


async def subscribed(socket: web.WebSocketResponse) -> list[str]:
    message = await socket.receive_json()
    await socket.send_json({"result": None, "id": message["id"]})
    streams: list[str] = message["params"]
    return streams


async def test_a_lost_stream_comes_back_and_says_so_each_time() -> None:
    frames: list[Frame] = []
    connected = 0
    enough = asyncio.Event()

    def on_connected() -> None:
        nonlocal connected
        connected += 1

    def on_frame(frame: Frame) -> None:
        frames.append(frame)
        if len(frames) == 3:
            enough.set()
        if frame["number"] == 2:
            raise StreamLost("not wanted any more")

    async def script(socket: web.WebSocketResponse, number: int) -> None:
        assert await subscribed(socket) == ["btcusdc@kline_5m"]
        await socket.send_json({"e": "kline", "number": number})
        if number == 1:
            await socket.close()
        else:
            await socket.receive()

    server = StreamServer(script)
    async with a_server(server) as address:

        async def where() -> str:
            return f"ws://{address}/market/ws"

        stream = StreamSocket(
            "market",
            SystemClock(),
            address=where,
            streams=["btcusdc@kline_5m"],
            on_frame=on_frame,
            on_connected=on_connected,
        )
        task = asyncio.create_task(stream.run())
        async with asyncio.timeout(10):
            await enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert connected >= 3
    assert [frame["number"] for frame in frames] == [1, 2, 3]


async def test_the_lockstep_is_answered_with_all_that_was_received_once_nobody_is_at_work() -> None:
    clock = LockstepClock(0)
    answers: list[list[int]] = []
    finished = asyncio.Event()
    work = asyncio.Event()

    async def script(socket: web.WebSocketResponse, _number: int) -> None:
        assert await subscribed(socket) == ["x@kline_5m", "!lockstep"]
        for number in range(2):
            await socket.send_json({"e": "kline", "number": number})
        await socket.send_json({"e": "lockstep", "E": 5_000, "n": 1})
        message = await socket.receive()
        assert message.type is WSMsgType.TEXT
        answers.append(json.loads(message.data)["params"])
        finished.set()

    server = StreamServer(script)
    held = clock.working()

    def finish_work() -> None:
        work.set()
        held.__exit__(None, None, None)

    def on_frame(frame: Frame) -> None:
        if frame["number"] == 0:
            held.__enter__()
            asyncio.get_running_loop().call_later(0.05, finish_work)

    async with a_server(server) as address:

        async def where() -> str:
            return f"ws://{address}/market/ws"

        stream = StreamSocket(
            "market", clock, address=where, streams=["x@kline_5m"], on_frame=on_frame, on_connected=lambda: None
        )
        task = asyncio.create_task(stream.run())
        async with asyncio.timeout(10):
            await finished.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert work.is_set(), "it was answered before the work was done"
    assert answers == [[1, 2]]
    assert clock.now_ms() == 5_000
