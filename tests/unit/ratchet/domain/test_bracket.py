from decimal import Decimal

import pytest

from ratchet.domain.bracket import Bracket, Rung
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol


def a_bracket(
    *,
    side: Side = Side.BUY,
    quantity: str = "3",
    price_stop: str = "98",
    rungs: tuple[tuple[str, str], ...] = (("101", "1"), ("102", "1"), ("103", "1")),
) -> Bracket:
    return Bracket(
        symbol=Symbol("SOLUSDC"),
        side=side,
        quantity=Decimal(quantity),
        price_entry=Decimal(100),
        price_stop=Decimal(price_stop),
        rungs=tuple(Rung(price=Decimal(price), quantity=Decimal(quantity)) for price, quantity in rungs),
        hold_ms_max=600_000,
    )


def test_a_bracket_is_stop_below_and_ladder_above_for_a_long_and_the_mirror_for_a_short() -> None:
    assert a_bracket().price_stop == 98
    assert a_bracket(side=Side.SELL, price_stop="102", rungs=(("99", "3"),)).side is Side.SELL


@pytest.mark.parametrize("price_stop", ["100", "101"])
def test_a_stop_on_the_winning_side_cannot_be_built(price_stop: str) -> None:
    with pytest.raises(ValueError, match="losing side"):
        a_bracket(price_stop=price_stop)


@pytest.mark.parametrize("rungs", [(("99", "3"),), (("102", "1"), ("101", "2"))])
def test_a_ladder_that_does_not_climb_cannot_be_built(rungs: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(ValueError, match="rungs do not climb"):
        a_bracket(rungs=rungs)


def test_a_ladder_that_leaves_a_remainder_cannot_be_built() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        a_bracket(rungs=(("101", "1"), ("102", "1")))
