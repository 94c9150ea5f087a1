"""The arithmetic of the budget: shares, windows, and what a ban stops."""

import itertools
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.exchange.budget import (
    BAN_MS_MAX,
    MINUTE_MS,
    SKEW_MS,
    SLOW_MS,
    TEN_SECONDS_MS,
    Counts,
    Granted,
    Halt,
    Lane,
    Limits,
    Stopped,
    Wait,
    Window,
    Wish,
    ask,
)
from ratchet.exchange.cost import Cost
from ratchet.exchange.told import Told

NOW_MS = 1_700_000_040_000  # a whole minute
LIMITS = Limits(reserve=Decimal("0.25"))
ORDERS = Cost(0, orders=1)

weights = st.sampled_from([1, 2, 5, 10, 30, 40])
steps_ms = st.sampled_from([0, 1, 7, 400, 3_000, 10_000, 59_999, 60_000, 90_000])
lanes = st.sampled_from(Lane)


def a_wish(lane: Lane = Lane.ORDINARY, cost: Cost | None = None, account: str = "a") -> Wish:
    return Wish(lane, cost or Cost(1), account)


def used(weight: int = 0, now_ms: int = NOW_MS) -> Counts:
    return Counts(weight=Window(now_ms, weight))


def granted(counts: Counts, wish: Wish, now_ms: int = NOW_MS) -> Counts:
    answer = ask(counts, wish, LIMITS, now_ms)
    assert isinstance(answer, Granted)
    return answer.counts


@given(st.lists(st.tuples(lanes, weights, steps_ms), max_size=200))
def test_no_window_ever_holds_more_than_its_lanes_share(wishes: list[tuple[Lane, int, int]]) -> None:
    counts, now_ms = used(1_700), NOW_MS
    for lane, weight, step_ms in wishes:
        now_ms += step_ms
        answer = ask(counts, a_wish(lane, Cost(weight)), LIMITS, now_ms)
        if isinstance(answer, Granted):
            before, after = counts.weight.at(now_ms, MINUTE_MS), answer.counts.weight
            assert after == Window(now_ms - now_ms % MINUTE_MS, before.used + weight)
            if lane is Lane.ORDINARY:
                assert after.used <= 1_800
            counts = answer.counts
        else:
            assert answer.until_ms > now_ms


@given(st.lists(weights, max_size=400))
def test_whatever_ordinary_requests_take_the_reserve_is_left(asked: list[int]) -> None:
    counts = used()
    for weight in asked:
        answer = ask(counts, a_wish(cost=Cost(weight)), LIMITS, NOW_MS)
        counts = answer.counts if isinstance(answer, Granted) else counts
    for _ in range(600 // 40):
        counts = granted(counts, a_wish(Lane.PROTECTIVE, Cost(40)))


@given(weights, st.integers(0, MINUTE_MS - 1))
def test_who_waits_as_long_as_told_gets_in(weight: int, passed_ms: int) -> None:
    answer = ask(used(1_800), a_wish(cost=Cost(weight)), LIMITS, NOW_MS + passed_ms)
    assert answer == Wait(NOW_MS + MINUTE_MS + SKEW_MS)
    assert granted(used(1_800), a_wish(cost=Cost(weight)), answer.until_ms).weight.used == weight


@given(st.integers(0, 10**13), st.integers(0, 10**13), st.sampled_from([TEN_SECONDS_MS, MINUTE_MS]))
def test_a_window_is_kept_as_long_as_it_runs_and_no_longer(start: int, now_ms: int, length_ms: int) -> None:
    window = Window(start - start % length_ms, 7)
    running = window.at(now_ms, length_ms)
    distance = (window.start_ms - now_ms // length_ms * length_ms) // length_ms
    assert running == (window if distance in (0, 1) else Window(now_ms - now_ms % length_ms, 0))
    assert running.at(now_ms, length_ms) == running


def test_orders_have_a_share_of_ten_seconds_and_of_a_minute_for_each_account() -> None:
    counts = used()
    for _ in range(225):
        counts = granted(counts, a_wish(cost=ORDERS))
    assert ask(counts, a_wish(cost=ORDERS), LIMITS, NOW_MS) == Wait(NOW_MS + TEN_SECONDS_MS + SKEW_MS)
    granted(counts, a_wish(cost=ORDERS, account="another"))
    granted(counts, a_wish(cost=Cost(1)))
    for second in (10, 20, 30):
        for _ in range(225):
            counts = granted(counts, a_wish(cost=ORDERS), NOW_MS + second * 1_000)
    assert ask(counts, a_wish(cost=ORDERS), LIMITS, NOW_MS + 40_000) == Wait(NOW_MS + MINUTE_MS + SKEW_MS)


def test_accounts_of_minutes_gone_by_are_forgotten() -> None:
    counts = granted(used(), a_wish(cost=ORDERS, account="old"))
    counts = granted(counts, a_wish(cost=ORDERS, account="new"), NOW_MS + MINUTE_MS)
    assert set(counts.orders) == {"new"}


@pytest.mark.parametrize(("told", "known"), [(1_000, 1_000), (40, 100), (None, 100)])
def test_the_exchange_counts_others_too_and_the_greater_count_holds(told: int | None, known: int) -> None:
    now_ms = NOW_MS + 20_000
    counts = used(100).told(a_wish(), Told(weight=told), now_ms - 50, now_ms)
    assert counts.weight.used == known


def test_orders_that_others_placed_for_the_account_count() -> None:
    now_ms = NOW_MS + 11_000
    counts = used().told(a_wish(), Told(orders_10s=225, orders_1m=230), now_ms - 50, now_ms)
    assert ask(counts, a_wish(cost=ORDERS), LIMITS, now_ms) == Wait(NOW_MS + 2 * TEN_SECONDS_MS + SKEW_MS)
    granted(counts, a_wish(cost=ORDERS, account="another"), now_ms)


@pytest.mark.parametrize("sent_ms", [NOW_MS - 30, NOW_MS + SKEW_MS - 1])
def test_an_answer_about_the_minute_before_does_not_fill_the_new_one(sent_ms: int) -> None:
    counts = used().told(a_wish(), Told(weight=2_300), sent_ms, NOW_MS + 700)
    assert counts.weight.used == 0


LIMITED = Told(is_turned_away=True, retry_after_ms=20_000)
BANNED = Told(is_turned_away=True, is_banned=True, banned_until_ms=NOW_MS + 120_000, retry_after_ms=5_000)


def halted(told: Told, lane: Lane = Lane.ORDINARY) -> Counts:
    return used().told(a_wish(lane), told, NOW_MS, NOW_MS)


@pytest.mark.parametrize(
    ("told", "until_ms"),
    [
        (LIMITED, NOW_MS + 20_000),
        (BANNED, NOW_MS + 120_000),
        (Told(is_turned_away=True), NOW_MS + MINUTE_MS + SKEW_MS),
        (Told(is_turned_away=True, is_banned=True), NOW_MS + 120_000),
        (Told(is_turned_away=True, retry_after_ms=10**12), NOW_MS + BAN_MS_MAX),
    ],
    ids=["seconds", "an instant", "429 alone", "418 alone", "nonsense"],
)
@pytest.mark.parametrize("limits", [LIMITS, None])
def test_who_is_turned_away_asks_nothing_ordinary_until_it_is_over(
    told: Told, until_ms: int, limits: Limits | None
) -> None:
    counts = halted(told)
    assert ask(counts, a_wish(), limits, until_ms - 1) == Stopped(until_ms)
    assert isinstance(ask(counts, a_wish(), limits, until_ms), Granted)


def test_a_limit_that_an_ordinary_request_hit_does_not_slow_what_protects() -> None:
    counts = halted(LIMITED)
    for _ in range(50):
        counts = granted(counts, a_wish(Lane.PROTECTIVE))


@given(st.lists(st.integers(0, 1_500), max_size=50))
def test_in_a_ban_what_protects_goes_out_once_a_second(steps: list[int]) -> None:
    for told, lane in ((BANNED, Lane.ORDINARY), (LIMITED, Lane.PROTECTIVE)):
        counts, now_ms, went_ms = halted(told, lane), NOW_MS, list[int]()
        for step_ms in [0, *steps]:
            now_ms = min(now_ms + step_ms, NOW_MS + 19_999)
            answer = ask(counts, a_wish(Lane.PROTECTIVE), LIMITS, now_ms)
            if isinstance(answer, Granted):
                counts = answer.counts
                went_ms.append(now_ms)
            else:
                assert answer == Stopped(went_ms[-1] + SLOW_MS)
        assert went_ms[0] == NOW_MS
        assert all(later - earlier >= SLOW_MS for earlier, later in itertools.pairwise(went_ms))


def test_beyond_the_whole_limit_what_protects_still_goes_out_once_a_second() -> None:
    counts = granted(used(2_400), a_wish(Lane.PROTECTIVE))
    assert ask(counts, a_wish(Lane.PROTECTIVE), LIMITS, NOW_MS + 999) == Stopped(NOW_MS + 1_000)
    granted(counts, a_wish(Lane.PROTECTIVE), NOW_MS + 1_000)


@pytest.mark.parametrize(
    "halt",
    [
        replace(halted(BANNED).halt, noted_ms=NOW_MS + MINUTE_MS + 1),
        Halt(noted_ms=NOW_MS, ordinary_until_ms=NOW_MS + BAN_MS_MAX + 1),
    ],
    ids=["from the future", "longer than bans are"],
)
def test_a_ban_that_cannot_be_is_none(halt: Halt) -> None:
    granted(replace(used(), halt=halt), a_wish())


def test_without_limits_nothing_is_counted() -> None:
    assert ask(used(10_000), a_wish(), None, NOW_MS) == Granted(used(10_000))
