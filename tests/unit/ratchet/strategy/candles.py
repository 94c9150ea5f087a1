"""Candle arrays for the tests of strategies."""

import numpy as np

from ratchet.domain.candle_arrays import CandleArrays, Floats

STEP_MS = 300_000


def candles_of(close: Floats, *, spread: float = 0.001) -> CandleArrays:
    """Candles that close at these prices, each opening where the one before closed."""
    opened = np.concatenate(([close[0]], close[:-1]))
    return CandleArrays(
        timeframe_ms=STEP_MS,
        open_ms=np.arange(len(close), dtype=np.int64) * STEP_MS,
        open=opened,
        high=np.maximum(opened, close) * (1 + spread),
        low=np.minimum(opened, close) * (1 - spread),
        close=close,
        volume=np.ones(len(close)),
    )


def random_walk(seed: int, length: int = 150, volatility: float = 0.002) -> Floats:
    """Prices around 100."""
    steps = np.random.default_rng(seed).normal(0.0, volatility, length)
    walk: Floats = 100 * np.exp(np.cumsum(steps))
    return walk
