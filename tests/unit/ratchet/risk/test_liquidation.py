"""Liquidation: a distance that the exchange's own arithmetic never undercuts."""

from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.margin_bracket import MarginBracket
from ratchet.domain.order import Side
from ratchet.risk.liquidation import Holding, distance_to, liquidation_distance, maintenance_margin
from tests.unit.ratchet.risk.brackets import SIDES, some_brackets


def step(floor: int, cap: int, leverage: int, rate: str, deduction: str) -> MarginBracket:
    return MarginBracket(
        notional_floor=Decimal(floor),
        notional_cap=Decimal(cap),
        leverage_max=leverage,
        maintenance_rate=Decimal(rate),
        maintenance_deduction=Decimal(deduction),
    )


# BTCUSDC's first steps: 125x 50k 0.4 % 0; 100x 500k 0.5 % 50; 50x 10M 1 % 2 550; 20x 80M 2.5 % 152 550.
BTC = (
    step(0, 50_000, 125, "0.004", "0"),
    step(50_000, 500_000, 100, "0.005", "50"),
    step(500_000, 10_000_000, 50, "0.01", "2550"),
    step(10_000_000, 80_000_000, 20, "0.025", "152550"),
)


def holding(
    notional: str, side: Side = Side.BUY, brackets: Sequence[MarginBracket] = BTC, leverage: int = 5
) -> Holding:
    return Holding(side=side, notional=Decimal(notional), leverage=leverage, brackets=brackets)


@pytest.mark.parametrize(
    ("notional", "margin"),
    [("1000", "4"), ("50000", "200"), ("100000", "450"), ("500000", "2450"), ("1e9", "24847450")],
)
def test_the_margin_of_a_step_goes_on_where_the_one_before_ended(notional: str, margin: str) -> None:
    assert maintenance_margin(Decimal(notional), BTC, 5) == Decimal(margin)


def test_without_brackets_the_maintenance_margin_is_as_much_as_the_initial_one() -> None:
    assert maintenance_margin(Decimal(1_000), (), 5) == 200


@pytest.mark.parametrize(
    ("equity", "holdings", "distance"),
    [
        ("400", [], "1"),
        ("400", [holding("200")], "1"),
        ("400", [holding("1000", brackets=some_brackets())], "0.39"),
        ("400", [holding("1000", Side.SELL, some_brackets())], str(Decimal(390) / Decimal(1010))),
        ("400", [holding("500", brackets=some_brackets()), holding("500", brackets=some_brackets())], "0.39"),
        ("10", [holding("1000", brackets=some_brackets())], "0"),
        ("-5", [], "0"),
        ("400", [holding("1000", brackets=(), leverage=5)], "0.2"),
    ],
)
def test_the_distance_is_what_all_prices_together_may_move(
    equity: str, holdings: Sequence[Holding], distance: str
) -> None:
    assert liquidation_distance(Decimal(equity), holdings) == Decimal(distance)


@given(
    st.lists(st.tuples(st.integers(10, 40_000_000), SIDES), min_size=1, max_size=6),
    st.integers(1, 5_000_000),
    st.integers(1, 999),
)
def test_short_of_the_distance_nothing_is_liquidated(
    held: Sequence[tuple[int, Side]], equity: int, thousandths: int
) -> None:
    holdings = [holding(str(notional), side) for notional, side in held]
    moved = liquidation_distance(Decimal(equity), holdings) * thousandths / 1_000
    left = equity - sum(each.notional for each in holdings) * moved
    margin = sum(
        maintenance_margin(each.notional * (1 - each.side.sign * moved), each.brackets, each.leverage)
        for each in holdings
    )
    assert liquidation_distance(Decimal(equity), holdings) == 0 or left > margin


def test_a_long_alone_is_as_near_as_the_exchange_says() -> None:
    # LP = (WB + cum - qty × entry) / (qty × mmr - qty): 1 BTC at 100 000 with 10 000: (10000 + 50 - 100000) / -0.995
    exact = (100_000 - Decimal(89_950) / Decimal("0.995")) / 100_000
    found = liquidation_distance(Decimal(10_000), [holding("100000")])
    assert exact * Decimal("0.99") < found <= exact


@pytest.mark.parametrize(
    ("mark", "liquidation", "distance"), [("100", "95", "0.05"), ("100", "105", "0.05"), ("100", "100", "0")]
)
def test_the_exchanges_own_price_is_so_far_off(mark: str, liquidation: str, distance: str) -> None:
    assert distance_to(Decimal(mark), Decimal(liquidation)) == Decimal(distance)


def test_a_price_of_nothing_has_no_distance() -> None:
    with pytest.raises(ValueError, match="have no distance"):
        distance_to(Decimal(0), Decimal(1))
