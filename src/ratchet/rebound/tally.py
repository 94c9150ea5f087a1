"""The tally: how often what has happened since the companion began. Whoever does it counts it; others look on."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from ratchet.domain.order import OrderStatus
from ratchet.domain.rebound import OwnOrder, SpotRole
from ratchet.rebound.decide import MAY_BE_SENT

ROLES = (SpotRole.SELL, SpotRole.BACK)


class Outcome(StrEnum):
    """What became of an order."""

    PLACED = "placed"  # the exchange has it
    FILLED = "filled"  # wholly
    CANCELLED = "cancelled"  # or ended by the exchange, filled in part or not at all
    REFUSED = "refused"


_NOTHING = {(role, outcome): 0 for role in ROLES for outcome in Outcome}


@dataclass(slots=True)
class Tally:
    """One for all symbols."""

    orders: Counter[tuple[SpotRole, Outcome]] = field(default_factory=lambda: Counter(_NOTHING))
    cases_closed: int = 0

    def on_news(self, before: OwnOrder, after: OwnOrder) -> None:
        """The exchange has told more of an order than was known."""
        for outcome in _outcomes(before.status, after.status):
            self.orders[after.role, outcome] += 1


def _outcomes(before: OrderStatus, after: OrderStatus) -> list[Outcome]:
    if after is OrderStatus.REJECTED:
        return [Outcome.REFUSED]
    found = [Outcome.PLACED] if before in MAY_BE_SENT else []
    if after.is_final:
        found.append(Outcome.FILLED if after is OrderStatus.FILLED else Outcome.CANCELLED)
    return found
