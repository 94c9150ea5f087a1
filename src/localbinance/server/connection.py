"""One stream connection: a bounded queue of frames towards a client, and its seat in the lockstep."""

import asyncio
import logging
from collections import deque

from aiohttp import WSMsgType
from aiohttp.web import WebSocketResponse

from localbinance.server.lockstep import Lockstep, Seat
from localbinance.server.stream_names import Route

LOG = logging.getLogger(__name__)
FRAMES_QUEUED_MAX = 20_000  # a reader that falls behind by more is cut off, as Binance does
STREAMS_MAX = 1_024
CLOSE_S_MAX = 1.0


class Connection:
    """Frames go into a queue that never waits; one task of the connection writes them out."""

    def __init__(self, socket: WebSocketResponse, route: Route, *, wrapped: bool, events: frozenset[str]) -> None:
        self.route = route
        self.wrapped = wrapped
        self.events = events  # of the user stream that it wants; empty = all
        self.names: dict[str, None] = {}  # streams subscribed to, in the order of asking
        self.seat = Seat(self.ask)
        self.cut: str | None = None  # why it is to be closed
        self._socket = socket
        self._queue: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def push(self, frame: bytes, lockstep: Lockstep) -> None:
        """Queue a data frame."""
        lockstep.sent(self.seat)
        self.reply(frame)

    def ask(self, frame: bytes) -> None:
        """Queue a lockstep frame, wrapped as the connection is."""
        self.reply(b'{"stream":"!lockstep","data":' + frame + b"}" if self.wrapped else frame)

    def reply(self, frame: bytes) -> None:
        """Queue what is no data frame: an answer to a request."""
        if self.cut is not None:
            return
        if len(self._queue) >= FRAMES_QUEUED_MAX:
            self.close("the reader is too slow")
            return
        self._queue.append(frame)
        self._wake.set()

    def close(self, reason: str) -> None:
        """Have the connection closed by its writer; what is queued is dropped."""
        if self.cut is None:
            LOG.warning("stream connection closed: %s", reason)
            self.cut = reason
        self._queue.clear()
        self._wake.set()

    async def write(self) -> None:
        """Write frames out until the connection is cut or its client is gone."""
        try:
            while self.cut is None:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    await self._socket.send_frame(self._queue.popleft(), WSMsgType.TEXT)
        except ConnectionError:
            return  # the reading side sees the end of it
        try:
            async with asyncio.timeout(CLOSE_S_MAX):
                await self._socket.close(code=1008, message=self.cut.encode())
        except TimeoutError:
            LOG.warning("a stream connection did not close within %s s", CLOSE_S_MAX)
