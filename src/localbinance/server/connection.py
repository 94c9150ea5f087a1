"""One stream connection: a bounded queue of frames towards a client, and its seat in the lockstep."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from time import monotonic

from aiohttp import WSMsgType
from aiohttp.web import WebSocketResponse

from localbinance.server.faults import AT_ONCE, Deliveries
from localbinance.server.lockstep import Lockstep, Seat
from localbinance.server.outlet import Outlet
from localbinance.server.stream_names import Product, Route, Stream

LOG = logging.getLogger(__name__)
FRAMES_QUEUED_MAX = 20_000  # a reader that falls behind by more is cut off, as Binance does
BYTES_QUEUED_MAX = 32 * 2**20  # depth events are long: so many of them as frames would be a gigabyte
STREAMS_MAX = 1_024
CLOSE_S_MAX = 1.0


class Connection:
    """Frames go into a queue that never waits; one task of the connection writes them out."""

    def __init__(
        self,
        socket: WebSocketResponse,
        route: Route,
        *,
        wrapped: bool,
        events: frozenset[str],
        product: Product = Product.FUTURES,
        hang_up: Callable[[], None],  # drops the line without a word, for who does not even read the goodbye
    ) -> None:
        self.route = route
        self.wrapped = wrapped
        self.events = events  # of the user stream that it wants; empty = all
        self.product = product
        self.names: dict[str, Stream] = {}  # streams subscribed to, in the order of asking
        self.subscriptions: dict[str, int] = {}  # numbers of those that are told by number, by name: spot's users
        self.seat = Seat(self.ask)
        self.cut: str | None = None  # why it is to be closed
        self._socket = socket
        self._hang_up = hang_up
        self._outlet: Outlet | None = None  # once a fault has disturbed a frame of it
        self._patience: asyncio.Timeout | None = None  # of the writer, while it is at work
        self._queue: deque[bytes] = deque()
        self._queued = 0  # bytes
        self._wake = asyncio.Event()

    def push(self, frame: bytes, lockstep: Lockstep, deliveries: Deliveries = AT_ONCE) -> None:
        """Queue a data frame, when and as often as it is to be delivered."""
        if deliveries is AT_ONCE and self._outlet is None:
            self._push(frame, lockstep)
            return
        if self._outlet is None:
            self._outlet = Outlet(lambda each: self._push(each, lockstep), lambda: lockstep.remind(monotonic()))
        self._outlet.take(frame, deliveries)

    def _push(self, frame: bytes, lockstep: Lockstep) -> None:
        lockstep.sent(self.seat)
        self.reply(frame)

    def ask(self, frame: bytes) -> None:
        """Queue a lockstep frame, wrapped as the connection is."""
        self.reply(b'{"stream":"!lockstep","data":' + frame + b"}" if self.wrapped else frame)

    def reply(self, frame: bytes) -> None:
        """Queue what is no data frame: an answer to a request."""
        if self.cut is not None:
            return
        if len(self._queue) >= FRAMES_QUEUED_MAX or self._queued > BYTES_QUEUED_MAX:
            self.close("the reader is too slow")
            return
        self._queue.append(frame)
        self._queued += len(frame)
        self._wake.set()

    def close(self, reason: str) -> None:
        """Have the connection closed by its writer; what is queued is dropped."""
        if self.cut is None:
            LOG.warning("stream connection closed: %s", reason)
            self.cut = reason
            if self._patience is not None:
                self._patience.reschedule(asyncio.get_running_loop().time() + CLOSE_S_MAX)
        self._queue.clear()
        self._wake.set()

    def abort(self) -> None:
        """Drop the line now, without a word; what is queued or late is lost."""
        self.cut = "cut"
        self._queue.clear()
        self.release()
        self._hang_up()

    def release(self) -> None:
        """The connection has ended: nothing goes out any more."""
        if self._outlet is not None:
            self._outlet.close()

    async def write(self) -> None:
        """Write frames out until the connection is cut or its client is gone.

        A client that reads nothing holds the writer up in the middle of a frame: once cut, that has an end too.
        """
        try:
            async with asyncio.timeout(None) as self._patience:
                await self._write()
        except TimeoutError:
            self._hang_up()
        except ConnectionError:
            return  # the reading side sees the end of it
        finally:
            self._patience = None

    async def _write(self) -> None:
        while self.cut is None:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                frame = self._queue.popleft()
                self._queued -= len(frame)
                await self._socket.send_frame(frame, WSMsgType.TEXT)
        await self._socket.close(code=1008, message=self.cut.encode())
