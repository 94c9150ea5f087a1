"""The day: from 00:00 to 24:00 UTC, what its equity began with, rose to and fell to."""

from dataclasses import replace
from decimal import Decimal

from ratchet.domain.money import ZERO
from ratchet.risk.record import Day

DAY_MS = 86_400_000
START_LATE_MS = 300_000  # an equity seen so soon after 00:00 is that of 00:00


def day_of(at_ms: int) -> int:
    """The number of the UTC day, counted from the epoch."""
    return at_ms // DAY_MS


def next_day_ms(at_ms: int) -> int:
    """The next 00:00 UTC."""
    return (day_of(at_ms) + 1) * DAY_MS


def day_after(day: Day | None, at_ms: int, equity: Decimal, equity_before: Decimal | None = None) -> Day:
    """The day with an equity that was just seen.

    Args: day, so far; equity, USDC; equity_before, the last one seen before this day. The day that nobody saw begin
        began with the larger of that and the first one seen: a loss while nobody looked is a loss of this day.
    """
    number = day_of(at_ms)
    if day is None or day.number != number:
        is_late = at_ms - number * DAY_MS > START_LATE_MS
        start = max(equity, equity_before) if is_late and equity_before is not None else equity
        day = Day(number=number, equity_start=start, equity_high=start, loss_fraction=ZERO, drawdown_fraction=ZERO)
    high = max(day.equity_high, equity)
    return replace(
        day,
        equity_high=high,
        loss_fraction=max(day.loss_fraction, _lost(day.equity_start, equity)),
        drawdown_fraction=max(day.drawdown_fraction, _lost(high, equity)),
    )


def _lost(of: Decimal, equity: Decimal) -> Decimal:
    """The fraction lost; whole where there was nothing to lose and less is there now."""
    if of > 0:
        return (of - equity) / of
    return Decimal(1) if equity < of else ZERO
