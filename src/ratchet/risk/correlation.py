"""Correlation: which positions win and lose together, by the log returns of closed candles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ratchet.config.sections import RiskLimits
from ratchet.domain.bracket import Bracket
from ratchet.domain.candle_arrays import CandleArrays, Floats
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol

RETURNS_MIN = 15  # fewer say nothing
LAG_MAX = 3  # candles by which the newest that both have may be behind


@dataclass(frozen=True, slots=True)
class Companions:
    """Held symbols that would win and lose with a new position."""

    known: tuple[Symbol, ...] = ()  # by their candles
    unknown: tuple[Symbol, ...] = ()  # on the same side, and nothing says that they do not

    @property
    def count(self) -> int:
        """How many."""
        return len(self.known) + len(self.unknown)


def correlation(one: CandleArrays, other: CandleArrays, candles: int) -> float | None:
    """Pearson's correlation of the log returns over the last `candles` that both have; -1 to 1.

    None where it cannot be told: too few in common, prices that do not move, or candles that end too long ago.
    """
    if one.timeframe_ms != other.timeframe_ms or not len(one.open_ms) or not len(other.open_ms):
        return None
    common, close_one, close_other = _in_common(one, other)
    newest = max(int(one.open_ms[-1]), int(other.open_ms[-1]))
    if not len(common) or newest - int(common[-1]) > LAG_MAX * one.timeframe_ms:
        return None
    follows = np.diff(common[-candles - 1 :]) == one.timeframe_ms  # a return over a gap is not one of a candle
    first = np.diff(np.log(close_one[-candles - 1 :]))[follows]
    second = np.diff(np.log(close_other[-candles - 1 :]))[follows]
    if len(first) < RETURNS_MIN or not (np.isfinite(first).all() and np.isfinite(second).all()):
        return None
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    first, second = first - first.mean(), second - second.mean()
    found = float(first @ second / np.sqrt((first @ first) * (second @ second)))
    return min(1.0, max(-1.0, found)) if np.isfinite(found) else None


def _in_common(one: CandleArrays, other: CandleArrays) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """The times that both have, with the closes of each."""
    if np.array_equal(one.open_ms, other.open_ms):  # nearly always, and much the faster
        return one.open_ms, one.close, other.close
    common, at_one, at_other = np.intersect1d(one.open_ms, other.open_ms, assume_unique=True, return_indices=True)
    return common, one.close[at_one], other.close[at_other]


def companions(
    symbol: Symbol,
    side: Side,
    held: Sequence[Bracket],
    candles: Mapping[Symbol, CandleArrays | None],
    limits: RiskLimits,
) -> Companions:
    """Which of the held ones would win and lose together with a position on `side` of `symbol`.

    A short of what falls when the other rises is one of them. Of what cannot be told, those on the same side are.
    """
    known, unknown = [], []
    own = candles.get(symbol)
    for bracket in held:
        theirs = candles.get(bracket.symbol)
        found = None if own is None or theirs is None else correlation(own, theirs, limits.correlation_candles)
        if found is None:
            if bracket.side is side:
                unknown.append(bracket.symbol)
        elif found * side.sign * bracket.side.sign >= limits.correlation_min:
            known.append(bracket.symbol)
    return Companions(tuple(known), tuple(unknown))
