"""Liquidation: how far all prices together may go against what is held before the exchange takes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.margin_bracket import MarginBracket
from ratchet.domain.money import ZERO
from ratchet.domain.order import Side

WHOLE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is held of one symbol, or would be."""

    side: Side
    notional: Decimal  # USDC, without sign
    leverage: int
    brackets: Sequence[MarginBracket]  # smallest first; none: not known


def maintenance_margin(notional: Decimal, brackets: Sequence[MarginBracket], leverage: int) -> Decimal:
    """What the exchange wants to see left, USDC.

    Where the brackets are not known it is taken to be as much as the initial margin: no exchange wants more.
    """
    for bracket in brackets:
        if notional <= bracket.notional_cap or bracket is brackets[-1]:
            return max(ZERO, notional * bracket.maintenance_rate - bracket.maintenance_deduction)
    return notional / leverage


def liquidation_distance(equity: Decimal, holdings: Sequence[Holding]) -> Decimal:
    """The fraction by which all prices at once may move against the holdings; 0 when it is too late, 1 at most.

    Cross margin: positions are taken when equity ≤ sum of maintenance margins. With d the move, a position of notional
    N loses N·d; the maintenance margin of a short grows with its price, that of a long is taken to stay. As it is
    convex in the notional, up to d = 1 it is at most MM(N) + d·(MM(2N) − MM(N)). So
    d = (equity − Σ MM) / (Σ N + Σ shorts' (MM(2N) − MM(N))), and errs towards too near. That all move together is the
    worst case: the exchange's own price of liquidation lets one symbol move alone.
    Source: Binance, "How to Calculate Liquidation Price of USDⓈ-M Futures Contracts"; "Leverage and Margin of
    USDⓈ-M Futures", for the maintenance amount of each bracket.
    """
    needed, moved = ZERO, ZERO
    for each in holdings:
        margin = maintenance_margin(each.notional, each.brackets, each.leverage)
        needed += margin
        moved += each.notional
        if each.side is Side.SELL:
            moved += maintenance_margin(2 * each.notional, each.brackets, each.leverage) - margin
    left = equity - needed
    if left <= 0:
        return ZERO
    return min(WHOLE, left / moved) if moved > 0 else WHOLE


def distance_to(price_mark: Decimal, price_liquidation: Decimal) -> Decimal:
    """How far off the exchange's own price of liquidation is, as a fraction of the mark price; 0 when reached or past.

    Raises: ValueError for prices that are not above 0.
    """
    if price_mark <= 0 or price_liquidation <= 0:
        raise ValueError(
            f"a mark price of {price_mark} and a liquidation price of {price_liquidation} have no distance"
        )
    return abs(price_mark - price_liquidation) / price_mark
