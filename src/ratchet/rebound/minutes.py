"""The minutes of what is watched: each symbol's indicators once a minute, logged, the last of them kept for a look."""

import asyncio
from collections.abc import Collection

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.spot_client import SpotClient
from ratchet.strategy.minute_readings import CANDLES_WANTED, MINUTE_MS, MinuteReading, MinuteReadings, read_minutes

SETTLED_MS = 1_500  # after a minute's end: then its candle is there
AGAIN_MS = 5_000  # after an answer that did not come, or that was without the minute

log = structlog.get_logger(__name__)


class Minutes:
    """`run` it. It only looks on: nothing depends on it."""

    def __init__(self, symbols: Collection[Symbol], client: SpotClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._readings = {symbol: MinuteReadings() for symbol in symbols}

    def readings(self, symbol: Symbol) -> tuple[MinuteReading, ...]:
        """The last ones, oldest first."""
        return self._readings[symbol].all()

    def newest(self, symbol: Symbol) -> MinuteReading | None:
        """The last one; None while there is none."""
        return self._readings[symbol].newest

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for symbol in self._readings:
                tasks.create_task(self._follow(symbol), name=f"minutes {symbol}")

    async def _follow(self, symbol: Symbol) -> None:
        while True:
            try:
                await self._read(symbol)
            except ExchangeError as error:
                log.warning("minute_not_read", symbol=symbol, error=str(error))
            except Exception:  # it only looks on: selling goes on without it
                log.exception("minute_not_read", symbol=symbol)
            await self._clock.sleep_until(self._next_ms(symbol))

    def _next_ms(self, symbol: Symbol) -> int:
        now_ms = self._clock.now_ms()
        newest = self._readings[symbol].newest
        minute_ms = now_ms // MINUTE_MS * MINUTE_MS  # that is under way
        if newest is not None and newest.open_ms >= minute_ms - MINUTE_MS:
            return minute_ms + MINUTE_MS + SETTLED_MS
        return now_ms + AGAIN_MS

    async def _read(self, symbol: Symbol) -> None:
        """The minutes since the last reading; at the start as many as the ring holds. Raises: ExchangeError."""
        ring = self._readings[symbol]
        most = CANDLES_WANTED + (ring.capacity if ring.newest is None else 0)
        candles = await self._client.fetch_minutes(symbol, most=most)
        for end, candle in enumerate(candles, start=1):
            if ring.newest is not None and candle.open_ms <= ring.newest.open_ms:
                continue
            reading = read_minutes(candles[max(0, end - CANDLES_WANTED) : end])
            if reading is not None and ring.append(reading) and end == len(candles):
                _log(symbol, reading)


def _log(symbol: Symbol, reading: MinuteReading) -> None:
    log.info(
        "minute",
        symbol=symbol,
        open_ms=reading.open_ms,
        close=str(reading.close),
        ma7=f"{reading.ma7.value:.8g}",
        heading=None if reading.ma7.heading is None else reading.ma7.heading.value,
        ema21=reading.ema21,
        rsi14=reading.rsi14,
        atr14=reading.atr14,
    )
