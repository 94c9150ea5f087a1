"""The planner: what it approves passes every filter and limit, and what it does not approve has its reason."""

import math
from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.sections import BracketSettings, RiskLimits
from ratchet.config.settings import Settings
from ratchet.domain.market_rules import SymbolRules, check_order
from ratchet.domain.order import LimitOrder, MarketOrder, Side, StopOrder
from ratchet.domain.symbol import Symbol
from ratchet.risk.exposure import Exposure
from ratchet.risk.guard import Approved
from ratchet.trading.entries.planner import Planner, orders_of
from tests.unit.ratchet.risk.brackets import (
    LIMITS,
    NOW_MS,
    SHAPE,
    SIDES,
    SYMBOL,
    a_balance,
    a_bracket,
    a_close,
    a_day,
    a_signal,
    an_exposure,
    markets,
    shapes,
    some_rules,
)


def settings(shape: BracketSettings = SHAPE, limits: RiskLimits = LIMITS) -> Settings:
    return Settings.model_validate(
        {"exchange": {"api_key": "k", "api_secret": "s"}, "bracket": shape.model_dump(), "risk": limits.model_dump()}
    )


def planned(
    rules: SymbolRules | None = None,
    *,
    exposure: Exposure | None = None,
    price: str = "100000",
    side: Side = Side.BUY,
    shape: BracketSettings = SHAPE,
    atr_fraction: float = 0.001,
) -> Approved | str:
    traded: Mapping[Symbol, SymbolRules] = {SYMBOL: rules or some_rules()}
    planner = Planner(traded, lambda: settings(shape))
    return planner.plan(a_signal(price, side, atr_fraction=atr_fraction), exposure or an_exposure())


def reason(answer: Approved | str) -> str:
    assert isinstance(answer, str)
    return answer


@given(markets(), SIDES, shapes(), st.integers(1, 100_000))
def test_what_is_approved_passes_every_filter_and_risks_no_more_than_it_may(
    market: tuple[SymbolRules, Decimal], side: Side, shape: BracketSettings, equity: int
) -> None:
    rules, price = market
    exposure = an_exposure(a_balance(str(equity)))
    answer = planned(rules, exposure=exposure, price=str(price), side=side, shape=shape)
    if not isinstance(answer, Approved):
        assert answer
        return
    bracket = answer.bracket
    for order in orders_of(bracket):
        check_order(order, rules, price)
    lost = abs(bracket.price_entry - bracket.price_stop) * bracket.quantity
    assert lost <= equity * LIMITS.risk_per_trade_fraction


@pytest.mark.parametrize("side", list(Side))
def test_the_orders_are_an_entry_and_what_closes_it(side: Side) -> None:
    answer = planned(side=side, exposure=an_exposure(a_balance("4000")))
    assert isinstance(answer, Approved)
    entry, stop, *rungs = orders_of(answer.bracket)
    assert isinstance(entry, MarketOrder)
    assert isinstance(stop, StopOrder)
    assert (entry.side, stop.side) == (side, side.opposite)
    assert entry.quantity == stop.quantity == sum(rung.quantity for rung in rungs)
    assert stop.price_trigger == answer.bracket.price_stop
    assert len(rungs) == 3
    for rung in rungs:
        assert isinstance(rung, LimitOrder)
        assert rung.side is side.opposite
        assert rung.reduce_only
        assert rung.post_only


WIDE = BracketSettings(rung_fractions=(Decimal("0.06"),), rung_shares=(Decimal(1),))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (planned(some_rules(notional="1000000")), "MIN_NOTIONAL: BTCUSDC"),
        (planned(some_rules(price_max="101000")), "PRICE_FILTER: BTCUSDC price 101200"),
        (planned(price="95000", side=Side.SELL, shape=WIDE), ""),  # a price far below is no harm to a buyer
        (
            planned(exposure=an_exposure(a_balance("1"))),
            "the smallest order of BTCUSDC would be more than may be risked or paid for at leverage 5 (ATR 0.0010, win",
        ),
        (planned(exposure=an_exposure(held=[a_bracket("0.001")])), "already_held: a trade is open on BTCUSDC"),
        (
            planned(exposure=an_exposure(held=[a_bracket("0.001", symbol=f"X{n}USDC") for n in range(3)])),
            "too_many_positions: 3 are open, 3 may be",
        ),
        (planned(exposure=an_exposure(day=a_day("500"))), "day_loss: 100.00 USDC were lost today"),
    ],
)
def test_what_stands_in_the_way_is_named(answer: Approved | str, told: str) -> None:
    assert told in reason(answer) if told else isinstance(answer, Approved)


def test_a_symbol_without_rules_is_not_traded() -> None:
    assert reason(Planner({}, settings).plan(a_signal(), an_exposure())) == "BTCUSDC is not traded"


def test_a_signal_that_comes_too_late_is_not_entered_on() -> None:
    assert isinstance(planned(exposure=an_exposure(now_ms=NOW_MS + 30_000)), Approved)
    late = planned(exposure=an_exposure(now_ms=NOW_MS + 30_500))
    assert reason(late) == "too late: 30 s after its candle closed, 30 s at most"


def test_the_margin_of_entries_that_the_balance_does_not_show_yet_is_counted() -> None:
    assert isinstance(planned(), Approved)
    large = a_bracket(quantity="0.011", symbol=Symbol("ETHUSDC"))
    narrow = planned(exposure=an_exposure(held=[large], leverage=3))
    assert isinstance(narrow, Approved)
    assert narrow.bracket.quantity == Decimal("0.001")
    whole = a_bracket(quantity="0.004", symbol=Symbol("ETHUSDC"))
    assert "may be risked or paid for" in reason(planned(exposure=an_exposure(held=[whole], leverage=None)))


@pytest.mark.parametrize(("atr_fraction", "leverage"), [(0.001, 5), (0.004, 5), (0.008, 2), (math.nan, 1)])
def test_a_wild_market_is_entered_with_less_leverage(atr_fraction: float, leverage: int) -> None:
    answer = planned(exposure=an_exposure(a_balance("4000")), atr_fraction=atr_fraction)
    assert isinstance(answer, Approved)
    assert answer.leverage == leverage
    notional = answer.bracket.quantity * answer.bracket.price_entry
    assert notional <= 4_000 * leverage * LIMITS.position_notional_fraction_max


def test_margin_brackets_that_are_not_known_leave_the_smallest_leverage() -> None:
    answer = planned(exposure=an_exposure(a_balance("4000"), brackets=()))
    assert isinstance(answer, Approved)
    assert answer.leverage == LIMITS.leverage_min


def test_settings_that_change_hold_for_the_next_plan() -> None:
    limits = LIMITS
    planner = Planner({SYMBOL: some_rules()}, lambda: settings(limits=limits))
    before = planner.plan(a_signal(), an_exposure())
    limits = RiskLimits(risk_per_trade_fraction=Decimal("0.005"))
    after = planner.plan(a_signal(), an_exposure())
    assert isinstance(before, Approved)
    assert isinstance(after, Approved)
    assert (before.bracket.quantity, after.bracket.quantity) == (Decimal("0.002"), Decimal("0.001"))


def test_what_stands_in_the_way_whatever_the_size_is_named_before_the_size() -> None:
    cooling = an_exposure(a_balance("1"), closes=[a_close(1)])
    assert reason(planned(exposure=cooling)).startswith("cool_down: BTCUSDC is left alone until 12:44 UTC")
