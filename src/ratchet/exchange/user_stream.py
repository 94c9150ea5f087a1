"""The user stream: what happens to the account, with its listen key kept alive."""

import asyncio
from collections.abc import Callable

import structlog

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.clock import Clock
from ratchet.domain.user_event import StreamRestarted, UserEvent
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import BadReply, ExchangeError, Meaning, Rejected
from ratchet.exchange.market_stream import WS_URL
from ratchet.exchange.parse_frames import user_events
from ratchet.exchange.socket import Frame, Socket, StreamLost, StreamSocket

EXTEND_EVERY_MS = 30 * 60_000  # of the hour that a listen key lives
EXTEND_AGAIN_MS = 60_000  # after a failure

log = structlog.get_logger(__name__)


class UserStream:
    """Calls `on_event` for each event; with StreamRestarted whenever events may have been missed: after each
    connection, and for a frame that is not understood."""

    def __init__(
        self,
        client: BinanceClient,
        settings: ExchangeSettings,
        clock: Clock,
        *,
        on_event: Callable[[UserEvent], None],
        on_lost: Callable[[], None] = lambda: None,
        make_socket: Callable[..., Socket] = StreamSocket,
    ) -> None:
        """`on_lost`: called when a connection that stood does no more. `make_socket`: called as StreamSocket is."""
        self._client = client
        self._clock = clock
        self._base = settings.ws_url or WS_URL
        self._on_event = on_event
        self._tell_lost = on_lost
        self._socket: Socket = make_socket(
            "user",
            clock,
            address=self._ask_address,
            streams=(),
            on_frame=self._on_frame,
            on_connected=self._on_connected,
            on_lost=self._on_lost,
        )
        self.is_open = False  # a connection stands
        self._heard_ms: float | None = None

    @property
    def age_ms(self) -> float | None:
        """Real time since its last word, the first being that it is connected; none before."""
        return None if self._heard_ms is None else self._clock.elapsed_ms() - self._heard_ms

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._socket.run(), name="user socket")
            tasks.create_task(self._keep_alive(), name="listen key")

    async def rebuild(self) -> None:
        """Give up a connection that stands and tells nothing."""
        await self._socket.drop()

    async def _ask_address(self) -> str:
        return f"{self._base}/private/ws?listenKey={await self._client.open_listen_key()}"

    async def _keep_alive(self) -> None:
        wait_ms = EXTEND_EVERY_MS
        while True:
            await self._clock.sleep_until(self._clock.now_ms() + wait_ms)
            wait_ms = EXTEND_EVERY_MS
            try:
                await self._client.extend_listen_key()
            except ExchangeError as error:
                log.warning("listen_key_not_extended", error=str(error))
                wait_ms = EXTEND_AGAIN_MS
                if isinstance(error, Rejected) and error.meaning is Meaning.KEY_DEAD:
                    # The stream of a dead key stays open and silent. A new connection takes a new key.
                    await self._socket.drop()

    def _on_connected(self) -> None:
        self.is_open, self._heard_ms = True, self._clock.elapsed_ms()
        self._on_event(StreamRestarted(at_ms=self._clock.now_ms()))

    def _on_lost(self) -> None:
        self.is_open = False
        self._tell_lost()

    def _on_frame(self, frame: Frame) -> None:
        self._heard_ms = self._clock.elapsed_ms()
        if frame.get("e") == "listenKeyExpired":
            raise StreamLost("the listen key has expired")
        try:
            events = user_events(frame)
        except BadReply as error:
            log.error("frame_not_understood", stream="user", error=str(error), kind=frame.get("e"))
            events = [StreamRestarted(at_ms=self._clock.now_ms())]
        for event in events:
            self._on_event(event)
