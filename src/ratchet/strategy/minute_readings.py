"""Minute readings: what the indicators of one symbol said at each closed minute, the last of them in a ring."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from ratchet.domain.candle import TIMEFRAMES_MS, Candle, Timeframe
from ratchet.domain.candle_arrays import Floats
from ratchet.strategy.indicators import atr, ema, rsi
from ratchet.strategy.moving_average import MovingAverage, moving_average

MINUTE_MS = TIMEFRAMES_MS[Timeframe("1m")]
EMA_PERIOD = 21
RSI_PERIOD = 14
ATR_PERIOD = 14
CANDLES_WANTED = 120  # of Wilder's averages, then, hardly anything depends on where they began


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteReading:
    """One closed minute. Prices are quote per base; what is None had too few minutes behind it."""

    open_ms: int  # the minute covers [open_ms, open_ms + 60 000)
    close: Decimal
    ma7: MovingAverage
    ema21: float | None
    rsi14: float | None  # 0 to 100
    atr14: float | None


def read_minutes(candles: Sequence[Candle]) -> MinuteReading | None:
    """What the indicators say at the newest of these closed 1-minute candles.

    Args: candles of one symbol, oldest first, `CANDLES_WANTED` of them or what there is. Only those count after
        the last hole: an average across minutes that are missing would be called MA7 and be none.
    Returns: None while there are fewer than seven.
    """
    minutes = _after_the_last_hole(candles)
    average = moving_average([minute.close for minute in minutes])
    if average is None:
        return None
    high, low, close = (
        np.array([getattr(minute, column) for minute in minutes], dtype=np.float64)
        for column in ("high", "low", "close")
    )
    return MinuteReading(
        open_ms=minutes[-1].open_ms,
        close=minutes[-1].close,
        ma7=average,
        ema21=_newest(ema(close, EMA_PERIOD)),
        rsi14=_newest(rsi(close, RSI_PERIOD)),
        atr14=_newest(atr(high, low, close, ATR_PERIOD)),
    )


class MinuteReadings:
    """The last readings of one symbol, oldest first. Beyond its capacity the oldest goes."""

    def __init__(self, capacity: int = 60) -> None:
        if capacity <= 0:
            raise ValueError(f"a ring of {capacity} readings holds nothing")
        self.capacity = capacity
        self._ring: deque[MinuteReading] = deque(maxlen=capacity)

    def append(self, reading: MinuteReading) -> bool:
        """Take the next reading. Whether it was new: one of the newest minute or before it changes nothing."""
        if self._ring and reading.open_ms <= self._ring[-1].open_ms:
            return False
        self._ring.append(reading)
        return True

    @property
    def newest(self) -> MinuteReading | None:
        """The last one taken; None if there is none."""
        return self._ring[-1] if self._ring else None

    def all(self) -> tuple[MinuteReading, ...]:
        """All of them, oldest first."""
        return tuple(self._ring)


def _after_the_last_hole(candles: Sequence[Candle]) -> Sequence[Candle]:
    for index in range(len(candles) - 1, 0, -1):
        if candles[index].open_ms - candles[index - 1].open_ms != MINUTE_MS:
            return candles[index:]
    return candles


def _newest(values: Floats) -> float | None:
    value = float(values[-1])
    return None if np.isnan(value) else value
