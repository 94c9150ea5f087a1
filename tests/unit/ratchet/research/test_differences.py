"""What makes two runs differ, and that it is all of it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.research.differences import Cause, compare
from ratchet.research.run_trades import Run, RunTrade, SignalKey

KEY = SignalKey(Symbol("BTCUSDC"), Side.BUY, "scalping_v1", 1_000)


def a_trade(**changes: object) -> RunTrade:
    trade = RunTrade(
        key=KEY,
        opened_ms=1_000,
        closed_ms=2_000,
        reason="rungs",
        quantity=Decimal(2),
        price_entry=Decimal(100),
        price_exit=Decimal(101),
        realized=Decimal(2),
        fees=Decimal("0.1"),
        funding=Decimal(0),
    )
    return replace(trade, **changes)  # type: ignore[arg-type]  # of its own fields


def a_run(*trades: RunTrade, outcome: str = "", silence: str = "") -> Run:
    outcomes = {trade.key: "entry" for trade in trades} | ({KEY: outcome} if outcome else {})
    return Run(trades, outcomes, {(KEY.symbol, KEY.strategy, KEY.candle_close_ms): silence} if silence else {})


def test_the_same_run_twice_does_not_differ() -> None:
    found = compare(a_run(a_trade()), a_run(a_trade()))
    assert found.same == 1
    assert not found.differences


def test_a_signal_that_only_one_run_had_is_told_with_what_the_other_one_said() -> None:
    (found,) = compare(a_run(a_trade()), a_run(silence="momentum none")).differences
    assert (found.cause, found.amount) == (Cause.SIGNAL, Decimal("-1.9"))
    assert found.detail == "the second run had no signal: momentum none"


def test_a_signal_that_was_not_entered_on_is_missed_and_says_why() -> None:
    (found,) = compare(a_run(outcome="day_loss: no entries"), a_run(a_trade())).differences
    assert (found.cause, found.amount) == (Cause.MISSED, Decimal("1.9"))
    assert found.detail == "the first run: day_loss: no entries"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fees": Decimal("0.3")}, {Cause.FEE: Decimal("-0.2")}),
        ({"funding": Decimal("-0.05")}, {Cause.FUNDING: Decimal("-0.05")}),
        ({"price_entry": Decimal("100.5"), "realized": Decimal(1)}, {Cause.ENTRY: Decimal(-1)}),
        ({"price_exit": Decimal(99), "realized": Decimal(-2), "reason": "stop"}, {Cause.EXIT: Decimal(-4)}),
        ({"quantity": Decimal(3), "realized": Decimal(3)}, {Cause.SIZE: Decimal(1)}),
    ],
)
def test_each_difference_has_its_cause(changes: dict[str, object], expected: dict[Cause, Decimal]) -> None:
    assert compare(a_run(a_trade()), a_run(a_trade(**changes))).by_cause == expected


def test_the_same_end_by_another_reason_is_a_difference_though_it_costs_nothing() -> None:
    (found,) = compare(a_run(a_trade()), a_run(a_trade(reason="hold"))).differences
    assert (found.cause, found.amount) == (Cause.EXIT, Decimal(0))


def test_two_trades_on_one_signal_are_held_against_each_other_in_their_order() -> None:
    twice = a_run(a_trade(), a_trade(opened_ms=1_500, fees=Decimal("0.2")))
    assert compare(twice, twice).same == 2


money = st.decimals(min_value=-100, max_value=100, places=8)
prices = st.decimals(min_value=1, max_value=100_000, places=2)
trades = st.builds(
    RunTrade,
    key=st.builds(
        SignalKey,
        st.sampled_from([Symbol("BTCUSDC"), Symbol("ETHUSDC")]),
        st.sampled_from(Side),
        st.just("scalping_v1"),
        st.sampled_from([1_000, 2_000]),
    ),
    opened_ms=st.integers(0, 10_000),
    closed_ms=st.none() | st.integers(0, 10_000),
    reason=st.sampled_from(["", "stop", "rungs"]),
    quantity=st.decimals(min_value="0.001", max_value=1_000, places=3),
    price_entry=prices,
    price_exit=prices,
    realized=money,
    fees=money,
    funding=money,
)


@given(st.lists(trades, max_size=6), st.lists(trades, max_size=6))
def test_the_causes_add_up_to_the_whole_difference(first: list[RunTrade], second: list[RunTrade]) -> None:
    assert compare(a_run(*first), a_run(*second)).unexplained == 0
