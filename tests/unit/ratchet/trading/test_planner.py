"""The planner: what it approves passes every filter and limit, and what it does not approve has its reason."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.sections import BracketSettings
from ratchet.domain.bracket import Bracket
from ratchet.domain.market_rules import SymbolRules, check_order
from ratchet.domain.order import LimitOrder, MarketOrder, Side, StopOrder
from ratchet.domain.position import Balance
from ratchet.domain.symbol import Symbol
from ratchet.risk.guard import Approved
from ratchet.trading.planner import Planner, orders_of
from tests.unit.ratchet.risk.brackets import (
    LIMITS,
    SHAPE,
    SIDES,
    SYMBOL,
    a_balance,
    a_bracket,
    a_signal,
    markets,
    shapes,
    some_rules,
)


def planned(
    rules: SymbolRules | None = None,
    *,
    balance: Balance | None = None,
    price: str = "100000",
    side: Side = Side.BUY,
    shape: BracketSettings = SHAPE,
    day_start: str = "400",
    held: Sequence[Bracket] = (),
    now_ms: int = 0,
) -> Approved | str:
    traded: Mapping[Symbol, SymbolRules] = {SYMBOL: rules or some_rules()}
    return Planner(traded, LIMITS, shape).plan(
        a_signal(price, side),
        now_ms=now_ms,
        balance=balance or a_balance(),
        equity_day_start=Decimal(day_start),
        open_brackets=held,
    )


def reason(answer: Approved | str) -> str:
    assert isinstance(answer, str)
    return answer


@given(markets(), SIDES, shapes(), st.integers(1, 100_000))
def test_what_is_approved_passes_every_filter_and_risks_no_more_than_it_may(
    market: tuple[SymbolRules, Decimal], side: Side, shape: BracketSettings, equity: int
) -> None:
    rules, price = market
    answer = planned(
        rules, balance=a_balance(str(equity)), price=str(price), side=side, shape=shape, day_start=str(equity)
    )
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
    answer = planned(side=side, balance=a_balance("4000"), day_start="4000")
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
        (planned(balance=a_balance("1")), "smallest order of BTCUSDC would be more than may be risked"),
        (planned(held=[a_bracket()]), "already_held: a trade is open on BTCUSDC"),
        (
            planned(held=[a_bracket("0.001", symbol=f"X{n}USDC") for n in range(3)]),
            "too_many_positions: 3 are open, 3 may be",
        ),
        (planned(day_start="500"), "day_loss: 100.00 USDC were lost today"),
    ],
)
def test_what_stands_in_the_way_is_named(answer: Approved | str, told: str) -> None:
    assert told in reason(answer) if told else isinstance(answer, Approved)


def test_a_symbol_without_rules_is_not_traded() -> None:
    answer = Planner({}, LIMITS, SHAPE).plan(
        a_signal(), now_ms=0, balance=a_balance(), equity_day_start=Decimal(400), open_brackets=[]
    )
    assert reason(answer) == "BTCUSDC is not traded"


def test_a_signal_that_comes_too_late_is_not_entered_on() -> None:
    assert isinstance(planned(now_ms=30_000), Approved)
    assert reason(planned(now_ms=30_500)) == "too late: 30 s after its candle closed, 30 s at most"


def test_the_margin_of_entries_that_the_balance_does_not_show_yet_is_counted() -> None:
    assert isinstance(planned(balance=a_balance("400")), Approved)
    large = a_bracket(quantity="0.019", symbol=Symbol("ETHUSDC"))
    assert "may be risked or paid for" in reason(planned(balance=a_balance("400"), held=[large]))
