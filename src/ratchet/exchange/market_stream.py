"""The market stream: closed candles of the universe as they close."""

import asyncio
from collections.abc import Callable, Sequence

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.candle import Candle, Timeframe
from ratchet.domain.clock import Clock
from ratchet.domain.symbol import Symbol
from ratchet.exchange.fields import flag, record, text
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.parse_market import candle_of
from ratchet.exchange.socket import Frame, Socket, StreamSocket

WS_URL = "wss://fstream.binance.com"
SILENCE_S_MAX = 60.0  # of a universe of candles, each pushed four times a second while it is traded


class MarketStream:
    """Calls `on_candle` for each candle that has closed. `connected` is set once the first connection stands."""

    def __init__(
        self,
        settings: ExchangeSettings,
        clock: Clock,
        symbols: Sequence[Symbol],
        timeframe: Timeframe,
        *,
        on_candle: Callable[[Symbol, Candle], None],
        make_socket: Callable[..., Socket] = StreamSocket,
    ) -> None:
        """`make_socket`: called as StreamSocket is."""
        self.connected = asyncio.Event()
        self._clock = clock
        self._heard_ms: float | None = None
        self._address = f"{settings.ws_url or WS_URL}/market/ws"
        self._on_candle = on_candle
        self._timeframe = timeframe
        self._socket: Socket = make_socket(
            "market",
            clock,
            address=self._ask_address,
            streams=self._streams(symbols),
            on_frame=self._on_frame,
            on_connected=self.connected.set,
            # In lockstep it is the exchange that waits for us, for as long as our work takes.
            silence_s_max=None if isinstance(clock, LockstepClock) else SILENCE_S_MAX,
        )

    @property
    def age_ms(self) -> float | None:
        """Real time since its last word; none before the first."""
        return None if self._heard_ms is None else self._clock.elapsed_ms() - self._heard_ms

    async def run(self) -> None:
        """Until cancelled."""
        await self._socket.run()

    async def follow(self, symbols: Sequence[Symbol]) -> None:
        """Deliver candles of these symbols from now on. Those of symbols that stay go on without a break."""
        await self._socket.follow(self._streams(symbols))

    def _streams(self, symbols: Sequence[Symbol]) -> list[str]:
        return [f"{symbol.lower()}@kline_{self._timeframe}" for symbol in symbols]

    async def _ask_address(self) -> str:
        return self._address

    def _on_frame(self, frame: Frame) -> None:
        self._heard_ms = self._clock.elapsed_ms()
        if frame.get("e") != "kline":
            return
        body = record(frame.get("k"), "kline.k")
        if flag(body, "x"):
            self._on_candle(Symbol(text(frame, "s")), candle_of(body))
