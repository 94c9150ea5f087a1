"""What is counted of the companion's orders: each outcome once."""

from collections import Counter
from itertools import pairwise

import pytest

from ratchet.domain.order import OrderStatus
from ratchet.domain.rebound import SpotRole
from ratchet.rebound.tally import Outcome, Tally
from tests.unit.ratchet.rebound.bought import an_order


def counted(*statuses: OrderStatus, role: SpotRole = SpotRole.SELL) -> Counter[tuple[SpotRole, Outcome]]:
    """What an order adds that goes through these."""
    tally = Tally()
    for before, after in pairwise(statuses):
        tally.on_news(an_order(before, role), an_order(after, role))
    return +tally.orders


@pytest.mark.parametrize(
    ("statuses", "outcomes"),
    [
        ((OrderStatus.INTENDED, OrderStatus.NEW), [Outcome.PLACED]),
        ((OrderStatus.UNKNOWN, OrderStatus.PARTIALLY_FILLED, OrderStatus.PARTIALLY_FILLED), [Outcome.PLACED]),
        ((OrderStatus.INTENDED, OrderStatus.FILLED), [Outcome.PLACED, Outcome.FILLED]),
        ((OrderStatus.INTENDED, OrderStatus.NEW, OrderStatus.FILLED), [Outcome.PLACED, Outcome.FILLED]),
        ((OrderStatus.NEW, OrderStatus.CANCELED), [Outcome.CANCELLED]),
        ((OrderStatus.PARTIALLY_FILLED, OrderStatus.EXPIRED), [Outcome.CANCELLED]),
        ((OrderStatus.INTENDED, OrderStatus.REJECTED), [Outcome.REFUSED]),
    ],
)
def test_each_outcome_is_counted_once(statuses: tuple[OrderStatus, ...], outcomes: list[Outcome]) -> None:
    assert counted(*statuses) == Counter((SpotRole.SELL, outcome) for outcome in outcomes)


def test_buys_back_are_counted_apart_and_what_has_not_happened_is_0() -> None:
    found = counted(OrderStatus.INTENDED, OrderStatus.NEW, role=SpotRole.BACK)
    assert found == Counter({(SpotRole.BACK, Outcome.PLACED): 1})
    assert set(Tally().orders.values()) == {0}
    assert len(Tally().orders) == 8
