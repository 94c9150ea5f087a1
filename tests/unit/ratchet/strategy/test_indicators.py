"""Indicators against TA-Lib, on random walks of any length and on recorded candles."""

import numpy as np
import polars as pl
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.candle_arrays import CandleArrays, Floats
from ratchet.strategy.indicators import atr, bollinger, ema, macd, rsi, true_range
from tests.recorded import RECORDED, needs_recorded
from tests.unit.ratchet.strategy.candles import candles_of, random_walk


def assert_same(ours: Floats, theirs: Floats) -> None:
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True)


def assert_all_as_talib(candles: CandleArrays) -> None:
    high, low, close = candles.high, candles.low, candles.close
    assert_same(ema(close, 9), talib.EMA(close, 9))
    assert_same(rsi(close, 14), talib.RSI(close, 14))
    # TA-Lib holds the line back until its signal is there; ours begins as soon as it can.
    line, signal, histogram = (values[33:] for values in macd(close))
    for ours, theirs in zip((line, signal, histogram), talib.MACD(close), strict=True):
        assert_same(ours, theirs[33:])
    assert_same(atr(high, low, close, 14), talib.ATR(high, low, close, 14))
    assert_same(true_range(high, low, close), talib.TRANGE(high, low, close))
    for mine, other in zip(bollinger(close, 20), talib.BBANDS(close, 20, 2.0, 2.0), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-6, equal_nan=True)


@given(st.integers(0, 10_000), st.integers(40, 300))
def test_indicators_are_talibs_on_random_walks(seed: int, length: int) -> None:
    assert_all_as_talib(candles_of(random_walk(seed, length)))


@needs_recorded
@pytest.mark.parametrize("symbol", ["BTCUSDC", "1000BONKUSDC", "XRPUSDC"])
def test_indicators_are_talibs_on_recorded_candles(symbol: str) -> None:
    table = pl.read_parquet(next((RECORDED / "binance-futures").glob(f"{symbol}-1m*.parquet")))
    columns = {
        name: table.get_column(name).to_numpy()[:2_000].astype(np.float64)
        for name in ("open", "high", "low", "close", "volume")
    }
    open_ms = np.arange(len(columns["close"]), dtype=np.int64) * 60_000
    assert_all_as_talib(CandleArrays(timeframe_ms=60_000, open_ms=open_ms, **columns))


@pytest.mark.parametrize("length", range(30))
def test_too_little_data_is_nan_and_never_an_error(length: int) -> None:
    close = np.linspace(1.0, 2.0, length)
    for values in (
        ema(close, 30),
        rsi(close, 30),
        macd(close)[1],
        atr(close, close, close, 30),
        bollinger(close, 30)[0],
    ):
        assert len(values) == length
        assert np.isnan(values).all()


def test_rsi_of_what_does_not_move_is_in_the_middle() -> None:
    assert rsi(np.full(40, 7.0), 14)[-1] == 50.0
