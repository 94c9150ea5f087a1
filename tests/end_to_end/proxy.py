"""A proxy between the trader and the exchange that fails in the ways networks and exchanges fail, when told to."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import WSMsgType, web

PASSED_ON = ("X-MBX-APIKEY", "Content-Type")


class Fault(Enum):
    """What becomes of a request."""

    LOSE_REQUEST = auto()  # it never arrives; the connection breaks
    LOSE_ANSWER = auto()  # it arrives and is carried out; the connection breaks before the answer
    BROKEN_FRONT = auto()  # 503 with a page of HTML; it never arrives
    TIMED_OUT = auto()  # -1007, and it is carried out
    REFUSE_TRIGGER = auto()  # -2021; it never arrives
    REFUSE_TYPE = auto()  # this kind of order is not offered here


@dataclass(slots=True)
class Rule:
    """The fault of the next `times` requests that match."""

    method: str
    path: str
    fault: Fault
    times: int = 1
    where: dict[str, str] = field(default_factory=dict)  # parameters that it must have
    done: int = 0

    def takes(self, method: str, path: str, parameters: dict[str, str]) -> bool:
        fits = (method, path) == (self.method, self.path) and self.where.items() <= parameters.items()
        if not fits or self.done == self.times:
            return False
        self.done += 1
        return True


@dataclass(slots=True)
class Proxy:
    """Passes everything on but what a rule takes."""

    target: str  # host:port
    session: aiohttp.ClientSession
    rules: list[Rule] = field(default_factory=list)
    on_request: Callable[[str, str, dict[str, str]], None] | None = None
    address: str = ""
    sockets: dict[web.WebSocketResponse, str] = field(default_factory=dict)  # with their path
    down: bool = False  # nothing gets through
    blocked: set[str] = field(default_factory=set)  # parts of paths on which no stream may be opened

    def fail(self, method: str, path: str, fault: Fault, *, times: int = 1, **where: str) -> Rule:
        """Add a rule."""
        rule = Rule(method, path, fault, times, where)
        self.rules.append(rule)
        return rule

    async def cut(self, part: str) -> None:
        """Break every stream connection with `part` in its path."""
        for socket, path in list(self.sockets.items()):
            if part in path:
                await socket.close()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return self._break(request)
        if "Upgrade" in request.headers:
            return await self._relay(request)
        body = await request.text()
        parameters = dict(parse_qsl(f"{request.query_string}&{body}"))
        if self.on_request is not None:
            self.on_request(request.method, request.path, parameters)
        rule = next((rule for rule in self.rules if rule.takes(request.method, request.path, parameters)), None)
        if rule is None:
            return await self._pass(request, body)
        match rule.fault:
            case Fault.LOSE_REQUEST:
                return self._break(request)
            case Fault.LOSE_ANSWER:
                await self._pass(request, body)
                return self._break(request)
            case Fault.BROKEN_FRONT:
                return web.Response(status=503, text="<html>Service Unavailable</html>", content_type="text/html")
            case Fault.TIMED_OUT:
                await self._pass(request, body)
                return web.json_response({"code": -1007, "msg": "Timeout waiting for response."}, status=408)
            case Fault.REFUSE_TRIGGER:
                return web.json_response({"code": -2021, "msg": "Order would immediately trigger."}, status=400)
            case Fault.REFUSE_TYPE:
                text = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
                return web.json_response({"code": -4120, "msg": text}, status=400)

    async def _pass(self, request: web.Request, body: str) -> web.Response:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        url = f"http://{self.target}{request.raw_path}"
        async with self.session.request(request.method, url, data=body or None, headers=headers) as reply:
            return web.Response(status=reply.status, body=await reply.read(), content_type="application/json")

    @staticmethod
    def _break(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    async def _relay(self, request: web.Request) -> web.StreamResponse:
        if any(part in request.path for part in self.blocked):
            return web.Response(status=503)
        near = web.WebSocketResponse()
        await near.prepare(request)
        self.sockets[near] = request.path
        try:
            async with (
                self.session.ws_connect(f"ws://{self.target}{request.raw_path}") as far,
                asyncio.TaskGroup() as tasks,
            ):
                tasks.create_task(_pump(near, far))
                tasks.create_task(_pump(far, near))
        finally:
            del self.sockets[near]
        return near


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: Socket, sink: Socket) -> None:
    async for message in source:
        if message.type is WSMsgType.TEXT and not sink.closed:
            await sink.send_str(message.data)
    if not sink.closed:
        await sink.close()


@asynccontextmanager
async def a_proxy(target: str) -> AsyncIterator[Proxy]:
    """A proxy on a free port in front of `target`, "host:port"."""
    async with aiohttp.ClientSession() as session:
        proxy = Proxy(target, session)

        async def handle(request: web.Request) -> web.StreamResponse:
            return await proxy.handle(request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            proxy.address = f"127.0.0.1:{runner.addresses[0][1]}"
            yield proxy
        finally:
            await runner.cleanup()
