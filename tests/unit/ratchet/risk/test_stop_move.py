"""The stop: to break-even after the first rung, and never a tick back."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import is_multiple
from ratchet.domain.order import Side
from ratchet.risk.plan import plan_bracket
from ratchet.risk.stop_move import stop_after_rungs
from tests.unit.ratchet.risk.brackets import SHAPE, SIDES, a_bracket, a_signal, markets, some_rules

EXTRA = Decimal("0.0005")


@given(markets(), SIDES, st.integers(-300, 300), st.integers(0, 3), st.integers(-1_000, 3_000))
def test_a_stop_only_ever_gives_up_less(
    market: tuple[SymbolRules, Decimal], side: Side, slip: int, rungs: int, moved: int
) -> None:
    rules, price = market
    bracket = plan_bracket(a_signal(str(price), side), rules.quantity_min * 10, SHAPE, rules)
    entry = price + rules.price_tick * slip
    # Anywhere from beyond the first stop to far on the winning side of the entry.
    stop = bracket.price_stop + side.sign * rules.price_tick * int(price / rules.price_tick * moved / 100_000)
    after = stop_after_rungs(
        bracket, price_entry=entry, price_stop=stop, rungs_filled=rungs, extra_fraction=EXTRA, rules=rules
    )
    assert side.sign * (after - stop) >= 0
    assert is_multiple(after, rules.price_tick)
    if rungs:
        assert side.sign * (after - entry * (1 + side.sign * EXTRA)) >= 0
    else:
        assert after == stop


@given(SIDES, st.lists(st.integers(0, 3), max_size=6))
def test_asked_again_and_again_it_stays_where_it_is(side: Side, fills: list[int]) -> None:
    bracket = a_bracket(side=side)
    stops = [bracket.price_stop]
    for rungs in fills:
        stops.append(
            stop_after_rungs(
                bracket,
                price_entry=bracket.price_entry,
                price_stop=stops[-1],
                rungs_filled=rungs,
                extra_fraction=EXTRA,
                rules=some_rules(),
            )
        )
    assert [side.sign * stop for stop in stops] == sorted(side.sign * stop for stop in stops)
    assert len(set(stops)) == (2 if any(fills) else 1)


# A tick of 0.1: 100 060.005 goes up to .1 for a long, 99 959.995 down to .9 for a short, so that the fees are paid.
@pytest.mark.parametrize(
    ("side", "entry", "expected"), [(Side.BUY, "100010", "100060.1"), (Side.SELL, "100010", "99959.9")]
)
def test_after_the_first_rung_the_stop_pays_for_the_fees(side: Side, entry: str, expected: str) -> None:
    bracket = a_bracket(side=side)
    after = stop_after_rungs(
        bracket,
        price_entry=Decimal(entry),
        price_stop=bracket.price_stop,
        rungs_filled=1,
        extra_fraction=EXTRA,
        rules=some_rules(),
    )
    assert after == Decimal(expected)
