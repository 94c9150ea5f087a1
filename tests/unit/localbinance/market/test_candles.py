"""The candle book against a slow and simple reference."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localbinance.core.tick import Tick
from localbinance.market.candles import INTERVALS_MS, Candle, CandleBook, interval_start

MINUTE_MS = 60_000
START_MS = 1_750_003_200_000  # a full hour
PRICE = Decimal(100)


def a_tick(at_ms: int, price: int, quantity: int) -> Tick:
    last = Decimal(price)
    return Tick("X", at_ms, last, PRICE, last + 1, PRICE, last, Decimal(quantity), 2, price % 2 == 0, last, last)


def history(minutes: int) -> list[Candle]:
    return [
        Candle(
            open_ms=START_MS - (minutes - number) * MINUTE_MS,
            close_ms=START_MS - (minutes - number - 1) * MINUTE_MS - 1,
            open=PRICE,
            high=PRICE + number % 7,
            low=PRICE - number % 5,
            close=PRICE,
            volume=Decimal(number),
            volume_quote=Decimal(number) * PRICE,
            trades=number,
            taker_buy_volume=Decimal(0),
            taker_buy_volume_quote=Decimal(0),
        )
        for number in range(minutes)
    ]


def a_book(minutes: int = 120) -> CandleBook:
    return CandleBook("X", history(minutes), MINUTE_MS, START_MS)


def reference(ticks: Sequence[Tick], open_ms: int, interval_ms: int) -> list[Tick]:
    """The traded ticks of one interval."""
    return [tick for tick in ticks if tick.quantity and open_ms < tick.time_ms <= open_ms + interval_ms]


TICKS = st.lists(st.tuples(st.integers(1, 24), st.integers(50, 150), st.integers(0, 3)), min_size=1, max_size=80)


@given(TICKS, st.sampled_from(["1m", "3m", "5m", "15m", "1h"]))
def test_candles_are_what_the_ticks_say(steps: list[tuple[int, int, int]], interval: str) -> None:
    book, ticks, now_ms = a_book(), [], START_MS
    for waited, price, quantity in steps:
        now_ms += waited * 5_000
        ticks.append(a_tick(now_ms, price, quantity))
        book.on_tick(ticks[-1])
        book.on_time(now_ms)
    interval_ms = INTERVALS_MS[interval]
    close = PRICE
    for candle in book.candles(interval, start_ms=START_MS, limit=1_000, now_ms=now_ms):
        traded = reference(ticks, candle.open_ms, interval_ms)
        prices = [tick.last for tick in traded] or [close]
        opened = prices[0]
        assert (candle.open, candle.high, candle.low, candle.close) == (opened, max(prices), min(prices), prices[-1])
        assert candle.volume == sum(tick.quantity for tick in traded)
        assert candle.trades == sum(tick.trades for tick in traded)
        close = candle.close


@pytest.mark.parametrize("interval", ["1m", "3m", "5m", "30m", "1h", "2h"])
def test_candles_follow_each_other_without_a_hole_the_forming_one_last(interval: str) -> None:
    book, now_ms = a_book(600), START_MS + 90_000
    found = book.candles(interval, limit=5, now_ms=now_ms)
    interval_ms = INTERVALS_MS[interval]
    assert [candle.open_ms for candle in found] == [
        interval_start(now_ms, interval_ms) - (4 - number) * interval_ms for number in range(5)
    ]
    closed = book.last_closed(interval, now_ms)
    assert closed == found[-2]


def test_start_and_end_choose_by_the_opening_time_and_limit_from_the_right_side() -> None:
    book = a_book()
    opens = [START_MS - number * MINUTE_MS for number in range(10, 0, -1)]
    chosen = book.candles("1m", start_ms=opens[0], end_ms=opens[-1], limit=100, now_ms=START_MS)
    assert [candle.open_ms for candle in chosen] == opens
    assert book.candles("1m", start_ms=opens[0], limit=3, now_ms=START_MS) == chosen[:3]
    assert book.candles("1m", end_ms=opens[-1], limit=3, now_ms=START_MS) == chosen[-3:]


def test_an_interval_whose_beginning_is_not_known_is_left_out() -> None:
    book = a_book(70)
    found = book.candles("1h", limit=10, now_ms=START_MS + 1)
    assert [candle.open_ms for candle in found] == [START_MS - 3_600_000, START_MS]


def test_minutes_without_a_trade_are_flat() -> None:
    book = a_book()
    book.on_tick(a_tick(START_MS + 5_000, 120, 1))
    found = book.candles("1m", start_ms=START_MS, limit=10, now_ms=START_MS + 3 * MINUTE_MS)
    assert [(candle.close, candle.volume) for candle in found[1:]] == [(Decimal(120), Decimal(0))] * 3


def test_the_day_rolls() -> None:
    book = a_book(2_000)
    assert book.day(START_MS).volume == sum(candle.volume for candle in history(2_000)[-1_440:])
    book.on_tick(a_tick(START_MS + 5_000, 500, 2))
    day = book.day(START_MS + 5_000)
    assert (day.high, day.last, day.trades) == (Decimal(500), Decimal(500), sum(range(560, 2_000)) + 2)
