"""MA7 and its heading against their definition, worked out anew from all closes."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.strategy.moving_average import CLOSES, Heading, MovingAverage, moving_average

PRICES = st.decimals(min_value="0.001", max_value="100000", places=3, allow_nan=False)


def prices(*texts: str) -> list[Decimal]:
    return [Decimal(text) for text in texts]


def exact_mean(closes: list[Decimal]) -> Fraction:
    return sum(map(Fraction, closes), Fraction(0)) / len(closes)


def test_it_is_the_mean_of_the_last_seven_and_none_before() -> None:
    closes = prices("99", "1", "2", "3", "4", "5", "6", "7")
    found = moving_average(closes)
    assert found == MovingAverage(value=Decimal(4), heading=Heading.DOWN)


@pytest.mark.parametrize(
    ("newest", "heading"),
    [("8.001", Heading.UP), ("8", Heading.FLAT), ("8.000", Heading.FLAT), ("7.999", Heading.DOWN)],
)
def test_it_heads_where_the_newest_close_is_against_the_one_that_left(newest: str, heading: Heading) -> None:
    found = moving_average(prices("8", "3", "1", "4", "1", "5", "9", newest))
    assert found is not None
    assert found.heading is heading


def test_the_first_average_has_no_heading() -> None:
    found = moving_average(prices("1", "2", "3", "4", "5", "6", "7"))
    assert found == MovingAverage(value=Decimal(4), heading=None)


def test_too_few_closes_have_no_average() -> None:
    assert moving_average(prices("1", "2", "3", "4", "5", "6")) is None
    assert moving_average([]) is None


@given(st.lists(PRICES, min_size=CLOSES + 1, max_size=30))
def test_the_heading_is_that_of_the_exact_averages(closes: list[Decimal]) -> None:
    found = moving_average(closes)
    now, before = exact_mean(closes[-CLOSES:]), exact_mean(closes[-CLOSES - 1 : -1])
    expected = Heading.UP if now > before else Heading.DOWN if now < before else Heading.FLAT
    assert found is not None
    assert found.heading is expected
    assert abs(Fraction(found.value) - now) < Fraction(1, 10**18)
