"""Candle arrays: the closed candles of one symbol, as columns for indicators."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleArrays:
    """Closed candles, oldest first, all arrays of shape (n,). Prices are quote per base, the volume is base asset."""

    timeframe_ms: int
    open_ms: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats

    def __post_init__(self) -> None:
        columns = (self.open_ms, self.open, self.high, self.low, self.close, self.volume)
        if any(column.ndim != 1 or len(column) != len(self.open_ms) for column in columns):
            raise ValueError(f"candle arrays of shapes {[column.shape for column in columns]} are not of one length")
