"""What is said of a case that an operator has given up, once nothing of it stands any more."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ratchet.domain.order import OrderStatus
from ratchet.domain.rebound import OwnOrder, SpotRole
from ratchet.rebound.decide import BuyBack, Close, Sell, end_of_given_up, next_of
from tests.unit.ratchet.rebound.bought import an_order, with_orders

SOLD = an_order(OrderStatus.FILLED)
PARTLY = replace(an_order(OrderStatus.CANCELED), quantity_filled=Decimal(4))


@pytest.mark.parametrize(
    ("orders", "buys_back", "end"),
    [
        ((), False, "given up by cli"),
        ((an_order(OrderStatus.REJECTED),), False, "given up by cli"),
        ((an_order(OrderStatus.CANCELED),), False, "given up by cli"),
        ((PARTLY,), False, "given up by cli, 4 of 10 were sold"),
        ((SOLD,), False, "sold"),
        ((SOLD,), True, "sold; no BUY back: given up by cli"),
        ((SOLD, an_order(OrderStatus.CANCELED, SpotRole.BACK)), True, "sold; its BUY back was given up by cli"),
        ((SOLD, an_order(OrderStatus.FILLED, SpotRole.BACK)), True, "sold and bought back"),
    ],
)
def test_the_end_says_what_was_sold_and_who_ended_it(orders: tuple[OwnOrder, ...], buys_back: bool, end: str) -> None:
    case = with_orders(*orders)
    step = next_of(case, buys_back=buys_back)
    assert isinstance(step, Sell | BuyBack | Close)
    assert end_of_given_up(case, step, "cli") == end
