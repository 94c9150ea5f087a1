"""Spot's books against the exchange's: what is not the same is named."""

from dataclasses import replace
from decimal import Decimal

from ratchet.domain.fill import Fill
from ratchet.rebound.audit import differences
from tests.unit.ratchet.rebound.bought import TRUMP, a_fill


def some(*numbers: int) -> list[Fill]:
    return [a_fill(number, "10", "8", fee="0.01") for number in numbers]


def test_books_that_are_the_same_have_no_differences() -> None:
    assert differences(TRUMP, some(1, 2), some(2, 1)) == []


def test_what_one_side_lacks_is_named() -> None:
    assert differences(TRUMP, some(1, 2), some(2, 3)) == [
        f"{TRUMP} execution 1 is not in the ledger",
        f"{TRUMP} execution 3 is not the exchange's",
    ]


def test_a_number_that_differs_is_named_with_both() -> None:
    [fill] = some(7)
    booked = replace(fill, fee=fill.fee * 2, quantity=fill.quantity + Decimal("0.001"))
    [line] = differences(TRUMP, [fill], [booked])
    assert line.startswith(f"{TRUMP} execution 7: quantity ")
    assert "fee " in line
    assert "price" not in line
