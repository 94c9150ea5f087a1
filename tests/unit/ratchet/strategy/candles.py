"""Candle arrays for the tests of strategies."""

import numpy as np
import polars as pl

from ratchet.domain.candle_arrays import CandleArrays, Floats
from tests.recorded import RECORDED

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


def recorded_candles(symbol: str) -> CandleArrays:
    """Recorded 1-minute candles of a symbol as 5-minute ones, as far as they are whole."""
    minutes = pl.read_parquet(next((RECORDED / "binance-futures").glob(f"{symbol}-1m*.parquet"))).sort("timestamp")
    whole = minutes.head(len(minutes) // 5 * 5).with_row_index("row")
    fives = whole.group_by(pl.col("row") // 5, maintain_order=True).agg(
        open=pl.col("open").first(),
        high=pl.col("high").max(),
        low=pl.col("low").min(),
        close=pl.col("close").last(),
        volume=pl.col("volume").sum(),
    )
    columns = {
        name: fives.get_column(name).to_numpy().astype(np.float64)
        for name in ("open", "high", "low", "close", "volume")
    }
    return CandleArrays(timeframe_ms=STEP_MS, open_ms=np.arange(len(fives), dtype=np.int64) * STEP_MS, **columns)


def last_of(candles: CandleArrays, end: int, count: int = 150) -> CandleArrays:
    """The `count` candles before index `end`."""
    part = slice(end - count, end)
    return CandleArrays(
        timeframe_ms=candles.timeframe_ms,
        open_ms=candles.open_ms[part],
        open=candles.open[part],
        high=candles.high[part],
        low=candles.low[part],
        close=candles.close[part],
        volume=candles.volume[part],
    )
