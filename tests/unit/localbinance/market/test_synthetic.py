"""The synthetic market: the same for the same seed, on the grid, and alive as a market is."""

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localbinance.core.tick import Tick
from localbinance.market.synthetic import SyntheticMarket
from localbinance.rules.market_rules import load_market_rules

RULES = load_market_rules().symbols
SYMBOLS = ("BTCUSDC", "ETHUSDC", "1000PEPEUSDC")
START_MS = 1_750_003_200_000
HOUR_MS = 3_600_000


def a_market(seed: int = 7, days: int = 1) -> SyntheticMarket:
    return SyntheticMarket(SYMBOLS, seed=seed, start_ms=START_MS, rules=RULES, history_days=days)


@pytest.fixture(scope="module")
def hours() -> list[Tick]:
    return list(a_market().advance(START_MS + 3 * HOUR_MS))


@given(st.lists(st.integers(1, 1_200_000), min_size=1, max_size=12))
@settings(max_examples=15, deadline=None)
def test_the_ticks_do_not_depend_on_the_pieces_they_are_asked_for_in(pieces: list[int]) -> None:
    market, found, now_ms = a_market(), [], START_MS
    for piece in pieces:
        now_ms += piece
        found += list(market.advance(now_ms))
    assert found == list(a_market().advance(now_ms))


def test_another_seed_is_another_market() -> None:
    assert list(a_market(1).advance(START_MS + 60_000)) != list(a_market(2).advance(START_MS + 60_000))


def test_every_tick_is_on_the_grid_with_a_spread(hours: list[Tick]) -> None:
    for tick in hours:
        rules = RULES[tick.symbol]
        assert tick.bid < tick.ask
        assert tick.bid % rules.price_tick == tick.ask % rules.price_tick == tick.last % rules.price_tick == 0
        assert tick.quantity % rules.quantity_step == 0
        assert min(tick.bid_quantity, tick.ask_quantity) >= rules.quantity_step
        assert abs(tick.mark / tick.last - 1) < Decimal("0.02")


def test_times_rise_step_by_step_after_an_opening_without_trades(hours: list[Tick]) -> None:
    first = [tick for tick in hours if tick.time_ms == START_MS]
    assert [(tick.symbol, tick.quantity) for tick in first] == [(symbol, Decimal(0)) for symbol in SYMBOLS]
    times = [tick.time_ms for tick in hours if tick.symbol == "BTCUSDC"]
    assert {after - before for before, after in pairwise(times)} == {5_000}


def test_the_history_is_whole_and_joins_the_first_tick(hours: list[Tick]) -> None:
    for symbol in SYMBOLS:
        history = a_market().history(symbol)
        assert len(history) == 1_440
        assert all(after.open_ms - before.open_ms == 60_000 for before, after in pairwise(history))
        assert history[-1].close_ms == START_MS - 1
        assert all(
            each.low <= min(each.open, each.close) <= max(each.open, each.close) <= each.high for each in history
        )
        opening = next(tick for tick in hours if tick.symbol == symbol)
        assert opening.last == history[-1].close


def test_a_minute_of_the_history_is_the_same_in_whatever_way_it_is_looked_at() -> None:
    history = a_market().history("ETHUSDC")
    minutes = list(history)
    assert [history[number] for number in (0, 7, -1)] == [minutes[number] for number in (0, 7, -1)]
    assert history[-3:] == minutes[-3:]
    with pytest.raises(IndexError):
        history[len(history)]


def test_coins_follow_the_leader_and_calm_follows_calm() -> None:
    market = a_market(days=5)
    closes = {symbol: np.array([float(each.close) for each in market.history(symbol)]) for symbol in SYMBOLS}
    moves = {symbol: np.diff(np.log(closes[symbol][::5])) for symbol in SYMBOLS}
    assert np.corrcoef(moves["BTCUSDC"], moves["ETHUSDC"])[0, 1] > 0.5
    size = np.abs(moves["BTCUSDC"])
    assert np.corrcoef(size[:-1], size[1:])[0, 1] > 0.05, "volatility clusters"
    assert 0.0003 < float(np.std(np.diff(np.log(closes["BTCUSDC"])))) < 0.002


def test_a_step_or_a_start_off_the_minute_is_refused() -> None:
    with pytest.raises(ValueError, match="does not divide a minute"):
        SyntheticMarket(SYMBOLS, seed=1, start_ms=START_MS, rules=RULES, step_ms=7_000)
    with pytest.raises(ValueError, match="not a full minute"):
        SyntheticMarket(SYMBOLS, seed=1, start_ms=START_MS + 1, rules=RULES)
