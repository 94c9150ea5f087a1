"""Sizing, planning, judging, moving stops: the rules that keep a trade within what was meant to be risked."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ratchet.config.sections import BracketSettings, RiskLimits
from ratchet.domain.market_rules import SymbolRules, check_order
from ratchet.domain.money import is_multiple
from ratchet.domain.order import Side
from ratchet.domain.position import Balance
from ratchet.domain.symbol import Symbol
from ratchet.risk.exposure import Exposure
from ratchet.risk.guard import Approved, Reason, Refused, judge
from ratchet.risk.plan import CannotPlan, plan_bracket
from ratchet.risk.sizing import size_entry
from ratchet.risk.stop_move import stop_after_rungs
from ratchet.trading.planner import Planner, orders_of
from tests.unit.ratchet.risk.brackets import MARKETS, SYMBOL, a_balance, a_signal, some_rules

SIDES = st.sampled_from(list(Side))
SHAPE, LIMITS = BracketSettings(), RiskLimits()


@given(MARKETS, SIDES, st.integers(10, 1_000_000))
def test_a_stop_never_costs_more_than_the_risk_of_a_trade(
    market: tuple[SymbolRules, Decimal], side: Side, equity: int
) -> None:
    rules, price = market
    quantity = size_entry(a_balance(str(equity)), price, SHAPE.stop_fraction, LIMITS, rules)
    assume(quantity > 0)
    try:
        bracket = plan_bracket(a_signal(str(price), side), quantity, SHAPE, rules)
    except CannotPlan:
        return
    lost = abs(bracket.price_entry - bracket.price_stop) * quantity
    assert lost <= equity * LIMITS.risk_per_trade_fraction
    assert quantity * price <= equity * LIMITS.leverage * LIMITS.position_notional_fraction_max


@given(MARKETS, SIDES, st.integers(1, 100_000))
def test_every_order_of_a_plan_is_on_the_grid_and_passes_the_filters(
    market: tuple[SymbolRules, Decimal], side: Side, steps: int
) -> None:
    rules, price = market
    quantity = rules.quantity_step * steps
    assume(quantity * price >= rules.notional_min)
    try:
        bracket = plan_bracket(a_signal(str(price), side), quantity, SHAPE, rules)
    except CannotPlan:
        return
    assert sum(rung.quantity for rung in bracket.rungs) == quantity
    for order in orders_of(bracket):
        check_order(order, rules, price)
    assert all(is_multiple(rung.price, rules.price_tick) for rung in bracket.rungs)
    assert all(rung.quantity >= rules.quantity_min for rung in bracket.rungs)


def test_a_quantity_of_one_step_has_one_rung() -> None:
    bracket = plan_bracket(a_signal(), Decimal("0.001"), SHAPE, some_rules())
    assert [rung.quantity for rung in bracket.rungs] == [Decimal("0.001")]


def test_the_usual_ladder_has_its_shares() -> None:
    bracket = plan_bracket(a_signal(), Decimal("0.010"), SHAPE, some_rules())
    assert [str(rung.quantity) for rung in bracket.rungs] == ["0.004", "0.003", "0.003"]
    assert [rung.price for rung in bracket.rungs] == [Decimal(100_400), Decimal(100_800), Decimal(101_200)]
    assert bracket.price_stop == 98_000


def test_a_tick_too_coarse_for_the_ladder_cannot_be_planned() -> None:
    with pytest.raises(CannotPlan, match="rungs do not climb"):
        plan_bracket(a_signal("100"), Decimal(1), SHAPE, some_rules(tick="1"))


def exposure(*, equity: str = "400", day_start: str = "400", available: str = "400", held: int = 0) -> Exposure:
    bracket = plan_bracket(a_signal(), Decimal("0.001"), SHAPE, some_rules())
    brackets = [replace(bracket, symbol=Symbol(f"X{number}USDC")) for number in range(held)]
    return Exposure(balance=a_balance(equity, available), equity_day_start=Decimal(day_start), open_brackets=brackets)


@pytest.mark.parametrize(
    ("stand", "reason"),
    [
        (exposure(held=3), Reason.TOO_MANY_POSITIONS),
        (exposure(equity="380"), Reason.DAY_LOSS),
        (exposure(equity="100", day_start="100"), Reason.TOO_LARGE),
        (exposure(available="10"), Reason.TOO_LITTLE_MARGIN),
    ],
)
def test_the_first_broken_limit_is_the_reason(stand: Exposure, reason: Reason) -> None:
    bracket = plan_bracket(a_signal(), Decimal("0.002"), SHAPE, some_rules())
    answer = judge(bracket, stand, LIMITS)
    assert isinstance(answer, Refused)
    assert answer.reason is reason


def test_a_symbol_is_held_once() -> None:
    bracket = plan_bracket(a_signal(), Decimal("0.002"), SHAPE, some_rules())
    answer = judge(bracket, replace(exposure(), open_brackets=[bracket]), LIMITS)
    assert isinstance(answer, Refused)
    assert answer.reason is Reason.ALREADY_HELD
    assert isinstance(judge(bracket, exposure(held=2), LIMITS), Approved)


@given(MARKETS, SIDES, st.integers(-300, 300), st.integers(0, 3), st.integers(-100, 100))
def test_a_stop_only_ever_gives_up_less(
    market: tuple[SymbolRules, Decimal], side: Side, slip: int, rungs: int, moved: int
) -> None:
    rules, price = market
    try:
        bracket = plan_bracket(a_signal(str(price), side), rules.quantity_step * 10, SHAPE, rules)
    except CannotPlan:
        return
    stop = bracket.price_stop + rules.price_tick * moved
    after = stop_after_rungs(
        bracket,
        price_entry=price + rules.price_tick * slip,
        price_stop=stop,
        rungs_filled=rungs,
        extra_fraction=SHAPE.break_even_extra_fraction,
        rules=rules,
    )
    assert side.sign * (after - stop) >= 0
    assert is_multiple(after, rules.price_tick)
    assert rungs or after == stop


def test_after_the_first_rung_the_stop_pays_for_the_fees() -> None:
    bracket = plan_bracket(a_signal(), Decimal("0.010"), SHAPE, some_rules())
    after = stop_after_rungs(
        bracket,
        price_entry=Decimal("100010"),
        price_stop=bracket.price_stop,
        rungs_filled=1,
        extra_fraction=Decimal("0.0005"),
        rules=some_rules(),
    )
    assert after == Decimal("100060.1")


def planned(balance: Balance, rules: Mapping[Symbol, SymbolRules]) -> Approved | str:
    return Planner(rules, LIMITS, SHAPE).plan(
        a_signal(), balance=balance, equity_day_start=Decimal(400), open_brackets=[]
    )


def test_the_planner_names_what_stands_in_the_way() -> None:
    assert "MIN_NOTIONAL" in str(planned(a_balance(), {SYMBOL: some_rules(notional="1000000")}))
    assert "not traded" in str(planned(a_balance(), {}))
    assert "may be risked" in str(planned(a_balance("1"), {SYMBOL: some_rules()}))
    assert isinstance(planned(a_balance(), {SYMBOL: some_rules()}), Approved)
