"""Moving the stop: to break-even once the first rung is filled, and never back."""

from decimal import Decimal

from ratchet.domain.bracket import Bracket
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import ceil_to, floor_to
from ratchet.domain.order import Side


def stop_after_rungs(
    bracket: Bracket,
    *,
    price_entry: Decimal,
    price_stop: Decimal,
    rungs_filled: int,
    extra_fraction: Decimal,
    rules: SymbolRules,
) -> Decimal:
    """Where the stop belongs now.

    Args: price_entry, the average that was really paid; price_stop, where the stop is; extra_fraction, how far on the
        winning side of the entry break-even lies: fees have to be paid.
    Returns: `price_stop` or a price on the tick that gives up less.
    """
    if rungs_filled == 0:
        return price_stop
    wanted = price_entry * (1 + bracket.side.sign * extra_fraction)
    if bracket.side is Side.BUY:
        return max(price_stop, ceil_to(wanted, rules.price_tick))
    return min(price_stop, floor_to(wanted, rules.price_tick))
