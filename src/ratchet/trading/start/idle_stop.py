"""An idle stop: a conditional order that is there to be seen, never to trigger."""

from collections.abc import Collection, Mapping
from decimal import Decimal

from ratchet.domain.identity import ClientOrderId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import floor_to
from ratchet.domain.order import Side, StopOrder
from ratchet.domain.symbol import Symbol

MARK_MULTIPLE = 2  # of the mark price: a BUY stop there waits for the price to double
SYMBOL_PREFERRED = Symbol("BTCUSDC")


def idle_stop(name: ClientOrderId, rules: SymbolRules, price_mark: Decimal) -> StopOrder:
    """A reduce-only BUY stop of the smallest quantity at twice the mark price, or as far as the price filter lets it.

    It may stand while nothing is held, no margin is looked at, and were it ever to trigger it could open nothing.
    """
    highest = min(price_mark * MARK_MULTIPLE, rules.price_max)
    price = rules.price_min + floor_to(highest - rules.price_min, rules.price_tick)
    return StopOrder(
        client_order_id=name,
        symbol=rules.symbol,
        side=Side.BUY,
        quantity=rules.quantity_min,
        price_trigger=price,
    )


def symbol_for_idle_stop(
    rules: Mapping[Symbol, SymbolRules], price_marks: Mapping[Symbol, Decimal], *, held: Collection[Symbol] = ()
) -> Symbol | None:
    """A symbol that leaves room for one: Bitcoin's if it does, else the first by name; None when no symbol does.

    Args: held, symbols that are not to be used.
    """
    fit = [
        symbol
        for symbol, each in rules.items()
        if symbol not in held
        and symbol in price_marks
        and price_marks[symbol] > 0
        and price_marks[symbol] * MARK_MULTIPLE <= each.price_max
    ]
    return SYMBOL_PREFERRED if SYMBOL_PREFERRED in fit else min(fit, default=None)
