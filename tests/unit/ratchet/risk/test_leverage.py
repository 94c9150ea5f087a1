"""Leverage: less of it in a wild market and after losses, never more than profile and bracket allow."""

import math
from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.sections import RiskLimits
from ratchet.risk.leverage import choose_leverage, leverage_cap, win_rate
from ratchet.risk.record import Close
from tests.unit.ratchet.risk.brackets import a_close, some_brackets

LIMITS = RiskLimits(leverage=10, leverage_min=2, leverage_atr_fraction=0.004, win_rate_window=20)
STEPS = (*some_brackets(50, cap="1000"), *some_brackets(5, cap="5000"))


def trades(wins: int, losses: int) -> list[Close]:
    ends = ["5"] * wins + ["-4"] * losses
    return [a_close(100 - number, net=net, number=number) for number, net in enumerate(ends)]


@pytest.mark.parametrize(
    ("atr_fraction", "closes", "notional", "leverage"),
    [
        (0.001, [], "100", 10),
        (0.004, [], "100", 10),
        (0.005, [], "100", 8),
        (0.008, [], "100", 5),
        (0.5, [], "100", 2),
        (math.nan, [], "100", 2),
        (0.0, [], "100", 2),
        (0.001, trades(11, 9), "100", 10),
        (0.001, trades(20, 0), "100", 10),
        (0.001, trades(5, 15), "100", 4),
        (0.001, trades(0, 20), "100", 2),
        (0.001, trades(0, 4), "100", 8),
        (0.001, trades(0, 20) + trades(20, 0), "100", 10),  # what is out of the window is forgotten
        (0.008, trades(5, 15), "100", 2),
        (0.001, [], "1000", 10),
        (0.001, [], "1001", 5),
        (0.001, [], "5001", 1),
    ],
)
def test_leverage_by_atr_wins_and_bracket(
    atr_fraction: float, closes: Sequence[Close], notional: str, leverage: int
) -> None:
    assert choose_leverage(atr_fraction, closes, STEPS, Decimal(notional), LIMITS).value == leverage


def test_brackets_that_are_not_known_give_the_least_and_say_so() -> None:
    chosen = choose_leverage(0.001, [], (), Decimal(100), LIMITS)
    assert (chosen.value, chosen.why) == (2, "margin brackets not known")


def test_the_reason_is_readable() -> None:
    assert choose_leverage(0.0084, trades(5, 15), STEPS, Decimal(2_000), LIMITS).why == "ATR 0.0084, win rate 25%"
    assert choose_leverage(0.001, [], STEPS, Decimal(2_000), LIMITS).why.endswith("bracket allows 5")


def test_the_same_arguments_in_a_wilder_market_or_with_more_losses_never_give_more() -> None:
    by_atr = [choose_leverage(n / 2_000, [], STEPS, Decimal(9), LIMITS).value for n in range(1, 60)]
    by_losses = [choose_leverage(0.001, trades(20 - n, n), STEPS, Decimal(9), LIMITS).value for n in range(21)]
    assert by_atr == sorted(by_atr, reverse=True)
    assert by_losses == sorted(by_losses, reverse=True)


@given(
    st.floats(allow_nan=True, allow_infinity=True),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(1, 10_000),
    st.integers(1, 50),
    st.integers(1, 50),
)
def test_it_is_within_profile_and_bracket_whatever_comes(
    atr_fraction: float, wins: int, losses: int, notional: int, one: int, other: int
) -> None:
    limits = RiskLimits(leverage=max(one, other), leverage_min=min(one, other))
    chosen = choose_leverage(atr_fraction, trades(wins, losses), STEPS, Decimal(notional), limits).value
    assert 1 <= chosen <= limits.leverage
    assert chosen >= min(limits.leverage_min, leverage_cap(STEPS, Decimal(notional)))


def test_trades_that_lack_count_as_meeting_the_target() -> None:
    assert win_rate([], LIMITS) == pytest.approx(0.55)
    assert win_rate(trades(0, 10), LIMITS) == pytest.approx(0.275)


def test_a_rate_that_meets_its_target_costs_nothing_whatever_binary_fractions_make_of_it() -> None:
    limits = RiskLimits(leverage=10, win_rate_window=20, win_rate_target=Decimal("0.47"))
    assert win_rate([], limits) < 0.47
    assert choose_leverage(0.001, [], STEPS, Decimal(100), limits).value == 10
