"""Percentiles of what was measured."""

import math
from collections.abc import Sequence


def nearest_rank(ordered: Sequence[float], fraction: float) -> float:
    """The smallest value that at least that fraction of the values do not exceed: one that was really measured, none
    between two.

    Args: ordered, the values, smallest first, at least one; fraction, above 0 and up to 1.
    """
    return ordered[math.ceil(fraction * len(ordered)) - 1]
