"""ScalpingV1 and the rule of one and one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.order import Side
from ratchet.domain.signal import Kind, Vote
from ratchet.market.feed import DEPTH
from ratchet.strategy.decision import Decision, one_and_one
from ratchet.strategy.indicators import ema, macd
from ratchet.strategy.scalping_v1 import Parameters, candles_wanted, decide
from tests.recorded import needs_recorded
from tests.unit.ratchet.strategy.candles import candles_of, last_of, random_walk, recorded_candles


def a_vote(kind: Kind, side: Side | None) -> Vote:
    return Vote(name=str(kind), kind=kind, side=side, value=1.0, note="")


TREND, MOMENTUM, FILTER = Kind.TREND, Kind.MOMENTUM, Kind.FILTER


@pytest.mark.parametrize(
    ("votes", "enters"),
    [
        ([(TREND, Side.BUY), (MOMENTUM, Side.BUY)], True),
        ([(TREND, Side.BUY), (TREND, Side.BUY)], False),
        ([(MOMENTUM, Side.BUY), (MOMENTUM, Side.BUY)], False),
        ([(TREND, Side.BUY), (MOMENTUM, Side.BUY), (FILTER, None)], False),
        ([(TREND, Side.BUY), (MOMENTUM, Side.BUY), (FILTER, Side.SELL)], True),
        ([(TREND, Side.BUY), (MOMENTUM, Side.BUY), (TREND, Side.SELL)], True),
        ([(TREND, Side.BUY), (MOMENTUM, Side.BUY), (TREND, Side.SELL), (MOMENTUM, Side.SELL)], False),
    ],
)
def test_an_entry_needs_trend_and_momentum_and_more_for_than_against(
    votes: list[tuple[Kind, Side | None]], enters: bool
) -> None:
    decision = one_and_one([a_vote(*vote) for vote in votes], Side.BUY)
    assert (decision.side is Side.BUY) is enters
    assert enters or decision.reason


def test_a_turn_upwards_is_bought_and_its_mirror_image_sold() -> None:
    falling = 100 * np.exp(-0.0015 * np.arange(140))
    rising = falling[-1] * np.exp(0.006 * np.arange(1, 30))
    path = np.concatenate([falling, rising])
    sides = [decide(candles_of(path[: n + 1]), Parameters()).side for n in range(139, len(path))]
    mirrored = 10_000 / path
    opposite = [decide(candles_of(mirrored[: n + 1]), Parameters()).side for n in range(139, len(path))]
    assert Side.BUY in sides
    assert Side.SELL not in sides
    assert [None if side is None else side.opposite for side in sides] == opposite


def test_a_flat_market_and_too_few_candles_are_left_alone() -> None:
    assert decide(candles_of(np.full(150, 100.0)), Parameters()).side is None
    assert "are wanted" in decide(candles_of(np.full(20, 100.0)), Parameters()).reason


def entries(parameters: Parameters) -> list[Decision]:
    """What it says to 300 random walks, where it enters with the usual parameters."""
    windows = [candles_of(random_walk(seed)) for seed in range(300)]
    return [decide(window, parameters) for window in windows if decide(window, Parameters()).side is not None]


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.6), (0.0001, 0.0002)])
def test_a_market_that_moves_too_little_or_too_much_is_vetoed_by_its_atr(low: float, high: float) -> None:
    decisions = entries(Parameters(atr_fraction_min=low, atr_fraction_max=high))
    assert decisions
    assert all(decision.reason.startswith("atr: ATR") for decision in decisions)


def test_a_move_that_is_exhausted_is_not_followed() -> None:
    decisions = entries(Parameters(rsi_exhausted=49.0))
    assert decisions
    assert all(decision.reason.startswith("rsi_exhaustion") for decision in decisions)


def test_an_rsi_near_its_middle_has_no_opinion() -> None:
    for decision in entries(Parameters(rsi_beyond_middle=30.0, rsi_exhausted=1.0)):
        rsi = next(vote for vote in decision.votes if vote.name == "rsi")
        assert (rsi.side is None) == (20 <= rsi.value <= 80)


@pytest.mark.parametrize("seed", range(20))
def test_a_histogram_votes_while_it_grows_away_from_zero(seed: int) -> None:
    path = random_walk(seed)
    before, now = macd(path)[2][-2:]
    vote = next(vote for vote in decide(candles_of(path), Parameters()).votes if vote.name == "macd_histogram")
    grows = abs(now) > abs(before) if now * before > 0 else True
    assert vote.side == ((Side.BUY if now > 0 else Side.SELL) if grows else None)


def test_the_slowest_indicator_says_how_many_candles_are_wanted() -> None:
    assert candles_wanted(Parameters(atr_period=100)) > 100
    assert candles_wanted(Parameters(rsi_period=100)) > 100
    assert candles_wanted(Parameters(ema_slow=100)) > 100
    assert candles_wanted(Parameters(macd_slow=90, macd_signal=20)) > 110


@given(st.integers(0, 2_000))
def test_the_same_candles_give_the_same_decision_and_every_entry_has_its_one_and_one(seed: int) -> None:
    candles = candles_of(random_walk(seed))
    decision = decide(candles, Parameters())
    assert decision == decide(candles, Parameters())
    if decision.side is not None:
        kinds = {vote.kind for vote in decision.votes if vote.side is decision.side}
        assert {TREND, MOMENTUM} <= kinds


@pytest.mark.parametrize("seed", range(4))
def test_a_past_decision_stays_when_history_is_drawn_again_from_further_back(seed: int) -> None:
    candles = candles_of(random_walk(seed, length=600))
    for end in range(400, 600):
        seen_then = decide(last_of(candles, end, DEPTH), Parameters())
        drawn_again = decide(last_of(candles, end, end), Parameters())
        assert seen_then.side == drawn_again.side


def test_a_trend_is_entered_at_its_cross_and_not_again_on_every_candle() -> None:
    path = 100 * np.exp(np.cumsum(np.concatenate([np.full(140, -0.0015), np.full(40, 0.003)])))
    sides = [decide(candles_of(path[: n + 1]), Parameters()).side for n in range(120, len(path))]
    assert sides.count(Side.BUY) == 1


def test_it_speaks_neither_always_nor_never() -> None:
    count = sum(decide(candles_of(random_walk(seed)), Parameters()).side is not None for seed in range(2_000))
    assert 20 <= count <= 160


@needs_recorded
@pytest.mark.parametrize("symbol", ["BTCUSDC", "1000BONKUSDC"])
def test_on_recorded_candles_it_speaks_once_in_two_hours_or_so(symbol: str) -> None:
    candles = recorded_candles(symbol)
    windows = [last_of(candles, end) for end in range(150, len(candles.close))]
    count = sum(decide(window, Parameters()).side is not None for window in windows)
    assert 1.5 <= len(windows) / 12 / count <= 4


@pytest.mark.parametrize("seed", range(5))
def test_every_entry_is_a_cross_of_the_averages(seed: int) -> None:
    path = random_walk(seed, length=400)
    for end in range(150, len(path)):
        decision = decide(candles_of(path[end - 150 : end]), Parameters())
        if decision.side is not None:
            distance = ema(path[end - 150 : end], 9) - ema(path[end - 150 : end], 21)
            assert decision.side.sign * distance[-1] > 0 > decision.side.sign * distance[-2]
