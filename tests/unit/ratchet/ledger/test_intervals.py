"""Intervals: as wide as the little that was seen leaves them, and where the textbook has them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.ledger.intervals import bootstrap_rate, wilson

SHARES = st.integers(1, 5_000).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(SHARES)
def test_the_share_that_was_seen_lies_within_and_the_interval_within_0_and_1(share: tuple[int, int]) -> None:
    wins, of = share
    interval = wilson(wins, of)
    assert 0 <= interval.low <= wins / of <= interval.high <= 1


@given(SHARES)
def test_wins_and_losses_are_each_others_mirror(share: tuple[int, int]) -> None:
    wins, of = share
    interval, mirror = wilson(wins, of), wilson(of - wins, of)
    assert interval.low == pytest.approx(1 - mirror.high, abs=1e-12)


@given(SHARES)
def test_four_times_as_many_of_the_same_share_are_surer(share: tuple[int, int]) -> None:
    wins, of = share
    few, many = wilson(wins, of), wilson(4 * wins, 4 * of)
    assert many.high - many.low < few.high - few.low


def test_the_textbooks_figures() -> None:
    interval = wilson(8, 10)
    assert (round(interval.low, 4), round(interval.high, 4)) == (0.4902, 0.9433)
    assert round(wilson(0, 10).high, 4) == 0.2775


@pytest.mark.parametrize(("wins", "of"), [(0, 0), (3, 2), (-1, 4)])
def test_what_is_no_share_has_no_interval(wins: int, of: int) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        wilson(wins, of)


def test_the_same_result_every_hour_is_certain() -> None:
    interval = bootstrap_rate([1.5] * 30, [1.0] * 30)
    assert interval is not None
    assert (interval.low, interval.high) == (1.5, 1.5)


def test_half_an_hour_counts_half() -> None:
    interval = bootstrap_rate([1.0, 0.5] * 20, [1.0, 0.5] * 20)
    assert interval is not None
    assert (interval.low, interval.high) == (1.0, 1.0)


def test_it_covers_the_true_rate_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(7)
    covered = 0
    for _ in range(100):
        interval = bootstrap_rate(random.normal(0.3, 2.0, 60).tolist(), [1.0] * 60)
        assert interval is not None
        covered += interval.low <= 0.3 <= interval.high
    assert 88 <= covered <= 100


def test_the_same_hours_give_the_same_interval() -> None:
    hours = [0.1, -2.0, 0.7, 1.1]
    assert bootstrap_rate(hours, [1.0] * 4) == bootstrap_rate(hours, [1.0] * 4)


def test_one_hour_says_nothing() -> None:
    assert bootstrap_rate([1.0], [1.0]) is None
    assert bootstrap_rate([1.0, 1.0], [0.0, 0.0]) is None
