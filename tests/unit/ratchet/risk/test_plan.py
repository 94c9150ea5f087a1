"""Plans: on the grid, whole, within the risk, and of as many rungs as the exchange takes."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ratchet.config.sections import BracketSettings
from ratchet.domain.market_rules import SymbolRules, check_order
from ratchet.domain.money import is_multiple
from ratchet.domain.order import Side
from ratchet.risk.plan import CannotPlan, plan_bracket
from ratchet.risk.sizing import size_entry
from ratchet.trading.entries.planner import orders_of
from tests.unit.ratchet.risk.brackets import (
    LIMITS,
    SHAPE,
    SIDES,
    a_balance,
    a_bracket,
    a_signal,
    markets,
    shapes,
    some_rules,
)


@given(markets(), SIDES, shapes(), st.integers(100, 1_000_000))
def test_a_stop_never_costs_more_than_the_risk_of_a_trade(
    market: tuple[SymbolRules, Decimal], side: Side, shape: BracketSettings, equity: int
) -> None:
    rules, price = market
    quantity = size_entry(a_balance(str(equity)), price, shape.stop_fraction, LIMITS.leverage, LIMITS, rules)
    assume(quantity > 0)
    bracket = plan_bracket(a_signal(str(price), side), quantity, shape, rules)
    assert abs(bracket.price_entry - bracket.price_stop) * quantity <= equity * LIMITS.risk_per_trade_fraction


@given(markets(), SIDES, shapes(), st.integers(1, 2_000))
def test_every_order_of_a_plan_is_on_the_grid_and_passes_the_filters(
    market: tuple[SymbolRules, Decimal], side: Side, shape: BracketSettings, steps: int
) -> None:
    rules, price = market
    quantity = rules.quantity_min + rules.quantity_step * (steps - 1)
    assume(quantity * price >= rules.notional_min)
    bracket = plan_bracket(a_signal(str(price), side), quantity, shape, rules)
    for order in orders_of(bracket):
        check_order(order, rules, price)
    assert sum(rung.quantity for rung in bracket.rungs) == bracket.quantity == quantity
    assert all(is_multiple(rung.quantity, rules.quantity_step) for rung in bracket.rungs)
    assert all(is_multiple(rung.price, rules.price_tick) for rung in bracket.rungs)
    assert is_multiple(bracket.price_stop, rules.price_tick)
    assert len(bracket.rungs) <= len(shape.rung_fractions)


@given(markets(), SIDES, shapes(), st.integers(1, 2_000))
def test_rungs_are_never_nearer_and_the_stop_never_farther_than_the_settings_say(
    market: tuple[SymbolRules, Decimal], side: Side, shape: BracketSettings, steps: int
) -> None:
    rules, price = market
    quantity = rules.quantity_min + rules.quantity_step * (steps - 1)
    bracket = plan_bracket(a_signal(str(price), side), quantity, shape, rules)
    tick = rules.price_tick
    wanted = [price * (1 + side.sign * fraction) for fraction in shape.rung_fractions]
    assert all(any(0 <= side.sign * (rung.price - at) < tick for at in wanted) for rung in bracket.rungs)
    assert 0 <= side.sign * (bracket.price_stop - price * (1 - side.sign * shape.stop_fraction)) < tick


@given(markets(), SIDES, shapes(), st.integers(1, 2_000))
def test_nothing_is_taken_off_earlier_than_its_share(
    market: tuple[SymbolRules, Decimal], side: Side, shape: BracketSettings, steps: int
) -> None:
    rules, price = market
    quantity = rules.quantity_min + rules.quantity_step * (steps - 1)
    bracket = plan_bracket(a_signal(str(price), side), quantity, shape, rules)
    assume(len(bracket.rungs) == len(shape.rung_shares))
    for rung, share in zip(bracket.rungs[:-1], shape.rung_shares[:-1], strict=True):
        assert 0 <= quantity * share - rung.quantity < rules.quantity_step


@pytest.mark.parametrize(
    ("quantity", "steps_min", "ladder"),
    [
        ("0.010", 1, [("100400", "0.004"), ("100800", "0.003"), ("101200", "0.003")]),
        ("0.011", 1, [("100400", "0.004"), ("100800", "0.003"), ("101200", "0.004")]),
        ("0.001", 1, [("101200", "0.001")]),
        ("0.002", 1, [("100800", "0.001"), ("101200", "0.001")]),
        ("0.010", 4, [("100400", "0.004"), ("101200", "0.006")]),
        ("0.007", 3, [("100800", "0.004"), ("101200", "0.003")]),
        ("0.012", 4, [("100400", "0.004"), ("101200", "0.008")]),
        ("0.010", 5, [("100800", "0.010")]),
    ],
)
def test_a_rung_too_small_to_be_an_order_gives_its_share_to_another(
    quantity: str, steps_min: int, ladder: list[tuple[str, str]]
) -> None:
    bracket = plan_bracket(a_signal(), Decimal(quantity), SHAPE, some_rules(steps_min=steps_min))
    assert [(rung.price, rung.quantity) for rung in bracket.rungs] == [(Decimal(at), Decimal(of)) for at, of in ladder]


@pytest.mark.parametrize(
    ("side", "stop", "rungs"),
    [(Side.BUY, 98_000, [100_400, 100_800, 101_200]), (Side.SELL, 102_000, [99_600, 99_200, 98_800])],
)
def test_the_usual_bracket_in_both_directions(side: Side, stop: int, rungs: list[int]) -> None:
    bracket = a_bracket(side=side)
    assert bracket.price_stop == stop
    assert [rung.price for rung in bracket.rungs] == rungs
    assert bracket.hold_ms_max == 600_000


def test_a_tick_too_coarse_for_the_ladder_cannot_be_planned() -> None:
    with pytest.raises(CannotPlan, match="rungs do not climb"):
        plan_bracket(a_signal("100"), Decimal(1), SHAPE, some_rules(tick="1"))
