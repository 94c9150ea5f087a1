"""The sight: what one look at the exchange showed of a symbol that is held."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.identity import IDLE_STOPS, OURS
from ratchet.domain.money import ZERO
from ratchet.domain.order import StopOrder, StopReport, StopStatus
from ratchet.domain.position import Position
from ratchet.risk.protection import Standing, covered

UNDER_WAY = frozenset({StopStatus.TRIGGERING, StopStatus.TRIGGERED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A position, the stops that stand over it, and those that have met their price and are not done."""

    position: Position
    standing: tuple[Standing, ...]
    under_way: tuple[Standing, ...]
    presumed: tuple[Standing, ...] = ()  # that the exchange has taken so lately that reads may not show them yet

    @property
    def is_covered(self) -> bool:
        """Whether stops that wait for their price are over all that is held."""
        return covered(self.position.quantity_signed, (*self.standing, *self.presumed)) == self.position.quantity

    @property
    def is_closing(self) -> bool:
        """Whether it is covered by counting on a stop whose market order is under way."""
        both = (*self.standing, *self.presumed, *self.under_way)
        return not self.is_covered and covered(self.position.quantity_signed, both) == self.position.quantity

    @property
    def episode(self) -> tuple[object, Decimal]:
        """What stays the same while a position only shrinks: its side and its entry."""
        return self.position.side, self.position.price_entry


def sight_of(position: Position, reports: Iterable[StopReport], taken: Iterable[StopOrder] = ()) -> Sight:
    """Judge what conditional orders there are. What would open, and another hand's take-profit, is no stop.

    Args: taken, stops that the exchange has taken and that it does not show yet.
    """
    stops = [report for report in reports if _is_stop(report, position)]
    return Sight(
        position=position,
        standing=tuple(_standing(report) for report in stops if report.status.protects),
        under_way=tuple(_standing(report) for report in stops if report.status in UNDER_WAY),
        presumed=tuple(_presumed(stop) for stop in taken),
    )


def _is_stop(report: StopReport, position: Position) -> bool:
    if report.client_order_id.startswith(IDLE_STOPS) or report.side is not position.side.opposite:
        return False
    # The list does not name the kind: a stop that waits lies on the losing side of the price, a take-profit beyond it.
    is_behind = position.side.sign * (position.price_mark - report.price_trigger) >= ZERO
    return is_behind or report.client_order_id.startswith(OURS) or not report.status.protects


def _standing(report: StopReport) -> Standing:
    return Standing(
        client_order_id=report.client_order_id,
        side=report.side,
        quantity=report.quantity,
        price_trigger=report.price_trigger,
        closes_position=report.closes_position,
        is_ours=report.client_order_id.startswith(OURS),
    )


def _presumed(stop: StopOrder) -> Standing:
    return Standing(
        client_order_id=stop.client_order_id,
        side=stop.side,
        quantity=stop.quantity,
        price_trigger=stop.price_trigger,
        closes_position=stop.closes_position,
        is_ours=True,
    )
