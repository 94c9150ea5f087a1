"""What waits to be told: bounded, and what matters least goes first."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.observe.notices import Kind, Notice, Weight
from ratchet.telegram.alert_text import head_of
from ratchet.telegram.backlog import Backlog

INFO, WARNING, ALARM = Weight.INFO, Weight.WARNING, Weight.ALARM


def a_notice(text: str, weight: Weight = INFO) -> Notice:
    return Notice(kind=Kind.ENTRY, at_ms=0, text=text, weight=weight)


def with_notices(notices_max: int, *notices: Notice) -> Backlog:
    backlog = Backlog(notices_max)
    for notice in notices:
        backlog.put(notice)
    return backlog


def texts(notices: Sequence[Notice]) -> list[str]:
    return [notice.text for notice in notices]


def one(_: Notice) -> int:
    return 1


def test_it_is_told_in_the_order_in_which_it_happened() -> None:
    backlog = with_notices(9, a_notice("a"), a_notice("b", ALARM), a_notice("c", WARNING), a_notice("d"))
    assert texts(backlog.take(9, one)) == ["a", "b", "c", "d"]
    assert len(backlog) == 0


def test_what_matters_most_is_told_first_if_there_is_no_room_for_all() -> None:
    backlog = with_notices(9, a_notice("a"), a_notice("b"), a_notice("c", WARNING), a_notice("d", ALARM))
    assert texts(backlog.take(2, one)) == ["c", "d"]
    assert texts(backlog.take(9, one)) == ["a", "b"]


def test_one_that_is_too_large_is_told_all_the_same() -> None:
    assert texts(with_notices(9, a_notice("a"), a_notice("b")).take(2, lambda _: 5)) == ["a"]


def test_when_it_is_full_the_oldest_of_the_least_weight_goes() -> None:
    backlog = with_notices(3, a_notice("a", ALARM), a_notice("b"), a_notice("c", WARNING), a_notice("d"))
    assert backlog.dropped == 1
    backlog.put(a_notice("e", ALARM))
    backlog.put(a_notice("f", ALARM))
    assert texts(backlog.take(9, one)) == ["a", "e", "f"]
    assert backlog.dropped == 3
    backlog.dropped_is_said(2)
    assert backlog.dropped == 1


def test_what_was_not_told_comes_first_again() -> None:
    backlog = with_notices(9, a_notice("a"), a_notice("b"), a_notice("c"))
    taken = backlog.take(2, one)
    backlog.put(a_notice("d"))
    backlog.put_back(taken)
    assert texts(backlog.take(9, one)) == ["a", "b", "c", "d"]


def test_what_was_not_told_may_be_dropped_for_what_came_since() -> None:
    backlog = with_notices(2, a_notice("a"), a_notice("b"))
    taken = backlog.take(2, one)
    backlog.put(a_notice("c"))
    backlog.put_back(taken)
    assert texts(backlog.take(9, one)) == ["b", "c"]
    assert backlog.dropped == 1


@given(weights=st.lists(st.sampled_from(list(Weight)), max_size=40), most=st.integers(1, 10))
def test_it_never_grows_and_counts_what_it_drops(weights: list[Weight], most: int) -> None:
    backlog = with_notices(most, *(a_notice(str(number), weight) for number, weight in enumerate(weights)))
    assert len(backlog) == min(most, len(weights))
    assert len(backlog) + backlog.dropped == len(weights)
    kept = sorted((list(Weight).index(notice.weight) for notice in backlog.take(99, one)), reverse=True)
    assert kept == sorted((list(Weight).index(weight) for weight in weights), reverse=True)[:most]


@pytest.mark.parametrize(
    ("gap_s", "waiting", "dropped", "said"),
    [
        (None, 5, 0, ""),
        (None, 5, 2, "2 of less weight were not kept"),
        (600, 12, 0, "Telegram was out of reach for 10 min; 12 notices follow"),
        (75, 1, 3, "Telegram was out of reach for 1 min; 1 notice follows, 3 of less weight were not kept"),
        (61, 0, 0, "Telegram was out of reach for 1 min; no notice was missed"),
    ],
)
def test_what_is_said_before(gap_s: float | None, waiting: int, dropped: int, said: str) -> None:
    assert head_of(gap_s=gap_s, waiting=waiting, dropped=dropped) == said
