"""Indicators on arrays of shape (n,): NaN while there is too little behind a value. Seeded as TA-Lib seeds them."""

from collections.abc import Sequence

import numpy as np

from ratchet.domain.candle_arrays import Floats


def ema(values: Floats, period: int) -> Floats:
    """Exponential moving average; its first value, at `period` - 1, is the plain mean of the values up to there."""
    return _smoothed(values, period, 2.0 / (period + 1), first=period - 1)


def rsi(close: Floats, period: int = 14) -> Floats:
    """Relative strength index by Wilder, 0 to 100; from index `period` on. 50 where nothing moves."""
    moves = np.diff(close)
    gains = _smoothed(np.maximum(moves, 0.0), period, 1.0 / period, first=period - 1)
    losses = _smoothed(np.maximum(-moves, 0.0), period, 1.0 / period, first=period - 1)
    total = gains + losses
    with np.errstate(invalid="ignore", divide="ignore"):
        strength = np.where(total > 0, 100.0 * gains / total, np.where(np.isnan(total), np.nan, 50.0))
    return np.concatenate(([np.nan], strength)) if len(close) else strength


def macd(close: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> tuple[Floats, Floats, Floats]:
    """(line, signal, histogram). Both averages are seeded at index `slow` - 1, each with the mean of its own period."""
    averages = (
        _smoothed(close, fast, 2.0 / (fast + 1), first=slow - 1),
        _smoothed(close, slow, 2.0 / (slow + 1), first=slow - 1),
    )
    line = averages[0] - averages[1]
    smoothed = np.full(len(close), np.nan)
    if len(close) >= slow:
        smoothed[slow - 1 :] = ema(line[slow - 1 :], signal)
    return line, smoothed, line - smoothed


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """The larger of the candle's own range and its distance from the close before; NaN for the first."""
    if not len(close):
        return np.array([])
    before = close[:-1]
    ranges = np.maximum(high[1:], before) - np.minimum(low[1:], before)
    return np.concatenate(([np.nan], ranges))


def atr(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """Average true range by Wilder, in the unit of the price; from index `period` on."""
    ranges = true_range(high, low, close)
    smoothed = _smoothed(ranges[1:], period, 1.0 / period, first=period - 1)
    return np.concatenate(([np.nan], smoothed)) if len(close) else smoothed


def bollinger(close: Floats, period: int = 20, deviations: float = 2.0) -> tuple[Floats, Floats, Floats]:
    """(upper, middle, lower): the mean of the last `period` values and as many standard deviations around it."""
    middle, spread = np.full(len(close), np.nan), np.full(len(close), np.nan)
    if len(close) >= period:
        windows = np.lib.stride_tricks.sliding_window_view(close, period)
        middle[period - 1 :], spread[period - 1 :] = windows.mean(axis=1), windows.std(axis=1)
    return middle + deviations * spread, middle, middle - deviations * spread


def _smoothed(values: Floats, period: int, weight: float, *, first: int) -> Floats:
    """average += weight × (value − average), from the mean of the `period` values that end at `first`."""
    result = np.full(len(values), np.nan)
    if len(values) <= first:
        return result
    average = float(values[first - period + 1 : first + 1].mean())
    averages = [average]
    rest: Sequence[float] = values[first + 1 :].tolist()  # floats of Python: many times faster than numpy's one by one
    for value in rest:
        average += weight * (value - average)
        averages.append(average)
    result[first:] = averages
    return result
