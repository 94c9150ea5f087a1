"""Protection: what has to be done so that exactly one stop covers exactly what is held of a symbol.

Decided from what is known, again after every step: the same decision serves the trader after a fill, a restart that
finds anything at all, and the guardian that knows nothing but the exchange.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from ratchet.domain.identity import ClientOrderId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import ZERO, ceil_to, floor_to
from ratchet.domain.order import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A stop that the exchange holds, untriggered. `is_ours`: it may be cancelled; what others placed may not."""

    client_order_id: ClientOrderId
    side: Side  # the closing side
    quantity: Decimal  # base asset; 0 where it closes the position, whatever that is
    price_trigger: Decimal
    closes_position: bool
    is_ours: bool


@dataclass(frozen=True, slots=True)
class PlaceStop:
    """Have a stop over so much at this price, on the closing side, before anything else is done."""

    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class CancelStop:
    """A stop too many."""

    client_order_id: ClientOrderId


Step: TypeAlias = PlaceStop | CancelStop


def next_step(
    held: Decimal, standing: Sequence[Standing], price_wanted: Decimal, kept: Collection[ClientOrderId] = ()
) -> Step | None:
    """The next thing to do; None when all is as it should be.

    Args: held, base asset, signed, 0 = flat; standing, every stop of the symbol that the exchange holds; price_wanted,
        where the stop belongs (of no meaning while flat); kept, stops that may cover more than is known to be held:
        they are not taken away yet.
    A stop is never taken away before another one covers what is held, and never moves against the position: one that
    stands at a better price than is wanted keeps it.
    """
    ours = [stop for stop in standing if stop.is_ours]
    if held == 0:
        return _cancel_first(ours, kept)
    closing = Side.SELL if held > 0 else Side.BUY
    quantity = abs(held)
    price = _tightest(closing, [price_wanted, *(stop.price_trigger for stop in ours if stop.side is closing)])
    # Of several that fit, the one by quantity: one that closes the position stands in the way of its successors.
    fitting = sorted(
        (stop for stop in ours if stop.side is closing and _fits(stop, quantity) and stop.price_trigger == price),
        key=lambda stop: (stop.closes_position, stop.client_order_id),
    )
    if not fitting:
        return PlaceStop(quantity, price)
    return _cancel_first([stop for stop in ours if stop is not fitting[0]], kept)


def covered(held: Decimal, standing: Sequence[Standing]) -> Decimal:
    """How much of what is held the stops that stand would close, whoever placed them; base asset, without sign."""
    if held == 0:
        return ZERO
    closing = Side.SELL if held > 0 else Side.BUY
    of_side = [stop for stop in standing if stop.side is closing]
    if any(stop.closes_position for stop in of_side):
        return abs(held)
    return min(abs(held), sum((stop.quantity for stop in of_side), ZERO))


def default_stop_price(held: Decimal, price_entry: Decimal, stop_fraction: Decimal, rules: SymbolRules) -> Decimal:
    """Where the stop of a position belongs about which nothing is known but its entry.

    Args: held, signed; price_entry, average; stop_fraction, of the entry.
    Rounded towards the entry, as planned stops are.
    """
    if held > 0:
        return ceil_to(price_entry * (1 - stop_fraction), rules.price_tick)
    return floor_to(price_entry * (1 + stop_fraction), rules.price_tick)


def _cancel_first(surplus: Sequence[Standing], kept: Collection[ClientOrderId]) -> CancelStop | None:
    names = (stop.client_order_id for stop in surplus if stop.client_order_id not in kept)
    return next((CancelStop(name) for name in names), None)


def _fits(stop: Standing, quantity: Decimal) -> bool:
    return stop.closes_position or stop.quantity == quantity


def _tightest(closing: Side, prices: Sequence[Decimal]) -> Decimal:
    """The price that gives up least: the highest for a long, the lowest for a short."""
    return max(prices) if closing is Side.SELL else min(prices)
