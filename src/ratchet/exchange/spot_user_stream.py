"""Spot's user stream: what happens to the account, over the WebSocket API, which needs no listen key."""

from collections.abc import Callable

import structlog

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.config.mode import PRODUCTION_SPOT_WS
from ratchet.domain.clock import Clock
from ratchet.domain.user_event import OrderChanged, StreamRestarted
from ratchet.exchange.errors import BadReply
from ratchet.exchange.fields import record
from ratchet.exchange.parse_spot import execution_report
from ratchet.exchange.signature import signing_with
from ratchet.exchange.socket import Frame, Socket, StreamLost, StreamSocket

PATH = "/ws-api/v3"
ENDED = "eventStreamTerminated"

log = structlog.get_logger(__name__)


class SpotUserStream:
    """Calls `on_event` for each change of an order; with StreamRestarted whenever one may have been missed: after each
    connection, and for a frame that is not understood."""

    def __init__(
        self,
        settings: ExchangeSettings,
        clock: Clock,
        *,
        on_event: Callable[[OrderChanged | StreamRestarted], None],
        make_socket: Callable[..., Socket] = StreamSocket,
    ) -> None:
        """`make_socket`: called as StreamSocket is."""
        self._settings = settings
        self._sign = signing_with(settings.api_secret)
        self._clock = clock
        self._on_event = on_event
        self._socket: Socket = make_socket(
            "spot user",
            clock,
            address=self._address,
            streams=(),
            on_frame=self._on_frame,
            on_connected=self._on_connected,
            on_lost=self._on_lost,
            greeting=self._subscription,
        )
        self.is_open = False  # a connection stands
        self.connections = 0  # that stood, this one among them
        self._heard_ms: float | None = None

    @property
    def age_ms(self) -> float | None:
        """Real time since its last word, the first being that it is connected; none before."""
        return None if self._heard_ms is None else self._clock.elapsed_ms() - self._heard_ms

    async def run(self) -> None:
        """Until cancelled."""
        await self._socket.run()

    async def _address(self) -> str:
        return (self._settings.ws_url or PRODUCTION_SPOT_WS) + PATH

    def _subscription(self) -> Frame:
        """The request for the account's events, signed by itself: any kind of key may make it."""
        parameters: dict[str, object] = {
            "apiKey": self._settings.api_key.get_secret_value(),
            "recvWindow": self._settings.recv_window_ms,
            "timestamp": self._clock.now_ms(),
        }
        text = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
        parameters["signature"] = self._sign(text.encode())
        return {"id": "subscribe", "method": "userDataStream.subscribe.signature", "params": parameters}

    def _on_connected(self) -> None:
        self.is_open, self._heard_ms = True, self._clock.elapsed_ms()
        self.connections += 1
        self._on_event(StreamRestarted(at_ms=self._clock.now_ms()))

    def _on_lost(self) -> None:
        self.is_open = False

    def _on_frame(self, frame: Frame) -> None:
        self._heard_ms = self._clock.elapsed_ms()
        try:
            event = record(frame.get("event"), "event")
            kind = event.get("e")
            if kind == ENDED:
                raise StreamLost("the exchange has ended the subscription")
            changed: OrderChanged | StreamRestarted | None = (
                execution_report(event) if kind == "executionReport" else None
            )
        except BadReply as error:
            log.error("frame_not_understood", stream="spot user", error=str(error))
            changed = StreamRestarted(at_ms=self._clock.now_ms())
        if changed is not None:
            self._on_event(changed)
