from collections.abc import Sequence
from decimal import Decimal

import pytest

from ratchet.domain.order import Side, StopOrder, StopReport, StopStatus
from ratchet.domain.position import Position
from ratchet.guardian.case import UNSEEN_MAX, Case, Flatten, Leave, Protect, Verdict
from ratchet.guardian.sight import sight_of
from tests.unit.ratchet.guardian.builders import PATIENCE, RULES, a_position, a_stop, an_order

LOOK_MS = 10.0  # from the question to the answer


class Looks:
    """A case, looked at at given times."""

    def __init__(self) -> None:
        self.case = Case(PATIENCE)

    def at(
        self,
        at_ms: float,
        *stops: StopReport,
        position: Position | None = None,
        listed: bool = True,
        taken: Sequence[StopOrder] = (),
    ) -> Verdict:
        sight = sight_of(position or a_position(), stops, taken)
        return self.case.judge(sight, RULES if listed else None, asked=at_ms, answered=at_ms + LOOK_MS)


def test_what_is_covered_is_left_alone_for_ever() -> None:
    looks = Looks()
    assert {looks.at(at_ms, a_stop()) for at_ms in (0, 1_000, 100_000)} == {Leave()}


def test_without_cover_for_the_grace_it_gets_a_stop_over_all_of_it_at_the_fraction_of_its_entry() -> None:
    looks = Looks()
    assert looks.at(0) == Leave(1_010)
    assert looks.at(1_009) == Leave(1)
    assert looks.at(1_010) == Protect(Decimal(10), Decimal("98.00"), closes_position=False)


def test_the_grace_begins_anew_when_the_trader_has_covered_it_meanwhile() -> None:
    looks = Looks()
    looks.at(0)
    assert looks.at(500, a_stop()) == Leave()
    assert looks.at(1_500) == Leave(1_010)


def test_half_a_cover_is_none_and_the_new_stop_is_over_all_at_no_worse_a_price() -> None:
    looks = Looks()
    half = a_stop(quantity="5", price="99.5")
    looks.at(0, half)
    assert looks.at(2_000, half) == Protect(Decimal(10), Decimal("99.5"), closes_position=False)


def test_a_short_gets_its_stop_above() -> None:
    looks = Looks()
    short = a_position("-3")
    looks.at(0, position=short)
    assert looks.at(2_000, position=short) == Protect(Decimal(3), Decimal("102.00"), closes_position=False)


def test_a_price_beyond_the_stop_closes_it_once_no_read_can_be_from_before_anybody_covered_it() -> None:
    looks = Looks()
    looks.at(0)
    looks.at(2_000)
    looks.case.refused("-2021", 2_000, is_beyond=True)
    assert looks.at(2_010) == Leave(990)
    assert looks.at(3_000) == Protect(Decimal(10), Decimal("98.00"), closes_position=True)
    looks.case.refused("-2021", 3_000, is_beyond=True)
    assert looks.at(7_009) == Protect(Decimal(10), Decimal("98.00"), closes_position=False)
    assert looks.at(7_010) == Flatten("-2021")


def test_what_turns_out_to_be_covered_is_not_closed_whatever_was_refused() -> None:
    looks = Looks()
    looks.at(0)
    looks.at(2_000)
    looks.case.refused("-2021", 2_000, is_beyond=True)
    assert looks.at(6_900, a_stop()) == Leave()
    assert looks.at(7_100) == Leave(1_010)


def test_any_other_refusal_is_met_with_the_other_kind_of_stop_at_once_and_then_with_either_in_turns() -> None:
    looks = Looks()
    looks.at(0)
    looks.at(2_000)
    looks.case.refused("-4005", 2_000, is_beyond=False)
    assert looks.at(2_010) == Protect(Decimal(10), Decimal("98.00"), closes_position=True)
    looks.case.refused("-4130", 2_020, is_beyond=False)
    assert looks.at(2_030) == Leave(990)
    assert looks.at(3_020) == Protect(Decimal(10), Decimal("98.00"), closes_position=False)
    assert looks.at(7_010) == Flatten("-4130")


def test_what_was_closed_may_be_seen_for_as_long_as_reads_are_behind_and_what_is_left_of_it_at_once() -> None:
    looks = Looks()
    looks.at(0)
    looks.at(2_000)
    looks.case.refused("why", 2_000, is_beyond=True)
    assert looks.at(7_010) == Flatten("why")
    looks.case.closed(Decimal(10), 7_050)
    assert looks.at(7_300) == Leave(5_750)
    assert looks.at(7_300, position=a_position("1")) == Flatten("why")
    assert looks.at(13_050) == Flatten("why")


@pytest.mark.parametrize("another", [a_position("-10"), a_position(entry="101")])
def test_another_position_is_not_closed_for_what_happened_to_the_one_before(another: Position) -> None:
    looks = Looks()
    looks.at(0)
    looks.at(2_000)
    looks.case.refused("why", 2_000, is_beyond=True)
    stop = a_stop(side=another.side.opposite, price="98" if another.side is Side.BUY else "102")
    assert looks.at(7_010, stop, position=another) == Leave()
    assert not isinstance(looks.at(8_100, position=another), Flatten)


def test_a_triggered_stop_has_its_time_and_then_the_position_is_closed() -> None:
    looks = Looks()
    triggered = a_stop(status=StopStatus.TRIGGERED)
    assert looks.at(0, triggered) == Leave(5_010)
    assert looks.at(4_000, triggered) == Leave(1_010)
    assert looks.at(5_010, triggered) == Flatten("stop_unfilled")


def test_what_a_triggered_stop_does_not_reach_gets_a_stop_like_anything_else() -> None:
    looks = Looks()
    triggered = a_stop(status=StopStatus.TRIGGERED, quantity="4")
    looks.at(0, triggered)
    assert looks.at(2_000, triggered) == Protect(Decimal(10), Decimal("98.00"), closes_position=False)


def test_a_stop_that_was_rejected_at_its_trigger_counts_as_nothing() -> None:
    looks = Looks()
    looks.at(0, a_stop(status=StopStatus.REJECTED))
    assert isinstance(looks.at(2_000, a_stop(status=StopStatus.REJECTED)), Protect)


def test_stops_that_are_taken_and_never_seen_end_in_a_close() -> None:
    looks = Looks()
    for turn in range(UNSEEN_MAX):
        looks.at(10_000 * turn)
        assert isinstance(looks.at(10_000 * turn + 2_000), Protect)
        looks.case.placed(10_000 * turn + 2_000)
        assert looks.at(10_000 * turn + 3_000, taken=[an_order()]) == Leave()
    looks.at(10_000 * UNSEEN_MAX)
    assert isinstance(looks.at(10_000 * UNSEEN_MAX + 2_000), Leave)
    assert looks.at(10_000 * UNSEEN_MAX + 7_010) == Flatten("stops_not_seen")


def test_one_that_is_seen_in_the_end_begins_the_count_anew() -> None:
    looks = Looks()
    for turn in range(UNSEEN_MAX):
        looks.at(10_000 * turn)
        looks.at(10_000 * turn + 2_000)
        looks.case.placed(10_000 * turn + 2_000)
        assert looks.at(10_000 * turn + 3_000, a_stop()) == Leave()
    looks.at(10_000 * UNSEEN_MAX)
    assert isinstance(looks.at(10_000 * UNSEEN_MAX + 9_000), Protect)


def test_what_another_hand_adds_to_gets_its_stop_no_later_but_is_closed_only_once_it_is_certain_of_it() -> None:
    looks = Looks()
    looks.at(0)
    looks.at(2_000)
    looks.case.refused("why", 2_000, is_beyond=True)
    grown = a_position("20", entry="101")
    assert looks.at(7_010, position=grown) == Protect(Decimal(20), Decimal("98.98"), closes_position=False)
    looks.case.refused("why", 7_010, is_beyond=True)
    assert not isinstance(looks.at(14_000, position=grown), Flatten)
    assert looks.at(14_020, position=grown) == Flatten("why")


def test_what_was_reversed_has_its_grace_anew() -> None:
    looks = Looks()
    looks.at(0)
    assert looks.at(2_000, position=a_position("-10")) == Leave(1_010)


def test_a_stop_that_was_taken_covers_though_it_is_not_seen_yet() -> None:
    looks = Looks()
    looks.at(0)
    looks.at(2_000)
    looks.case.placed(2_000)
    assert looks.at(4_000, taken=[an_order()]) == Leave()
    assert looks.at(8_000) == Leave(1_010)


def test_a_symbol_that_the_exchange_does_not_list_is_closed() -> None:
    looks = Looks()
    looks.at(0, listed=False)
    assert looks.at(2_000, listed=False) == Leave(5_010)
    assert looks.at(7_010, listed=False) == Flatten("symbol_not_listed")
