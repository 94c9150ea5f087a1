"""The candle store: the last closed candles of each symbol, and whether any is missing between them."""

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from ratchet.domain.candle import Candle
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.symbol import Symbol

_Row: TypeAlias = tuple[int, float, float, float, float, float]  # open_ms, open, high, low, close, volume


class CandleStore:
    """The last `depth` closed candles of each symbol, oldest first. A window with a hole in it is never handed out."""

    def __init__(self, timeframe_ms: int, depth: int) -> None:
        if timeframe_ms <= 0 or depth <= 0:
            raise ValueError(f"a store of {depth} candles of {timeframe_ms} ms holds nothing")
        self._timeframe_ms = timeframe_ms
        self._depth = depth
        self._rows: dict[Symbol, deque[_Row]] = {}

    def newest_ms(self, symbol: Symbol) -> int | None:
        """When the newest candle opened; None if there is none."""
        rows = self._rows.get(symbol)
        return rows[-1][0] if rows else None

    def has_gap(self, symbol: Symbol) -> bool:
        """Whether a candle is missing between the oldest and the newest."""
        rows = self._rows.get(symbol)
        if not rows:
            return False
        return rows[-1][0] - rows[0][0] != (len(rows) - 1) * self._timeframe_ms

    def append(self, symbol: Symbol, candle: Candle) -> bool:
        """Take the next closed candle. Whether it was new: one at or before the newest changes nothing.

        Raises: ValueError if it does not open on the timeframe.
        """
        newest_ms = self.newest_ms(symbol)
        row = self._row(symbol, candle)
        if newest_ms is not None and candle.open_ms <= newest_ms:
            return False
        self._rows.setdefault(symbol, deque(maxlen=self._depth)).append(row)
        return True

    def merge(self, symbol: Symbol, candles: Sequence[Candle]) -> None:
        """Take candles that were asked for, oldest first, and fill holes with them.

        A hole that they reach beyond is the exchange's own: it will never be filled, so what lies before it goes.

        Raises: ValueError if one of them does not open on the timeframe.
        """
        if not candles:
            return
        rows = {row[0]: row for row in self._rows.get(symbol, ())}
        rows |= {candle.open_ms: self._row(symbol, candle) for candle in candles}
        opens = sorted(rows)
        first_ms = opens[0]
        for before, after in pairwise(opens):
            if after - before != self._timeframe_ms and after <= candles[-1].open_ms:
                first_ms = after
        self._rows[symbol] = deque((rows[at] for at in opens if at >= first_ms), maxlen=self._depth)

    def drop(self, symbol: Symbol) -> None:
        """Forget a symbol."""
        self._rows.pop(symbol, None)

    def window(self, symbol: Symbol) -> CandleArrays | None:
        """The closed candles of a symbol, at most `depth` and a copy; None if there are none or one is missing."""
        rows = self._rows.get(symbol)
        if not rows or self.has_gap(symbol):
            return None
        # Milliseconds since the epoch are exact in a float until the year 287396.
        columns = np.array(rows, dtype=np.float64).T.copy()
        return CandleArrays(
            timeframe_ms=self._timeframe_ms,
            open_ms=columns[0].astype(np.int64),
            open=columns[1],
            high=columns[2],
            low=columns[3],
            close=columns[4],
            volume=columns[5],
        )

    def _row(self, symbol: Symbol, candle: Candle) -> _Row:
        if candle.open_ms % self._timeframe_ms:
            raise ValueError(f"{symbol}: a candle that opens at {candle.open_ms} is not on {self._timeframe_ms} ms")
        prices = (float(candle.open), float(candle.high), float(candle.low), float(candle.close))
        return (candle.open_ms, *prices, float(candle.volume))
