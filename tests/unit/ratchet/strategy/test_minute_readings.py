"""Minute readings: holes, too few minutes, the other indicators beside MA7, and a ring that stays one."""

from decimal import Decimal

import numpy as np
import pytest
import talib

from ratchet.domain.candle import Candle
from ratchet.strategy.minute_readings import MINUTE_MS, MinuteReading, MinuteReadings, read_minutes
from ratchet.strategy.moving_average import Heading, MovingAverage
from tests.unit.ratchet.strategy.candles import random_walk


def minute(index: int, close: Decimal) -> Candle:
    return Candle(
        open_ms=index * MINUTE_MS,
        open=close,
        high=close + 1,
        low=close / 2,
        close=close,
        volume=Decimal(1),
        volume_quote=close,
    )


def minutes(*closes: int, first: int = 0) -> list[Candle]:
    return [minute(first + index, Decimal(close)) for index, close in enumerate(closes)]


def reading(index: int) -> MinuteReading:
    found = read_minutes(minutes(*[5] * 8, first=index - 7))
    assert found is not None
    return found


def test_a_reading_is_of_the_newest_minute() -> None:
    found = read_minutes(minutes(1, 2, 3, 4, 5, 6, 7, 8))
    assert found is not None
    assert (found.open_ms, found.close) == (7 * MINUTE_MS, Decimal(8))
    assert found.ma7 == MovingAverage(value=Decimal(5), heading=Heading.UP)
    assert (found.ema21, found.rsi14, found.atr14) == (None, None, None)  # eight minutes are too few for them


def test_with_enough_minutes_the_other_indicators_are_there() -> None:
    closes = random_walk(seed=3, length=120)
    candles = [minute(index, Decimal(repr(float(close)))) for index, close in enumerate(closes)]
    high, low = (np.array([float(getattr(each, name)) for each in candles]) for name in ("high", "low"))
    found = read_minutes(candles)
    assert found is not None
    assert found.ema21 == pytest.approx(talib.EMA(closes, 21)[-1])
    assert found.rsi14 == pytest.approx(talib.RSI(closes, 14)[-1])
    assert found.atr14 == pytest.approx(talib.ATR(high, low, closes, 14)[-1])


def test_nothing_is_averaged_across_a_missing_minute() -> None:
    assert read_minutes([*minutes(9, 9, 9, 9), *minutes(1, 2, 3, 4, 5, 6, first=5)]) is None
    found = read_minutes([*minutes(9, 9, 9, 9), *minutes(1, 2, 3, 4, 5, 6, 7, first=5)])
    assert found is not None
    assert found.ma7 == MovingAverage(value=Decimal(4), heading=None)


def test_no_minutes_have_no_reading() -> None:
    assert read_minutes([]) is None


def test_the_ring_keeps_the_last_ones_in_order() -> None:
    ring = MinuteReadings(capacity=3)
    assert ring.newest is None
    assert all(ring.append(reading(index)) for index in range(10, 15))
    assert [each.open_ms // MINUTE_MS for each in ring.all()] == [12, 13, 14]
    assert ring.newest == ring.all()[-1]


def test_a_minute_is_taken_once() -> None:
    ring = MinuteReadings()
    ring.append(reading(10))
    assert not ring.append(reading(10))
    assert not ring.append(reading(9))
    assert len(ring.all()) == 1


def test_a_ring_that_holds_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="holds nothing"):
        MinuteReadings(capacity=0)
