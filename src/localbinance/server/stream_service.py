"""The stream service: WebSocket connections, and the requests that clients send on them."""

import asyncio
from dataclasses import dataclass
from time import monotonic

import orjson
from aiohttp import WSMsgType
from aiohttp.web import BaseRequest, Response, StreamResponse, WebSocketResponse

from localbinance.server.connection import STREAMS_MAX, Connection
from localbinance.server.hub import Hub
from localbinance.server.stream_names import Kind, Product, Route, Stream, Target, parse_stream

PING_S = 180.0
PING_SPOT_S = 20.0
MESSAGES_PER_SECOND_MAX = 10  # lockstep answers are not counted
BURST_MAX = 50  # requests at once that are still let through: a client that subscribes its universe one by one


class InvalidRequest(Exception):
    """A message that the stream service does not take: Binance's small code and what is wrong."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Allowance:
    """How many messages a client may send: some at once, then so many per second of the wall clock."""

    left: float = BURST_MAX
    seen_s: float = 0.0

    def take(self, wall_s: float) -> bool:
        """Count one message; False when it is one too many."""
        self.left = min(float(BURST_MAX), self.left + (wall_s - self.seen_s) * MESSAGES_PER_SECOND_MAX)
        self.seen_s = wall_s
        self.left -= 1
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class StreamService:
    """Opens connections on the hub. `compress` accepts permessage-deflate, which costs more than it saves on loopback
    and is for clients that are to see it."""

    hub: Hub
    compress: bool = False

    async def serve(self, request: BaseRequest, target: Target) -> StreamResponse:
        """One connection, from its handshake to its end."""
        ping_s = PING_SPOT_S if target.product is Product.SPOT else PING_S
        socket = WebSocketResponse(heartbeat=ping_s, compress=self.compress)
        if not socket.can_prepare(request).ok:
            return Response(status=400, text="not a WebSocket handshake")
        await socket.prepare(request)
        transport = request.transport
        connection = Connection(
            socket,
            target.route,
            wrapped=target.wrapped,
            events=target.events,
            product=target.product,
            hang_up=lambda: None if transport is None else transport.abort(),
        )
        self.hub.connections[connection] = None
        try:
            for name in target.names:
                self._subscribe(connection, name)
            await self._converse(socket, connection)
        except InvalidRequest:
            await socket.close(code=1008, message=b"invalid stream name")
        finally:
            self.hub.drop(connection)
        return socket

    async def _converse(self, socket: WebSocketResponse, connection: Connection) -> None:
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(connection.write(), name="stream writer")
            allowance = Allowance(seen_s=monotonic())
            async for message in socket:
                if message.type is not WSMsgType.TEXT:
                    continue
                if not self.on_message(connection, message.data) and not allowance.take(monotonic()):
                    connection.close("too many requests")
            writer.cancel()

    def on_message(self, connection: Connection, text: str) -> bool:
        """Work through one message; the reply is queued, unless a fault has silenced the connection.

        Returns whether it was an answer of the lockstep."""
        identity: object = None
        try:
            request = _parse(text)
            identity = request.get("id")
            method, params = request.get("method"), request.get("params", [])
            if method == "LOCKSTEP":
                self._on_lockstep(connection, params)
                return True
            result = self._perform(connection, method, params)
        except InvalidRequest as error:
            body = {"error": {"code": error.code, "msg": str(error)}, "id": identity}
            self._reply(connection, body)
            return False
        self._reply(connection, {"result": result, "id": identity})
        if method == "SUBSCRIBE" and isinstance(params, list):
            self._join(connection, params)
        return False

    def _reply(self, connection: Connection, body: dict[str, object]) -> None:
        if not self.hub.is_mute(connection):
            connection.reply(orjson.dumps(body))

    def _perform(self, connection: Connection, method: object, params: object) -> object:
        if not isinstance(params, list):
            raise InvalidRequest(2, "Invalid request: params must be an array")
        match method:
            case "SUBSCRIBE":
                for name in _names(params):
                    self._subscribe(connection, name, join=False)
            case "UNSUBSCRIBE":
                for name in _names(params):
                    self._unsubscribe(connection, name)
            case "LIST_SUBSCRIPTIONS":
                return list(connection.names)
            case "SET_PROPERTY":
                return self._set_property(connection, params)
            case "GET_PROPERTY":
                if params != ["combined"]:
                    raise InvalidRequest(0, "Unknown property")
                return connection.wrapped
            case _:
                raise InvalidRequest(2, f"Invalid request: unknown variant `{method}`")
        return None

    @staticmethod
    def _set_property(connection: Connection, params: list[object]) -> None:
        match params:
            case ["combined", bool(wrapped)]:
                connection.wrapped = wrapped
            case ["combined", _]:
                raise InvalidRequest(1, "Invalid value type: expected Boolean")
            case _:
                raise InvalidRequest(0, "Unknown property")

    def _subscribe(self, connection: Connection, name: str, *, join: bool = True) -> None:
        stream = parse_stream(name, connection.product)
        if stream is None:
            raise InvalidRequest(2, f"Invalid request: invalid stream name {name!r}")
        if len(connection.names) >= STREAMS_MAX:
            raise InvalidRequest(2, f"Invalid request: more than {STREAMS_MAX} streams on one connection")
        if _is_served(stream, connection.route):
            self.hub.subscribe(connection, stream)
        else:
            connection.names[name] = stream  # accepted and silent, as on the real exchange
        if join and stream.kind is Kind.LOCKSTEP:
            self._join(connection, [name])

    def _unsubscribe(self, connection: Connection, name: str) -> None:
        stream = connection.names.get(name)
        self.hub.unsubscribe(connection, name)
        if stream is not None and stream.kind is Kind.LOCKSTEP:
            self.hub.lockstep.leave(connection.seat)

    def _join(self, connection: Connection, names: list[object]) -> None:
        if "!lockstep" in names and not connection.seat.joined:
            self.hub.lockstep.join(connection.seat, monotonic())

    def _on_lockstep(self, connection: Connection, params: object) -> None:
        match params:
            case [int(number), int(received)]:
                self.hub.lockstep.answer(connection.seat, number, received, monotonic())
            case _:
                raise InvalidRequest(2, "Invalid request: LOCKSTEP takes [n, received]")


def _is_served(stream: Stream, route: Route) -> bool:
    return Route.ANY in (route, stream.route) or route is stream.route


def _names(params: list[object]) -> list[str]:
    names = [name for name in params if isinstance(name, str)]
    if len(names) != len(params):
        raise InvalidRequest(2, "Invalid request: stream names must be strings")
    return names


def _parse(text: str) -> dict[str, object]:
    try:
        request = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(3, f"Invalid JSON: {error}") from None
    if not isinstance(request, dict):
        raise InvalidRequest(2, "Invalid request: an object is wanted")
    return request
