"""Leverage: less of it in a wild market and after too many losses, within profile and bracket."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.config.sections import RiskLimits
from ratchet.domain.margin_bracket import MarginBracket
from ratchet.risk.record import Close


@dataclass(frozen=True, slots=True)
class Leverage:
    """How much, and what it came from."""

    value: int
    why: str  # one line


def choose_leverage(
    atr_fraction: float,
    closes: Sequence[Close],
    brackets: Sequence[MarginBracket],
    notional_max: Decimal,
    limits: RiskLimits,
) -> Leverage:
    """The leverage of a new position.

    The profile's, × target ATR / ATR where that is higher, × win rate / target rate where that is lower, rounded down.
    Args: atr_fraction, ATR / price; closes, oldest first; brackets, smallest first, none: not known;
        notional_max, USDC, the largest that the position may become.
    What is not known, ATR or brackets, makes it the smallest.
    """
    if not (math.isfinite(atr_fraction) and atr_fraction > 0):
        return Leverage(limits.leverage_min, "ATR not known")
    if not brackets:
        return Leverage(limits.leverage_min, "margin brackets not known")
    by_atr = min(1.0, limits.leverage_atr_fraction / atr_fraction)
    rate = win_rate(closes, limits)
    by_wins = min(1.0, rate / float(limits.win_rate_target))
    # The tiny part lets 5 × (0.6 / 0.6) be 5 and not 4.
    wanted = max(limits.leverage_min, math.floor(limits.leverage * by_atr * by_wins + 1e-9))
    most = leverage_cap(brackets, notional_max)
    why = f"ATR {atr_fraction:.4f}, win rate {rate:.0%}"
    return Leverage(min(wanted, most), why if wanted <= most else f"{why}, bracket allows {most}")


def win_rate(closes: Sequence[Close], limits: RiskLimits) -> float:
    """Of the last trades of the window, 0 to 1. Those that lack count as meeting the target."""
    window = closes[-limits.win_rate_window :]
    lacking = limits.win_rate_window - len(window)
    wins = sum(close.net > 0 for close in window)
    return (wins + lacking * float(limits.win_rate_target)) / limits.win_rate_window


def leverage_cap(brackets: Sequence[MarginBracket], notional: Decimal) -> int:
    """The most that the exchange allows for a position of this notional, USDC; 1 where it is beyond all brackets."""
    return next((bracket.leverage_max for bracket in brackets if notional <= bracket.notional_cap), 1)
