"""A moving average of closes, and where it is heading: exact, in Decimal."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

CLOSES = 7  # MA7: of the last seven closed candles


class Heading(StrEnum):
    """An average against the one a candle before."""

    UP = "UP"
    DOWN = "DOWN"
    FLAT = "FLAT"


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingAverage:
    """The plain mean of the last closes, quote per base."""

    value: Decimal
    heading: Heading | None  # None: there is no average before to hold it against


def moving_average(closes: Sequence[Decimal], count: int = CLOSES) -> MovingAverage | None:
    """The mean of the last `count` closes.

    Args: closes of closed candles, quote per base, oldest first, none missing; `count` ≥ 1.
    Returns: None while there are fewer than `count`; a heading from one more on.
    """
    if len(closes) < count:
        return None
    value = sum(closes[-count:], Decimal(0)) / count
    return MovingAverage(value=value, heading=_heading(closes, count))


def _heading(closes: Sequence[Decimal], count: int) -> Heading | None:
    if len(closes) == count:
        return None
    # Both averages share all closes but these two, so no rounding of a mean can make a heading.
    came, went = closes[-1], closes[-count - 1]
    if came == went:
        return Heading.FLAT
    return Heading.UP if came > went else Heading.DOWN
