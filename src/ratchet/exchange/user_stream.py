"""The user stream: what happens to the account, with its listen key kept alive."""

import asyncio
from collections.abc import Callable

import structlog

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.clock import Clock
from ratchet.domain.user_event import StreamRestarted, UserEvent
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.market_stream import WS_URL
from ratchet.exchange.parse_frames import user_events
from ratchet.exchange.socket import Frame, StreamLost, StreamSocket

EXTEND_EVERY_MS = 30 * 60_000  # of the hour that a listen key lives

log = structlog.get_logger(__name__)


class UserStream:
    """Calls `on_event` for each event; with StreamRestarted after each connection: events may have been missed."""

    def __init__(
        self,
        client: BinanceClient,
        settings: ExchangeSettings,
        clock: Clock,
        *,
        on_event: Callable[[UserEvent], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._base = settings.ws_url or WS_URL
        self._on_event = on_event
        self._socket = StreamSocket(
            "user",
            clock,
            address=self._ask_address,
            streams=(),
            on_frame=self._on_frame,
            on_connected=lambda: on_event(StreamRestarted(at_ms=clock.now_ms())),
        )

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._socket.run(), name="user socket")
            tasks.create_task(self._keep_alive(), name="listen key")

    async def _ask_address(self) -> str:
        return f"{self._base}/private/ws?listenKey={await self._client.open_listen_key()}"

    async def _keep_alive(self) -> None:
        while True:
            await self._clock.sleep_until(self._clock.now_ms() + EXTEND_EVERY_MS)
            try:
                await self._client.extend_listen_key()
            except ExchangeError as error:
                # A key that has died is told by the stream, which then takes a new one.
                log.warning("listen_key_not_extended", error=str(error))

    def _on_frame(self, frame: Frame) -> None:
        if frame.get("e") == "listenKeyExpired":
            raise StreamLost("the listen key has expired")
        for event in user_events(frame):
            self._on_event(event)
