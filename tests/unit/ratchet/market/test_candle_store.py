import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.candle import Candle
from ratchet.domain.symbol import Symbol
from ratchet.market.candle_store import CandleStore
from tests.unit.ratchet.market.candles import START_MS, STEP_MS, a_candle, candles

BTCUSDC = Symbol("BTCUSDC")


def a_store(*numbers: int, depth: int = 10) -> CandleStore:
    store = CandleStore(STEP_MS, depth)
    for number in numbers:
        store.append(BTCUSDC, a_candle(number))
    return store


def held(store: CandleStore) -> list[int] | None:
    """The numbers of the candles in the window, None if there is no window."""
    window = store.window(BTCUSDC)
    return None if window is None else [int(volume) for volume in window.volume]


def test_an_empty_store_has_no_window() -> None:
    store = a_store()
    assert (held(store), store.newest_ms(BTCUSDC), store.has_gap(BTCUSDC)) == (None, None, False)


def test_a_window_is_the_last_candles_oldest_first() -> None:
    store = a_store(0, 1, 2, 3, depth=3)
    window = store.window(BTCUSDC)
    assert window is not None
    assert window.timeframe_ms == STEP_MS
    assert window.open_ms.tolist() == [START_MS + number * STEP_MS for number in (1, 2, 3)]
    assert window.open_ms.dtype == np.int64
    assert [column[0] for column in (window.open, window.high, window.low, window.close)] == [100.1, 101.1, 99.1, 100.1]
    assert held(store) == [1, 2, 3]


def test_a_window_is_a_copy() -> None:
    store = a_store(0, 1)
    before = store.window(BTCUSDC)
    assert before is not None
    before.close[:] = 0
    store.append(BTCUSDC, a_candle(2))
    after = store.window(BTCUSDC)
    assert after is not None
    assert after.close.tolist() == [100.1] * 3
    assert len(before.close) == 2


def test_known_and_late_candles_change_nothing() -> None:
    store = a_store(0, 1, 2)
    assert not store.append(BTCUSDC, a_candle(2, close="7"))
    assert not store.append(BTCUSDC, a_candle(0))
    assert store.append(BTCUSDC, a_candle(3))
    assert held(store) == [0, 1, 2, 3]


def test_a_gap_takes_the_window_away_until_it_is_filled() -> None:
    store = a_store(0, 1, 4)
    assert store.has_gap(BTCUSDC)
    assert held(store) is None
    store.merge(BTCUSDC, candles(1, 4))
    assert not store.has_gap(BTCUSDC)
    assert held(store) == [0, 1, 2, 3, 4]


def test_a_reply_that_does_not_reach_the_gap_leaves_it_open() -> None:
    store = a_store(0, 1, 4)
    store.merge(BTCUSDC, candles(0, 3))
    assert store.has_gap(BTCUSDC)


def test_a_hole_that_the_exchange_has_itself_ends_the_window() -> None:
    store = a_store(0, 1, 4)
    store.merge(BTCUSDC, [*candles(0, 2), *candles(4, 6)])
    assert held(store) == [4, 5]


def test_after_a_long_outage_only_the_new_candles_count() -> None:
    store = a_store(0, 1, 2)
    store.merge(BTCUSDC, candles(100, 104))
    assert held(store) == [100, 101, 102, 103]


def test_an_empty_reply_changes_nothing() -> None:
    store = a_store(0, 1)
    store.merge(BTCUSDC, [])
    assert held(store) == [0, 1]


def test_a_candle_off_the_timeframe_is_refused() -> None:
    odd = a_candle(0)
    odd = Candle(**{name: getattr(odd, name) for name in odd.__slots__} | {"open_ms": odd.open_ms + 1})
    with pytest.raises(ValueError, match="BTCUSDC: a candle that opens at"):
        a_store().append(BTCUSDC, odd)


def test_symbols_are_apart_and_can_be_dropped() -> None:
    store = a_store(0)
    store.append(Symbol("ETHUSDC"), a_candle(5))
    store.drop(BTCUSDC)
    assert held(store) is None
    assert store.newest_ms(Symbol("ETHUSDC")) == START_MS + 5 * STEP_MS


@given(
    moves=st.lists(st.one_of(st.integers(0, 40), st.tuples(st.integers(0, 40), st.integers(0, 12)))),
    depth=st.integers(1, 12),
)
def test_a_window_never_has_a_hole_and_never_more_than_its_depth(
    moves: list[int | tuple[int, int]], depth: int
) -> None:
    store = a_store(depth=depth)
    for move in moves:
        if isinstance(move, int):
            store.append(BTCUSDC, a_candle(move))
        else:
            store.merge(BTCUSDC, candles(move[0], sum(move)))
        window = held(store)
        if window is not None:
            assert window == list(range(window[0], window[0] + len(window)))
            assert len(window) <= depth
