"""The socket: one stream connection that is kept up, with its part in the lockstep."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from typing import Any, Protocol

import aiohttp
import orjson
import structlog

from ratchet.domain.clock import Clock
from ratchet.exchange.errors import BadReply, ExchangeError
from ratchet.exchange.lockstep_clock import LockstepClock

CONNECT_TIMEOUT_S = 10.0
SUBSCRIBE_TIMEOUT_S = 10.0
HEARTBEAT_S = 20.0  # a connection whose pongs stay away is dead
PAUSE_FIRST_S = 0.25
PAUSE_MAX_S = 30.0
PAUSE_IN_LOCKSTEP_MAX_S = 0.5  # exchange time is held meanwhile, and who is silent in lockstep for 30 s is dropped
DOUBLINGS_MAX = 16
STEADY_MS = 60_000  # a connection that stood so long was a good one: begin again with short pauses
FRAME_BYTES_MAX = 4 * 1024 * 1024
LOCKSTEP = "!lockstep"

log = structlog.get_logger(__name__)

Frame = dict[str, Any]


class StreamLost(Exception):
    """The connection is of no use any more: connect again."""


class Socket(Protocol):
    """One connection that is kept up."""

    async def run(self) -> None:
        """Until cancelled."""

    async def follow(self, streams: Sequence[str]) -> None:
        """Deliver these streams from now on, without a break in those that stay."""

    async def drop(self) -> None:
        """Give up the connection that stands for a new one."""


class StreamSocket:
    """Connects, subscribes, reads; after any failure again, with growing pauses. Frames are handled one by one."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        *,
        address: Callable[[], Awaitable[str]],
        streams: Sequence[str],
        on_frame: Callable[[Frame], None],
        on_connected: Callable[[], None],
        on_lost: Callable[[], None] = lambda: None,
        silence_s_max: float | None = None,
        greeting: Callable[[], Frame] | None = None,
    ) -> None:
        """`address` is asked before each connection; `on_frame` may raise StreamLost to have a new one.
        `on_lost` is called for each connection that stood and does no more.

        `silence_s_max`: without a frame for so long, of real time, a connection counts as lost.
        `greeting`: the request that a connection begins with; it is of use once that is granted.
        """
        self._name = name
        self._clock = clock
        self._address = address
        self._streams = list(streams)
        self._subscribed: set[str] = set()  # to on the connection that stands
        self._requests = 1
        self._on_frame = on_frame
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._silence_s_max = silence_s_max
        self._greeting = greeting
        self._open: aiohttp.ClientWebSocketResponse | None = None
        self._received = 0
        self._failures = 0
        self._asked = asyncio.Event()
        self._asked_step = 0

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                # An accelerated exchange must not run away while nobody hears it.
                with ExitStack() as disconnected:
                    disconnected.enter_context(self._clock.working())
                    try:
                        await self._connection(session, disconnected)
                    except (aiohttp.ClientError, OSError, TimeoutError, ExchangeError, StreamLost) as error:
                        log.warning("stream_lost", stream=self._name, error=_reason(error))
                    await asyncio.sleep(self._pause_s())

    async def follow(self, streams: Sequence[str]) -> None:
        """Subscribe to these from now on, and to no others: what stays subscribed is not disturbed.

        A connection that is being made, or is lost meanwhile, gets them too.
        """
        self._streams = list(streams)
        if self._open is not None:
            with suppress(aiohttp.ClientError, OSError, TimeoutError):  # the reading side sees the end of it
                await self._catch_up(self._open)

    async def drop(self) -> None:
        """Give up the connection that stands, if one does, for a new one."""
        if self._open is not None:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._open.close()

    def _pause_s(self) -> float:
        most_s = PAUSE_IN_LOCKSTEP_MAX_S if isinstance(self._clock, LockstepClock) else PAUSE_MAX_S
        pause_s: float = min(PAUSE_FIRST_S * 2 ** min(self._failures, DOUBLINGS_MAX), most_s)
        self._failures += 1
        return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads reconnections, hides nothing

    async def _connection(self, session: aiohttp.ClientSession, disconnected: ExitStack) -> None:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            socket = await session.ws_connect(
                await self._address(), heartbeat=HEARTBEAT_S, max_msg_size=FRAME_BYTES_MAX
            )
        async with socket:
            self._received = 0
            self._asked.clear()
            await self._subscribe(socket)
            log.info("stream_connected", stream=self._name)
            self._open = socket
            await self._catch_up(socket)
            since_ms = self._clock.elapsed_ms()
            self._on_connected()
            disconnected.close()
            try:
                await self._converse(socket, disconnected)
            finally:
                self._open = None
                self._on_lost()
                if self._clock.elapsed_ms() - since_ms >= STEADY_MS:
                    self._failures = 0

    async def _converse(self, socket: aiohttp.ClientWebSocketResponse, disconnected: ExitStack) -> None:
        """Read until the connection is lost. Answers of the lockstep are a task of their own: whoever is at work may
        wait for a frame that has yet to be read."""
        answering = asyncio.create_task(self._answer(socket), name=f"lockstep of {self._name}")
        try:
            while True:
                self._handle(_decoded(await self._next(socket)))
        finally:
            disconnected.enter_context(self._clock.working())
            answering.cancel()
            [ended] = await asyncio.gather(answering, return_exceptions=True)
            if isinstance(ended, Exception):
                log.warning("lockstep_not_answered", stream=self._name, error=_reason(ended))

    async def _next(self, socket: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMessage:
        try:
            return await socket.receive(self._silence_s_max)
        except TimeoutError:
            raise StreamLost(f"silent for {self._silence_s_max} s") from None

    async def _catch_up(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Have the connection subscribed to what is followed now."""
        wanted = set(self._streams)
        changes = (("SUBSCRIBE", wanted - self._subscribed), ("UNSUBSCRIBE", self._subscribed - wanted))
        self._subscribed = wanted
        async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
            for method, streams in changes:
                if streams:
                    self._requests += 1
                    request = {"method": method, "params": sorted(streams), "id": self._requests}
                    await socket.send_str(orjson.dumps(request).decode())

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._subscribed = set(self._streams)
        if self._greeting is not None:
            await self._request(socket, self._greeting())
        streams = [*self._streams, *([LOCKSTEP] if isinstance(self._clock, LockstepClock) else [])]
        if streams:
            await self._request(socket, {"method": "SUBSCRIBE", "params": streams, "id": 1})

    async def _request(self, socket: aiohttp.ClientWebSocketResponse, request: Frame) -> None:
        """Ask for something, and see it granted."""
        await socket.send_str(orjson.dumps(request).decode())
        async with asyncio.timeout(SUBSCRIBE_TIMEOUT_S):
            while True:
                frame = _decoded(await socket.receive())
                if "id" in frame and "result" in frame:
                    return
                if "error" in frame:
                    raise StreamLost(f"the subscription was refused: {frame['error']}")
                self._handle(frame)

    def _handle(self, frame: Frame) -> None:
        if frame.get("e") == "lockstep" and isinstance(self._clock, LockstepClock):
            self._clock.advance(int(frame["E"]))
            self._asked_step = int(frame["n"])
            self._asked.set()
            return
        if "id" in frame and ("result" in frame or "error" in frame):
            if "error" in frame:
                raise StreamLost(f"a subscription was refused: {frame['error']}")
            return
        self._received += 1
        with self._clock.working():
            try:
                self._on_frame(frame)
            except BadReply as error:
                log.error("frame_not_understood", stream=self._name, error=str(error), kind=frame.get("e"))

    async def _answer(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Let the exchange go on once everything up to here has been worked through."""
        while isinstance(self._clock, LockstepClock):
            await self._asked.wait()
            self._asked.clear()
            await self._clock.idle()
            answer = {"method": "LOCKSTEP", "params": [self._asked_step, self._received]}
            await socket.send_str(orjson.dumps(answer).decode())


def _reason(error: BaseException) -> str:
    """What happened, without the address: that of the user stream holds its listen key."""
    match error:
        case aiohttp.WSServerHandshakeError():
            return f"the handshake was refused with HTTP {error.status}"
        case aiohttp.ClientError() | TimeoutError():
            return type(error).__name__
        case _:
            return f"{type(error).__name__}: {error}"


def _decoded(message: aiohttp.WSMessage) -> Frame:
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise StreamLost(f"closed by the exchange ({message.type.name.lower()})")
    try:
        frame = orjson.loads(message.data)
    except orjson.JSONDecodeError:
        raise StreamLost("a frame that is no JSON") from None
    if not isinstance(frame, dict):
        raise StreamLost("a frame that is no object")
    return frame
