"""Spot's WebSocket API: requests as on REST, a session, and the user data of accounts on the same connection.

A method is one of REST's endpoints, answered at the same desk: with the same limits, the same faults, the same log.
Keys of every kind sign requests; a session is for Ed25519 keys alone.
"""

import asyncio
from dataclasses import dataclass, field
from time import monotonic

import orjson
from aiohttp import WSMsgType
from aiohttp.web import BaseRequest, Response, StreamResponse, WebSocketResponse

from localbinance.rules.rejection import Rejection
from localbinance.server import refusals
from localbinance.server.connection import Connection
from localbinance.server.desk import ORDERS_10S, USED_WEIGHT, Asked, Desk, Reply, told
from localbinance.server.hub import Hub
from localbinance.server.parameters import Parameters
from localbinance.server.rate_limit import Limited
from localbinance.server.spot.user_feed import user_stream
from localbinance.server.stream_names import LOCKSTEP, Product, Route
from localbinance.server.stream_service import PING_SPOT_S, StreamService

Json = dict[str, object]
WEIGHT_CONNECT, WEIGHT_SESSION = 2, 2
REQUESTS_SLOW_MAX = 1_000  # of one connection at once, while faults hold them up
METHODS: dict[str, tuple[str, str]] = {
    "ping": ("GET", "/api/v3/ping"),
    "time": ("GET", "/api/v3/time"),
    "exchangeInfo": ("GET", "/api/v3/exchangeInfo"),
    "depth": ("GET", "/api/v3/depth"),
    "trades.recent": ("GET", "/api/v3/trades"),
    "trades.historical": ("GET", "/api/v3/historicalTrades"),
    "trades.aggregate": ("GET", "/api/v3/aggTrades"),
    "klines": ("GET", "/api/v3/klines"),
    "uiKlines": ("GET", "/api/v3/uiKlines"),
    "avgPrice": ("GET", "/api/v3/avgPrice"),
    "ticker.24hr": ("GET", "/api/v3/ticker/24hr"),
    "ticker.price": ("GET", "/api/v3/ticker/price"),
    "ticker.book": ("GET", "/api/v3/ticker/bookTicker"),
    "order.place": ("POST", "/api/v3/order"),
    "order.test": ("POST", "/api/v3/order/test"),
    "order.status": ("GET", "/api/v3/order"),
    "order.cancel": ("DELETE", "/api/v3/order"),
    "order.cancelReplace": ("POST", "/api/v3/order/cancelReplace"),
    "openOrders.status": ("GET", "/api/v3/openOrders"),
    "openOrders.cancelAll": ("DELETE", "/api/v3/openOrders"),
    "orderList.place.oco": ("POST", "/api/v3/orderList/oco"),
    "orderList.status": ("GET", "/api/v3/orderList"),
    "orderList.cancel": ("DELETE", "/api/v3/orderList"),
    "openOrderLists.status": ("GET", "/api/v3/openOrderList"),
    "allOrderLists": ("GET", "/api/v3/allOrderList"),
    "allOrders": ("GET", "/api/v3/allOrders"),
    "myTrades": ("GET", "/api/v3/myTrades"),
    "account.status": ("GET", "/api/v3/account"),
    "account.commission": ("GET", "/api/v3/account/commission"),
    "account.rateLimits.orders": ("GET", "/api/v3/rateLimit/order"),
}


@dataclass(slots=True)
class Session:
    """What one connection has proved and asked for."""

    connection: Connection
    address: str
    connected_ms: int
    account: str = ""  # "": not logged on
    key: str = ""  # with which it logged on
    authorized_ms: int = 0
    tells_limits: bool = True
    next_number: int = 0
    accounts: dict[int, str] = field(default_factory=dict)  # subscribed to, by number


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """Serves connections. Requests are executed in their order; a slow one holds up no other."""

    desk: Desk
    streams: StreamService

    @property
    def _hub(self) -> Hub:
        return self.desk.hub

    async def serve(self, request: BaseRequest) -> StreamResponse:
        """One connection, from its handshake to its end."""
        address = request.remote or ""
        try:
            self.desk.spot_limits.weigh(address, WEIGHT_CONNECT, self._now_ms)
        except Limited as limited:
            headers = {"Retry-After": str(limited.retry_after_s)}
            return Response(status=limited.rejection.status, text=limited.rejection.message, headers=headers)
        socket = WebSocketResponse(heartbeat=PING_SPOT_S)
        if not socket.can_prepare(request).ok:
            return Response(status=400, text="not a WebSocket handshake")
        await socket.prepare(request)
        transport = request.transport
        connection = Connection(
            socket,
            Route.PRIVATE,
            wrapped=False,
            events=frozenset(),
            product=Product.SPOT,
            hang_up=lambda: None if transport is None else transport.abort(),
        )
        self._hub.connections[connection] = None
        session = Session(connection, address, self._now_ms)
        try:
            async with asyncio.TaskGroup() as tasks:
                working = {tasks.create_task(connection.write(), name="WebSocket API writer")}
                async for message in socket:
                    if message.type is not WSMsgType.TEXT:
                        continue
                    answering = self.on_message(session, message.data)
                    if not self._hub.faults.hits_requests:
                        await answering
                        continue
                    task = tasks.create_task(answering, name="WebSocket API request")
                    working.add(task)
                    task.add_done_callback(working.discard)
                    if len(working) > REQUESTS_SLOW_MAX:
                        connection.close("too many requests")
                for each in tuple(working):
                    each.cancel()
        finally:
            self._hub.drop(connection)
        return socket

    async def on_message(self, session: Session, text: str) -> None:
        """Work through one message; its answer is queued, or, where a fault has it so, the connection dropped."""
        asked = _parse(text)
        if asked is None:
            self._send(session, None, _refused(refusals.invalid_request("Invalid request.")), with_limits=False)
            return
        identity, method, params = asked.get("id"), asked.get("method"), asked.get("params")
        if method in ("LOCKSTEP", "SUBSCRIBE") and (method == "LOCKSTEP" or params == [LOCKSTEP]):
            self.streams.on_message(session.connection, text)
            return
        values = _as_text(params) if isinstance(params, dict) else {}
        tells_limits = values.pop("returnratelimits", "true") == "true" and session.tells_limits
        reply = await self._answer(session, str(method), values, _signed(params))
        if reply.status:
            self._send(session, identity, reply, with_limits=tells_limits)
        else:
            session.connection.abort()

    async def _answer(self, session: Session, method: str, values: dict[str, str], signed: str) -> Reply:
        own = {
            "session.logon": self._log_on,
            "session.status": self._status,
            "session.logout": self._log_out,
            "session.subscriptions": self._subscriptions,
            "userDataStream.subscribe": self._subscribe,
            "userDataStream.subscribe.signature": self._subscribe_signed,
            "userDataStream.unsubscribe": self._unsubscribe,
        }
        asked = self._asked(session, method, values, signed)
        if method in METHODS:
            return await self.desk.answer(asked)
        try:
            if method not in own:
                raise refusals.unknown_method()
            self.desk.spot_limits.weigh(session.address, WEIGHT_SESSION, self._now_ms)
            return Reply(200, orjson.dumps(own[method](session, asked)))
        except Limited as limited:
            return _refused(limited.rejection)
        except Rejection as no:
            return _refused(no)

    def _asked(self, session: Session, method: str, values: dict[str, str], signed: str) -> Asked:
        verb, path = METHODS.get(method, ("", ""))
        return Asked(
            method=verb,
            path=path,
            parameters=Parameters(values),
            arrived=self.desk.venue.log.instant(self._now_ms),
            address=session.address,
            key=values.get("apikey") or session.key or None,
            query=signed,
            session=session.account if "signature" not in values else "",
        )

    # The session -----------------------------------------------------------------------------------------------------

    def _log_on(self, session: Session, asked: Asked) -> object:
        account = self.desk.gate.log_on(asked.key, asked.parameters, asked.query, self._now_ms)
        session.account, session.key = account, asked.key or ""
        session.authorized_ms = self._now_ms
        return self._status(session, asked)

    def _log_out(self, session: Session, asked: Asked) -> object:
        session.account, session.key, session.authorized_ms = "", "", 0
        return self._status(session, asked)

    def _status(self, session: Session, _asked: Asked) -> object:
        return {
            "apiKey": session.key or None,
            "authorizedSince": session.authorized_ms or None,
            "connectedSince": session.connected_ms,
            "returnRateLimits": session.tells_limits,
            "serverTime": self._now_ms,
            "userDataStream": bool(session.accounts),
        }

    def _subscribe(self, session: Session, _asked: Asked) -> object:
        if not session.account:
            raise refusals.not_logged_on()
        return self._begin(session, session.account)

    def _subscribe_signed(self, session: Session, asked: Asked) -> object:
        return self._begin(session, self._admitted(asked))

    def _begin(self, session: Session, account: str) -> object:
        stream = user_stream(account)
        if stream.name in session.connection.names:
            raise refusals.subscribed_already()
        number, session.next_number = session.next_number, session.next_number + 1
        self._hub.subscribe(session.connection, stream)
        session.connection.subscriptions[stream.name] = number
        session.accounts[number] = account
        return {"subscriptionId": number}

    def _unsubscribe(self, session: Session, asked: Asked) -> object:
        number = asked.parameters.integer("subscriptionid")
        numbers = list(session.accounts) if number is None else [number]
        if not numbers or any(each not in session.accounts for each in numbers):
            raise refusals.not_subscribed()
        for each in numbers:
            self._hub.unsubscribe(session.connection, user_stream(session.accounts.pop(each)).name)
        return {}

    @staticmethod
    def _subscriptions(session: Session, _asked: Asked) -> object:
        return [{"subscriptionId": number} for number in session.accounts]

    def _admitted(self, asked: Asked) -> str:
        return self.desk.gate.admit(asked.key, asked.parameters, asked.query, "", self._now_ms)

    # ----------------------------------------------------------------------------------------------------------------

    @property
    def _now_ms(self) -> int:
        return self.desk.venue.clock.now_ms()

    def _send(self, session: Session, identity: object, reply: Reply, *, with_limits: bool) -> None:
        if self._hub.is_mute(session.connection):
            return
        name = "result" if reply.status == 200 else "error"
        body = reply.body if reply.body[:1] in (b"{", b"[") else _refused(refusals.internal()).body  # a fault's page
        frame = b'{"id":' + orjson.dumps(identity) + b',"status":' + str(reply.status).encode()
        frame += b',"' + name.encode() + b'":' + body
        if with_limits:
            frame += b',"rateLimits":' + orjson.dumps(self._limit_rows(session, reply))
        session.connection.reply(frame + b"}")
        self._hub.lockstep.remind(monotonic())

    def _limit_rows(self, session: Session, reply: Reply) -> list[Json]:
        limits = self.desk.spot_limits
        used = int(reply.headers.get(USED_WEIGHT, limits.used(session.address, self._now_ms)))
        rows = [_row("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute, used)]
        if ORDERS_10S in reply.headers:
            counts = int(reply.headers[ORDERS_10S]), int(reply.headers[limits.style.header])
            rows.append(_row("ORDERS", "SECOND", 10, limits.orders_per_10s, counts[0]))
            rows.append(_row("ORDERS", "DAY", 1, limits.orders_per_span, counts[1]))
        return rows


def _row(kind: str, interval: str, number: int, limit: int, count: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit, "count": count}


def _refused(no: Rejection) -> Reply:
    return Reply(no.status, orjson.dumps(told(no)), code=no.code)


def _parse(text: str) -> Json | None:
    try:
        asked = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return asked if isinstance(asked, dict) else None


def _as_text(params: dict[str, object]) -> dict[str, str]:
    """Parameters as REST has them: names in lower case, lists as JSON."""
    return {name.lower(): _text_of(value) for name, value in params.items() if value is not None}


def _text_of(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return orjson.dumps(value).decode() if isinstance(value, list) else str(value)


def _signed(params: object) -> str:
    """What the signature is made over: all parameters but it, sorted by name."""
    if not isinstance(params, dict):
        return ""
    named = sorted((str(name), _text_of(value)) for name, value in params.items() if name != "signature")
    return "&".join(f"{name}={value}" for name, value in named)
