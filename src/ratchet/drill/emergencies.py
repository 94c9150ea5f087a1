"""Emergencies in a drill: whether a panic stopped entries, ended flat, and kept it so until its resume."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from localbinance.core.order import Trade
from ratchet.domain.identity import IDLE_STOPS, TRADERS
from ratchet.domain.order import Role
from ratchet.drill.market import START_MS
from ratchet.drill.trouble import Trouble, WireTrouble
from ratchet.drill.venue import ACCOUNT, Venue

ON_ITS_WAY_MS = 50.0  # an entry that left before the panic
LATE_MS = 7_000.0  # the same, where the wire delays it
JUST_NOW_MS = 1_500.0  # what another hand has done since the look that showed nothing
FLAT_WITHIN_MS = 10_000.0  # of a panic, or of whatever opened a position during it; troubles come on top


@dataclass(slots=True)
class EmergencySpell:
    """From a panic that reached the trader to the resume that lifted it. Virtual ms."""

    from_ms: float
    until_ms: float | None = None


def said_flat(venue: Venue, now_ms: float) -> list[str]:
    """The trader says that nothing is held and nothing stands: what contradicts it, by the exchange."""
    exchange = venue.exchange
    since_ms = START_MS + now_ms - JUST_NOW_MS
    held = [each for each in exchange.account_state(ACCOUNT).positions if each.quantity_signed]
    older = [each for each in held if all(fill.time_ms < since_ms for fill in exchange.trades(ACCOUNT, each.symbol))]
    orders = [order.client_order_id for order in exchange.open_orders(ACCOUNT) if order.created_ms < since_ms]
    stops = [stop.client_algo_id for stop in exchange.open_algo_orders(ACCOUNT) if stop.created_ms < since_ms]
    return [
        *(f"{each.quantity_signed} of {each.symbol} were held when a panic said flat" for each in older),
        *(
            f"{name} stood when a panic said that nothing does"
            for name in (*orders, *stops)
            if not name.startswith(IDLE_STOPS)
        ),
    ]


def entered_meanwhile(venue: Venue, spells: Sequence[EmergencySpell], troubles: Sequence[Trouble]) -> list[str]:
    """Entries of the trader that the exchange took during an emergency, but for those that were on their way."""
    late_ms = LATE_MS if any(isinstance(trouble, WireTrouble) for trouble in troubles) else ON_ITS_WAY_MS
    return [
        f"{order.client_order_id} was entered during an emergency"
        for order in venue.exchange.all_orders(ACCOUNT)
        if order.client_order_id.startswith(TRADERS) and f"-{Role.ENTRY.value}" in order.client_order_id
        for spell in spells
        if spell.from_ms + late_ms < order.created_ms - START_MS < (spell.until_ms or float("inf"))
    ]


def held_spells(fills: Sequence[Trade], end_ms: float) -> Iterator[tuple[float, float]]:
    """From when to when something of one symbol was held, virtual ms."""
    held, since_ms = Decimal(0), 0.0
    for fill in fills:
        before, held = held, held + fill.side.sign * fill.quantity
        at_ms = float(fill.time_ms - START_MS)
        if not before:
            since_ms = at_ms
        elif not held:
            yield since_ms, at_ms
    if held:
        yield since_ms, end_ms
