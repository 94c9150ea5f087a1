"""The plan: a signal and a quantity as a bracket whose every price is on the tick and every quantity on the step."""

from decimal import Decimal

from ratchet.config.sections import BracketSettings
from ratchet.domain.bracket import Bracket, Rung
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import ZERO, ceil_to, floor_to
from ratchet.domain.order import Side
from ratchet.domain.signal import Signal

MINUTE_MS = 60_000


class CannotPlan(ValueError):
    """The symbol's grid has no room for such a bracket."""


def plan_bracket(signal: Signal, quantity: Decimal, settings: BracketSettings, rules: SymbolRules) -> Bracket:
    """The bracket around the signal's price.

    The stop is rounded towards the entry, so that it never costs more than planned; rungs away from it. A rung that
    would be below the smallest order gives its share to the next one.
    Raises: CannotPlan.
    """
    rungs = _rungs(signal, quantity, settings, rules)
    if not rungs:
        raise CannotPlan(f"{signal.symbol}: {quantity} is too little for a single rung")
    try:
        return Bracket(
            symbol=signal.symbol,
            side=signal.side,
            quantity=quantity,
            price_entry=signal.price,
            price_stop=stop_price(signal, settings, rules),
            rungs=rungs,
            hold_ms_max=settings.hold_minutes_max * MINUTE_MS,
        )
    except ValueError as error:
        raise CannotPlan(str(error)) from None


def stop_price(signal: Signal, settings: BracketSettings, rules: SymbolRules) -> Decimal:
    """Where the stop goes."""
    wanted = signal.price * (1 - signal.side.sign * settings.stop_fraction)
    return _towards(wanted, rules.price_tick, up=signal.side is Side.BUY)


def _rungs(signal: Signal, quantity: Decimal, settings: BracketSettings, rules: SymbolRules) -> tuple[Rung, ...]:
    left, owed = quantity, ZERO
    rungs: list[Rung] = []
    steps = list(zip(settings.rung_fractions, settings.rung_shares, strict=True))
    for number, (fraction, share) in enumerate(steps):
        is_last = number == len(steps) - 1
        owed += quantity * share
        part = left if is_last else min(left, floor_to(owed, rules.quantity_step))
        if part < rules.quantity_min and not is_last:
            continue
        if part == 0:
            break
        price = signal.price * (1 + signal.side.sign * fraction)
        rungs.append(Rung(price=_towards(price, rules.price_tick, up=signal.side is Side.BUY), quantity=part))
        left, owed = left - part, ZERO
    if rungs and rungs[-1].quantity < rules.quantity_min and len(rungs) > 1:
        small, before = rungs.pop(), rungs.pop()
        rungs.append(Rung(price=before.price, quantity=before.quantity + small.quantity))
    return tuple(rungs)


def _towards(price: Decimal, tick: Decimal, *, up: bool) -> Decimal:
    return ceil_to(price, tick) if up else floor_to(price, tick)
