import pytest

from ratchet.domain.order import Side, StopReport, StopStatus
from ratchet.domain.position import Position
from ratchet.guardian.sight import sight_of
from tests.unit.ratchet.guardian.builders import a_position, a_stop

LONG, SHORT = a_position("10"), a_position("-10")


@pytest.mark.parametrize(
    ("position", "stops", "is_covered"),
    [
        (LONG, [], False),
        (LONG, [a_stop(quantity="10")], True),
        (LONG, [a_stop(quantity="9.99")], False),
        (LONG, [a_stop(quantity="4"), a_stop("rt-a-1-stop1", quantity="6")], True),
        (LONG, [a_stop(closes=True)], True),
        (LONG, [a_stop(side=Side.BUY, price="98")], False),
        (SHORT, [a_stop(side=Side.BUY, price="102")], True),
        (SHORT, [a_stop(side=Side.SELL, price="98")], False),
    ],
)
def test_only_stops_of_the_closing_side_over_all_of_it_cover(
    position: Position, stops: list[StopReport], is_covered: bool
) -> None:
    assert sight_of(position, stops).is_covered is is_covered


@pytest.mark.parametrize(("position", "side", "beyond"), [(LONG, Side.SELL, "103"), (SHORT, Side.BUY, "97")])
def test_another_hands_take_profit_covers_nothing(position: Position, side: Side, beyond: str) -> None:
    assert not sight_of(position, [a_stop("web_1", side=side, price=beyond)]).is_covered


def test_a_stop_of_ours_covers_though_the_mark_has_passed_it_and_trades_have_not() -> None:
    assert sight_of(a_position(mark="97.9"), [a_stop("rg-abcd-1", price="98")]).is_covered


def test_the_traders_lease_is_no_stop() -> None:
    assert not sight_of(LONG, [a_stop("rt-lease-1", closes=True)]).is_covered


@pytest.mark.parametrize(
    ("status", "is_closing"),
    [
        (StopStatus.TRIGGERING, True),
        (StopStatus.TRIGGERED, True),
        (StopStatus.FINISHED, False),
        (StopStatus.REJECTED, False),
        (StopStatus.CANCELED, False),
        (StopStatus.EXPIRED, False),
    ],
)
def test_a_stop_that_has_met_its_price_is_on_its_way_until_it_is_done(status: StopStatus, is_closing: bool) -> None:
    sight = sight_of(LONG, [a_stop(status=status)])
    assert not sight.is_covered
    assert sight.is_closing is is_closing
