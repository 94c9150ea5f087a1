"""Correlation: of returns, over common candles only, and not known where it cannot be known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.sections import RiskLimits
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.risk.correlation import Companions, companions, correlation
from tests.unit.ratchet.risk.brackets import LIMITS, MINUTE_MS, NOW_MS, SYMBOL, a_bracket, a_path, candles

ETH = Symbol("ETHUSDC")


def test_the_same_moves_at_another_price_are_wholly_correlated() -> None:
    walk = a_path(1)
    found = correlation(candles(walk), candles([price * 7 for price in walk]), 72)
    assert found == pytest.approx(1.0)


def test_opposite_moves_are_wholly_against_each_other() -> None:
    walk = a_path(1)
    assert correlation(candles(walk), candles([1 / price for price in walk]), 72) == pytest.approx(-1.0)


def test_it_is_pearsons_of_the_log_returns_of_the_last_candles() -> None:
    one, other = a_path(1, 200), a_path(2, 150)
    wanted = np.corrcoef(np.diff(np.log(one[-73:])), np.diff(np.log(other[-73:])))[0, 1]
    assert correlation(candles(one), candles(other), 72) == pytest.approx(float(wanted))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (candles([]), candles(a_path(1))),
        (candles(a_path(1, 15)), candles(a_path(1, 100))),  # 14 returns in common
        (candles([100.0] * 100), candles(a_path(1))),
        (candles(a_path(1)), candles(a_path(1), until_ms=NOW_MS - 25 * MINUTE_MS)),  # ends 5 candles before
        (candles([0.0, *a_path(1, 50)]), candles(a_path(1, 51))),
    ],
)
def test_what_cannot_be_told_is_not_guessed(one: CandleArrays, other: CandleArrays) -> None:
    with np.errstate(divide="ignore"):
        assert correlation(one, other, 72) is None


def test_candles_that_end_a_little_earlier_are_compared_where_both_are() -> None:
    walk = a_path(1, 100)
    found = correlation(candles(walk), candles(walk[:-2], until_ms=NOW_MS - 10 * MINUTE_MS), 72)
    assert found == pytest.approx(1.0)


@given(st.integers(0, 1_000), st.integers(0, 1_000), st.integers(20, 100))
def test_it_is_between_the_two_extremes_and_the_same_both_ways(one: int, other: int, count: int) -> None:
    first, second = candles(a_path(one)), candles(a_path(other))
    found, back = correlation(first, second, count), correlation(second, first, count)
    assert found is not None
    assert -1 <= found <= 1
    assert back == pytest.approx(found)


@pytest.mark.parametrize(
    ("side", "held_side", "inverse", "together"),
    [
        (Side.BUY, Side.BUY, False, True),
        (Side.SELL, Side.SELL, False, True),
        (Side.BUY, Side.SELL, False, False),
        (Side.BUY, Side.SELL, True, True),
        (Side.BUY, Side.BUY, True, False),
    ],
)
def test_a_short_of_what_falls_when_the_other_rises_wins_and_loses_with_it(
    side: Side, held_side: Side, inverse: bool, together: bool
) -> None:
    walk = a_path(3)
    held = a_bracket("0.001", held_side, ETH)
    known = {SYMBOL: candles(walk), ETH: candles([1 / price for price in walk] if inverse else walk)}
    found = companions(SYMBOL, side, [held], known, LIMITS)
    assert found == Companions(known=(held.symbol,) if together else ())


def test_how_much_is_together_is_a_setting() -> None:
    rng = np.random.default_rng(5)
    walk = np.array(a_path(3, 200))
    noisy = walk * np.exp(np.cumsum(rng.normal(0, 0.002, 200)))  # about 0.7
    held = [a_bracket("0.001", symbol=ETH)]
    known = {SYMBOL: candles(list(walk)), ETH: candles(list(noisy))}
    counts = [
        companions(SYMBOL, Side.BUY, held, known, RiskLimits(correlation_min=least)).count for least in (0.3, 0.95)
    ]
    assert counts == [1, 0]


def test_what_is_not_known_counts_on_the_same_side_only() -> None:
    held = [a_bracket("0.001", symbol=ETH), a_bracket("0.001", Side.SELL, "SOLUSDC")]
    found = companions(SYMBOL, Side.BUY, held, {}, LIMITS)
    assert found == Companions(unknown=(held[0].symbol,))


def test_a_jump_over_candles_that_one_of_them_lacks_is_no_return() -> None:
    one, other = a_path(1, 100), a_path(2, 100)
    jumped = [*one[:50], *(price * 3 for price in one[50:])]
    also_jumped = candles([*other[:50], *(price * 3 for price in other[50:])])
    kept = np.r_[0:45, 55:100]
    holed = CandleArrays(
        timeframe_ms=also_jumped.timeframe_ms,
        open_ms=also_jumped.open_ms[kept],
        open=also_jumped.open[kept],
        high=also_jumped.high[kept],
        low=also_jumped.low[kept],
        close=also_jumped.close[kept],
        volume=also_jumped.volume[kept],
    )
    found = correlation(candles(jumped), holed, 72)
    assert found is not None
    assert abs(found) < 0.5
