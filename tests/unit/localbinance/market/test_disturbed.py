"""The disturbed market: jumps that stay and jumps that pass, on the grid; without any, the market itself."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localbinance.core.tick import Tick
from localbinance.market.candles import Candle, CandleBook
from localbinance.market.disturbed import Disturbed, Flash, Gap, moved
from localbinance.market.source import Market
from localbinance.market.synthetic import SyntheticMarket
from localbinance.rules.market_rules import load_market_rules
from localbinance.rules.rejection import Rejection

RULES = load_market_rules().symbols
SYMBOL, OTHER = "BTCUSDC", "ETHUSDC"
START_MS = 1_750_003_200_000
STEP_MS = 5_000


def plain() -> SyntheticMarket:
    return SyntheticMarket((SYMBOL, OTHER), seed=7, start_ms=START_MS, rules=RULES, history_days=1, step_ms=STEP_MS)


def disturbed() -> Disturbed:
    return Disturbed(plain(), RULES)


def of(symbol: str, ticks: Iterable[Tick]) -> list[Tick]:
    return [tick for tick in ticks if tick.symbol == symbol]


def factors(market: Disturbed, untouched: SyntheticMarket, steps: int) -> list[Decimal]:
    """By how much the mark price differs from what it would have been, in whole percent, step by step."""
    to_ms = START_MS + 60_000 + steps * STEP_MS
    pairs = zip(of(SYMBOL, market.advance(to_ms)), of(SYMBOL, untouched.advance(to_ms)), strict=True)
    return [(changed.mark / usual.mark * 100).quantize(Decimal(1)) for changed, usual in pairs]


def begun(act: Gap | Flash) -> tuple[Disturbed, SyntheticMarket]:
    """A minute has passed, then it is disturbed."""
    market, untouched = disturbed(), plain()
    for each in (market, untouched):
        list(each.advance(START_MS + 60_000))
    market.disturb(act)
    return market, untouched


def candles(market: Market) -> list[Candle]:
    """The second and the third minute."""
    book, end_ms = CandleBook(SYMBOL, market.history(SYMBOL), market.interval_ms, START_MS), START_MS + 180_000
    for tick in of(SYMBOL, market.advance(end_ms)):
        book.on_tick(tick)
    return book.candles("1m", start_ms=START_MS + 60_000, limit=2, now_ms=end_ms)


def test_undisturbed_it_is_the_market_beneath() -> None:
    market, untouched = disturbed(), plain()
    assert list(market.advance(START_MS + 60_000)) == list(untouched.advance(START_MS + 60_000))
    for name in ("name", "symbols", "start_ms", "end_ms", "step_ms", "interval_ms"):
        assert getattr(market, name) == getattr(untouched, name)
    assert list(market.history(SYMBOL)) == list(untouched.history(SYMBOL))
    assert market.price_reference(SYMBOL) == untouched.price_reference(SYMBOL)


def test_a_gap_shows_with_the_next_tick_and_stays_and_touches_no_other_symbol() -> None:
    market, untouched = begun(Gap(symbol=SYMBOL, fraction=Decimal("-0.05")))
    assert factors(market, untouched, 4) == [Decimal(95)] * 4
    market.disturb(Gap(symbol=SYMBOL, fraction=Decimal("0.10")))
    to_ms = START_MS + 200_000
    changed, usual = list(market.advance(to_ms)), list(untouched.advance(to_ms))
    assert of(OTHER, changed) == of(OTHER, usual)
    last, was = of(SYMBOL, changed)[-1], of(SYMBOL, usual)[-1]
    assert last.mark == (was.mark * Decimal("1.045")).quantize(Decimal("0.00000001")), "gaps multiply"


@pytest.mark.parametrize(
    ("returns", "expected"), [("evenly", [90, 92, 95, 98, 100, 100]), ("at_once", [90, 90, 90, 90, 100, 100])]
)
def test_a_flash_begins_whole_and_is_gone_in_time(returns: Literal["evenly", "at_once"], expected: list[int]) -> None:
    act = Flash(symbol=SYMBOL, fraction=Decimal("-0.1"), for_ms=4 * STEP_MS, returns=returns)
    market, untouched = begun(act)
    assert factors(market, untouched, 6) == [Decimal(each) for each in expected]
    to_ms = START_MS + 300_000
    assert list(market.advance(to_ms)) == list(untouched.advance(to_ms))


def test_a_flash_shorter_than_a_step_still_shows_once() -> None:
    market, untouched = begun(Flash(symbol=SYMBOL, fraction=Decimal("0.1"), for_ms=1))
    assert factors(market, untouched, 3) == [Decimal(110), Decimal(100), Decimal(100)]


def test_candles_of_a_flash_hold_its_price() -> None:
    market, untouched = begun(Flash(symbol=SYMBOL, fraction=Decimal("-0.2"), for_ms=30_000))
    changed, usual = (candles(each) for each in (market, untouched))
    assert changed[0].low < usual[0].low * Decimal("0.9")
    assert (changed[0].close, changed[1], changed[0].volume) == (usual[0].close, usual[1], usual[0].volume)


prices = st.decimals(min_value=300, max_value=200_000, places=1)


@given(
    bid=prices,
    spread=st.integers(1, 50),
    last=st.integers(-3, 53),
    factor=st.decimals(min_value="0.01", max_value="11", places=6),
)
def test_moved_prices_are_on_the_grid_and_keep_their_order(
    bid: Decimal, spread: int, last: int, factor: Decimal
) -> None:
    rules = RULES[SYMBOL]
    ask, traded = bid + spread * rules.price_tick, bid + last * rules.price_tick
    tick = moved(
        Tick(SYMBOL, 0, bid, Decimal(1), ask, Decimal(1), traded, Decimal(1), 1, True, bid, bid), factor, rules
    )
    assert rules.price_min <= tick.bid < tick.ask <= rules.price_max
    for price in (tick.bid, tick.ask, tick.last):
        assert price % rules.price_tick == 0
    assert tick.last <= tick.bid or traded > bid
    assert tick.last >= tick.ask or traded < ask
    assert tick.bid <= tick.last <= tick.ask or not bid <= traded <= ask
    assert min(tick.mark, tick.index) > 0


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(Rejection, match="-1121"):
        disturbed().disturb(Gap(symbol="NOPE", fraction=Decimal("0.1")))
    for fraction in ("-1", "11"):
        with pytest.raises(ValueError, match="fraction is"):
            Gap(symbol=SYMBOL, fraction=Decimal(fraction))
    with pytest.raises(ValueError, match="for_ms is 0"):
        Flash(symbol=SYMBOL, fraction=Decimal("0.1"), for_ms=0)
