"""A small real server that answers as it is told to: with replies, with silence, with a script of frames."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from ratchet.config.exchange_settings import ExchangeSettings

SECRET = "the-secret-of-the-test"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def a_server(handler: Handler) -> AsyncIterator[str]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
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


class StreamServer:
    """A stream service: each connection is handed to the script."""

    def __init__(self, script: Callable[[web.WebSocketResponse, int], Awaitable[None]]) -> None:
        self.script = script
        self.connections = 0

    def has_had(self, connections: int) -> bool:
        """Whether there have been so many."""
        return self.connections >= connections

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
