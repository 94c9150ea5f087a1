"""The client and the sockets against a small real server that fails in the ways networks fail."""

import asyncio
import json
import logging
from collections.abc import Awaitable
from decimal import Decimal

import pytest
from aiohttp import WSMsgType, web

from ratchet.domain.identity import ClientOrderId
from ratchet.domain.order import MarketOrder, Side, StopOrder
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import NotSent, OutcomeUnknown, RateLimited, Rejected
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.socket import Frame, StreamLost, StreamSocket
from tests.unit.ratchet.exchange.server import SECRET, Counted, StreamServer, a_server, error, settings_for, subscribed

AN_ORDER = MarketOrder(
    client_order_id=ClientOrderId("rt-a-1-entry0"), symbol=Symbol("BTCUSDC"), side=Side.BUY, quantity=Decimal("0.01")
)


A_STOP = StopOrder(
    client_order_id=ClientOrderId("rt-a-1-stop0"),
    symbol=Symbol("BTCUSDC"),
    side=Side.SELL,
    quantity=Decimal("0.01"),
    price_trigger=Decimal(90_000),
)


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


@pytest.mark.parametrize(
    "answer",
    [web.json_response({"orderId": 7}), web.json_response([]), web.Response(text="<html>")],
    ids=["half an order", "a list", "no JSON"],
)
async def test_an_order_whose_answer_is_not_understood_may_have_happened(answer: web.Response) -> None:
    server = Counted(answer)
    async with a_server(server) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        with pytest.raises(OutcomeUnknown, match="POST order"):
            await client.place(AN_ORDER)
        with pytest.raises(OutcomeUnknown, match="POST algoOrder"):
            await client.place_stop(A_STOP)
        with pytest.raises(OutcomeUnknown, match="DELETE order"):
            await client.cancel(AN_ORDER.symbol, AN_ORDER.client_order_id)
    assert len(server.asked) == 3


async def test_a_broken_front_that_names_a_code_is_no_definite_no() -> None:
    server = Counted(error(-1, 503), error(-1008, 503), error(-2019, 400))
    async with a_server(server) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        for kind in (OutcomeUnknown, RateLimited, Rejected):
            with pytest.raises(kind):
                await client.place(AN_ORDER)


async def test_each_answer_is_judged_by_its_own_headers() -> None:
    """Requests run side by side: one's Retry-After is none of another's business."""
    both = asyncio.Barrier(2)

    async def handler(request: web.Request) -> web.StreamResponse:
        await both.wait()
        return error(-1003, 429, {"Retry-After": "3" if request.path.endswith("/order") else "9"})

    waits: dict[str, int | None] = {}

    async def note(name: str, request: Awaitable[object]) -> None:
        try:
            await request
        except RateLimited as limited:
            waits[name] = limited.retry_after_ms

    async with (
        asyncio.timeout(10),
        a_server(handler) as address,
        BinanceClient(settings_for(address, 5), SystemClock()) as client,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(note("order", client.place(AN_ORDER)))
        tasks.create_task(note("stop", client.place_stop(A_STOP)))
    assert waits == {"order": 3_000, "stop": 9_000}


async def test_no_key_and_no_signature_is_ever_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server = Counted(error(-2019))
    async with a_server(server) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        with pytest.raises(Rejected):
            await client.place(AN_ORDER)
        with pytest.raises(Rejected):
            await client.fetch_balance()
        shown = f"{caplog.text} {client!r} {vars(client)!r}"
    for secret in (SECRET, "a-key", "signature"):
        assert secret not in shown


@pytest.mark.parametrize(("code", "message"), [(-2011, "unknown"), (-4117, "stop order is triggering")])
async def test_a_stop_that_waits_no_more_cannot_be_cancelled(code: int, message: str) -> None:
    server = Counted(web.json_response({"code": code, "msg": message}, status=400))
    async with a_server(server) as address, BinanceClient(settings_for(address), SystemClock()) as client:
        assert not await client.cancel_stop(A_STOP.symbol, A_STOP.client_order_id)


async def test_exchange_time_is_held_between_the_attempts_of_a_read() -> None:
    clock = LockstepClock(0)
    seen = asyncio.Event()

    async def handler(_request: web.Request) -> web.StreamResponse:
        if not seen.is_set():
            seen.set()
            return web.Response(status=503, text="<html>")
        return web.json_response({"serverTime": 5})

    async with a_server(handler) as address, BinanceClient(settings_for(address), clock) as client:
        reading = asyncio.create_task(client.fetch_time_ms())
        async with asyncio.timeout(5):
            await seen.wait()
            await clock.idle()
            assert reading.done(), "the clock was let go between two attempts"
        assert await reading == 5
