"""The cool-down: a symbol is left alone for a while after a trade on it."""

from collections.abc import Sequence

from ratchet.config.sections import RiskLimits
from ratchet.domain.symbol import Symbol
from ratchet.risk.record import Close

MINUTE_MS = 60_000


def cool_down_until(symbol: Symbol, closes: Sequence[Close], limits: RiskLimits) -> int | None:
    """Until when there is no entry on it, exchange time; None if no trade on it that matters is remembered.

    Args: closes, oldest first.
    """
    if not closes:
        return None
    longest = max(limits.cool_down_stop_minutes, limits.cool_down_close_minutes)
    since_ms = closes[-1].at_ms - longest * MINUTE_MS  # what was before is over by now
    ends = []
    for close in reversed(closes):
        if close.at_ms < since_ms:
            break
        if close.symbol == symbol:
            ends.append(close.at_ms + _minutes(close, limits) * MINUTE_MS)
    return max(ends, default=None)


def _minutes(close: Close, limits: RiskLimits) -> int:
    """After a stop loss the longer of the two: it is the end of a trade as well."""
    if close.is_stop_loss:
        return max(limits.cool_down_stop_minutes, limits.cool_down_close_minutes)
    return limits.cool_down_close_minutes
