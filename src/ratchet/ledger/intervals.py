"""Intervals in which a true value lies with 95 % confidence, from the few of it that were seen."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
_Z = 1.959963984540054  # of the normal distribution, for 95 % in the middle
RESAMPLES = 2_000
_AT_ONCE = 50  # resamples in memory
SEED = 1  # the same hours give the same interval


@dataclass(frozen=True, slots=True)
class Interval:
    """From, to."""

    low: float
    high: float


def wilson(wins: int, of: int) -> Interval:
    """Wilson's score interval of a share: within 0 and 1, and honest for few and for extreme ones.

    Raises: ValueError without any, or with more wins than there were.
    """
    if not 0 <= wins <= of or of == 0:
        raise ValueError(f"{wins} of {of} is not a share")
    share, weight = wins / of, _Z * _Z / of
    middle = (share + weight / 2) / (1 + weight)
    reach = _Z * math.sqrt(share * (1 - share) / of + weight / (4 * of)) / (1 + weight)
    # At the ends it touches 0 and 1 exactly, but for rounding.
    return Interval(0.0 if wins == 0 else middle - reach, 1.0 if wins == of else middle + reach)


def bootstrap_rate(amounts: Sequence[float], hours: Sequence[float]) -> Interval | None:
    """Of an amount per hour: the middle 95 % of the rates of resamples, whole periods drawn with replacement.

    Args: amounts, by period, and the hours that each of them lasted. None for fewer than two periods, or no hours.
    """
    if len(amounts) < 2 or sum(hours) <= 0:
        return None
    random, rates = np.random.default_rng(SEED), []
    amount, hour = np.array(amounts), np.array(hours)
    for _ in range(RESAMPLES // _AT_ONCE):
        drawn = random.integers(0, len(amounts), size=(_AT_ONCE, len(amounts)))
        lasted = hour[drawn].sum(axis=1)
        rates.append(amount[drawn].sum(axis=1)[lasted > 0] / lasted[lasted > 0])
    low, high = np.quantile(np.concatenate(rates), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high))
