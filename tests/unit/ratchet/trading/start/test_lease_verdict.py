"""Whose the account is: every answer from plain values."""

import pytest

from ratchet.domain.identity import CLIENT_ORDER_ID_LENGTH_MAX, AlgoId, ClientOrderId
from ratchet.domain.money import ZERO
from ratchet.domain.order import Side, StopReport, StopStatus
from ratchet.domain.symbol import Symbol
from ratchet.trading.start.lease_verdict import (
    STALE_MS,
    Claim,
    Free,
    Gone,
    Held,
    HeldByOther,
    SeenLease,
    judge,
    lease_name,
    leases_among,
    may_take,
)

NOW_MS = 1_772_000_000_000
OURS = Claim(run="ours", epoch_ms=NOW_MS - 500, rank=None)


def a_lease(
    run: str = "them", *, age_ms: int = 1_000, renewal: int = 1, epoch_ms: int = NOW_MS - 500, algo_id: int = 1
) -> SeenLease:
    return SeenLease(
        client_order_id=lease_name(run, epoch_ms, renewal),
        symbol=Symbol("BTCUSDC"),
        algo_id=AlgoId(algo_id),
        made_ms=NOW_MS - age_ms,
        run=run,
        epoch_ms=epoch_ms,
        renewal=renewal,
    )


def a_stop(name: str, status: StopStatus = StopStatus.NEW) -> StopReport:
    return StopReport(
        client_order_id=ClientOrderId(name),
        algo_id=AlgoId(5),
        symbol=Symbol("BTCUSDC"),
        side=Side.BUY,
        status=status,
        quantity=ZERO,
        price_trigger=ZERO,
        closes_position=False,
        order_id=None,
        reason="",
        updated_ms=NOW_MS,
    )


def test_a_name_says_who_since_when_and_how_often_renewed_within_binances_length() -> None:
    name = lease_name("abcd", NOW_MS, 99_999_999)
    assert len(name) <= CLIENT_ORDER_ID_LENGTH_MAX
    [lease] = leases_among([a_stop(name)])
    assert (lease.run, lease.epoch_ms, lease.renewal, lease.made_ms) == ("abcd", NOW_MS, 99_999_999, NOW_MS)


def test_only_waiting_stops_with_the_name_of_a_lease_are_leases() -> None:
    name = lease_name("abcd", NOW_MS, 0)
    assert leases_among([a_stop("rt-abcd-1-stop0"), a_stop("web_1"), a_stop(name, StopStatus.CANCELED)]) == []


def test_a_lease_named_by_another_make_is_respected() -> None:
    [lease] = leases_among([a_stop("rt-lease-later.version")])
    assert isinstance(judge([a_lease("ours", renewal=0), lease], OURS, NOW_MS), HeldByOther)


@pytest.mark.parametrize(
    ("lease", "is_free"),
    [
        (a_lease(age_ms=0), False),
        (a_lease(age_ms=-300), False),  # younger than the reading of the clock
        (a_lease(age_ms=STALE_MS - 1), False),
        (a_lease(age_ms=STALE_MS), True),
        (a_lease(age_ms=0, renewal=0), False),
        (a_lease("ours", age_ms=0), True),  # what a crash left behind
    ],
)
def test_an_account_may_be_taken_when_no_other_run_has_renewed_for_90_s(lease: SeenLease, is_free: bool) -> None:
    assert isinstance(may_take([lease], "ours", NOW_MS), Free) is is_free


def test_of_two_that_begin_at_once_the_first_on_the_exchange_stays() -> None:
    ours, theirs = a_lease("ours", renewal=0, algo_id=1), a_lease("them", renewal=0, algo_id=2)
    them = Claim(run="them", epoch_ms=OURS.epoch_ms, rank=None)
    assert isinstance(judge([theirs, ours], OURS, NOW_MS), Held)
    assert isinstance(judge([ours, theirs], them, NOW_MS), HeldByOther)


def test_age_counts_before_number_for_who_was_first() -> None:
    ours, theirs = a_lease("ours", renewal=0, age_ms=20, algo_id=9), a_lease("them", renewal=0, age_ms=10, algo_id=2)
    assert isinstance(judge([theirs, ours], OURS, NOW_MS), Held)


def test_a_renewed_lease_of_another_run_is_never_contested() -> None:
    answer = judge([a_lease("ours", renewal=0, age_ms=60_000), a_lease("them", renewal=1, age_ms=10)], OURS, NOW_MS)
    assert isinstance(answer, HeldByOther)


def test_after_renewals_the_place_in_the_queue_is_still_that_of_the_first_lease() -> None:
    first = Claim(run="ours", epoch_ms=OURS.epoch_ms, rank=(NOW_MS - 40_000, 1))
    late = a_lease("them", renewal=0, age_ms=20_000, algo_id=2)
    assert isinstance(judge([late, a_lease("ours", renewal=1, age_ms=10, algo_id=3)], first, NOW_MS), Held)


def test_the_newest_own_lease_counts_and_older_ones_and_dead_traders_are_cleared() -> None:
    old, new = a_lease("ours", renewal=3, age_ms=30_000, algo_id=3), a_lease("ours", renewal=4, age_ms=5, algo_id=4)
    dead = a_lease("them", age_ms=STALE_MS, algo_id=1)
    crashed = a_lease("ours", epoch_ms=NOW_MS - 60_000, age_ms=50, algo_id=2)
    answer = judge([new, dead, old, crashed], OURS, NOW_MS)
    assert isinstance(answer, Held)
    assert answer.lease == new
    assert set(answer.obsolete) == {old, dead, crashed}


def test_a_copy_of_our_ledger_that_began_later_has_taken_over() -> None:
    copy = a_lease("ours", epoch_ms=NOW_MS - 100, renewal=0, age_ms=50, algo_id=2)
    assert isinstance(judge([a_lease("ours", age_ms=400), copy], OURS, NOW_MS), HeldByOther)


def test_without_an_own_lease_the_account_is_not_ours() -> None:
    assert judge([], OURS, NOW_MS) == Gone()
    assert isinstance(judge([a_lease(renewal=0)], OURS, NOW_MS), HeldByOther)
    assert judge([a_lease(age_ms=STALE_MS)], OURS, NOW_MS) == Gone()
