"""Resting orders of any market: when a tick reaches one, how much of it is filled, and what stands before it."""

from decimal import Decimal
from typing import Protocol

from localbinance.core.depth import SPACING_FRACTION
from localbinance.core.order import ZERO, Side
from localbinance.core.tick import Tick


class Resting(Protocol):
    """A limit order in the book. Quantities are base asset."""

    side: Side
    price: Decimal
    queue_ahead: Decimal  # what stood at the price before it
    updated_ms: int

    @property
    def remaining(self) -> Decimal:
        """Not yet filled."""


def crosses(tick: Tick, side: Side, price: Decimal) -> bool:
    """Whether an order at that price would take at once."""
    return price >= tick.ask if side is Side.BUY else price <= tick.bid


def queue_at(tick: Tick, order: Resting) -> Decimal:
    """What the model says stands at the price already. Inside the spread: nothing."""
    is_buy = order.side is Side.BUY
    touch, quantity = (tick.bid, tick.bid_quantity) if is_buy else (tick.ask, tick.ask_quantity)
    behind = order.side.sign * (touch - order.price)
    if behind < 0:
        return ZERO
    level = int(behind / (touch * SPACING_FRACTION))
    return quantity * min(2 + level, 40) / 2


def priority(order: Resting) -> tuple[Decimal, int]:
    """The key by which orders are filled: the best price first, of equal ones the oldest."""
    return (-order.side.sign * order.price, order.updated_ms)


def filled_by(order: Resting, tick: Tick, volume: Decimal) -> Decimal:
    """How much of a resting order a tick fills, given the volume of it that is left for such orders."""
    is_buy = order.side is Side.BUY
    across, across_quantity = (tick.ask, tick.ask_quantity) if is_buy else (tick.bid, tick.bid_quantity)
    is_through = volume > 0 and order.side.sign * (order.price - tick.last) > 0
    is_crossed = order.side.sign * (order.price - across) >= 0
    if is_through or is_crossed:
        order.queue_ahead = ZERO
        return min(order.remaining, max(volume, across_quantity if is_crossed else ZERO))
    if volume > 0 and tick.last == order.price and tick.buyer_is_maker is is_buy:
        beyond = volume - order.queue_ahead
        order.queue_ahead = max(ZERO, -beyond)
        return min(order.remaining, max(ZERO, beyond))
    return ZERO
