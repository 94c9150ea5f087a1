"""Naked time: how long positions were not wholly covered by working stops, by real time, from the request log alone.

It says by the wall clock what the core's audit says by the exchange's, and owes nothing to what a trader believes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby

from localbinance.core.order import PositionSide, Side
from localbinance.server.request_log import AccountEntry, PositionEntry, StopEntry, StopOrderEntry

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class NakedSpell:
    """A spell in which a position was not wholly covered. `until_ms` None: it lasts. Both real ms, as in the log."""

    symbol: str
    position_side: PositionSide
    from_ms: float
    until_ms: float | None


@dataclass(slots=True)
class _Place:
    """One position and the stops on it."""

    quantity: Decimal = ZERO
    stops: dict[int, StopEntry] = field(default_factory=dict)  # those that wait, by algo id
    orders: dict[int, StopOrderEntry] = field(default_factory=dict)  # those of triggered stops, by order id
    naked_since_ms: float | None = None

    def take(self, entry: AccountEntry) -> None:
        match entry:
            case PositionEntry():
                self.quantity = entry.quantity_signed
            case StopEntry(change="created"):
                self.stops[entry.algo_id] = entry
            case StopEntry():
                self.stops.pop(entry.algo_id, None)
            case StopOrderEntry():
                self.orders[entry.order_id] = entry
                if not entry.remaining:
                    del self.orders[entry.order_id]

    @property
    def is_naked(self) -> bool:
        closing = Side.SELL if self.quantity > 0 else Side.BUY
        stops = [stop for stop in self.stops.values() if stop.side is closing and stop.only_closes]
        if not self.quantity or any(stop.closes_all for stop in stops):
            return False
        cover = sum((stop.quantity for stop in stops), ZERO)
        cover += sum((order.remaining for order in self.orders.values() if order.side is closing), ZERO)
        return cover < abs(self.quantity)


def naked_spells(entries: Iterable[AccountEntry]) -> list[NakedSpell]:
    """Every spell, those that last at the end, in the order of their ends.

    Entries are one account's, oldest first. What happened in the same instant is judged by how it ended: a position
    whose stop and end come together was not naked in between.
    """
    places: dict[tuple[str, PositionSide], _Place] = {}
    spells: list[NakedSpell] = []
    for real_ms, together in groupby(entries, key=lambda entry: entry.at.real_ms):
        touched: dict[tuple[str, PositionSide], None] = {}
        for entry in together:
            key = (entry.symbol, entry.position_side)
            places.setdefault(key, _Place()).take(entry)
            touched[key] = None
        for key in touched:
            place = places[key]
            if place.is_naked and place.naked_since_ms is None:
                place.naked_since_ms = real_ms
            elif place.naked_since_ms is not None and not place.is_naked:
                spells.append(NakedSpell(*key, place.naked_since_ms, real_ms))
                place.naked_since_ms = None
    lasting = [(key, place.naked_since_ms) for key, place in places.items() if place.naked_since_ms is not None]
    return spells + [NakedSpell(*key, since_ms, None) for key, since_ms in lasting]
