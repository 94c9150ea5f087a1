"""Account verdicts: when entries halt for all symbols, until when, and what ends it."""

from collections.abc import Sequence
from decimal import Decimal

import pytest

from ratchet.config.sections import DayLimitAction, RiskLimits
from ratchet.risk.account_verdict import judge_account, stop_streak
from ratchet.risk.reason import Reason
from ratchet.risk.record import Close, Record
from tests.unit.ratchet.risk.brackets import LIMITS, MINUTE_MS, NOW_MS, a_close, a_day

MIDNIGHT_MS = NOW_MS + (11 * 60 + 30) * MINUTE_MS


def closes(*reasons: str, minutes_apart: int = 5) -> list[Close]:
    """Oldest first, the last one just now."""
    count = len(reasons)
    return [
        a_close((count - 1 - number) * minutes_apart, reason=reason, number=number)
        for number, reason in enumerate(reasons)
    ]


@pytest.mark.parametrize(
    ("ends", "streak"),
    [
        (closes(), 0),
        (closes("stop"), 1),
        (closes("stop", "stop", "stop"), 3),
        (closes("stop", "rungs", "stop", "stop"), 2),
        (closes("stop", "stop", "break_even"), 0),
        (closes("stop", "hold_over", "stop"), 1),
    ],
)
def test_only_stop_losses_without_anything_in_between_are_a_streak(ends: Sequence[Close], streak: int) -> None:
    assert stop_streak(Record(closes=ends)) == streak


def test_a_streak_pauses_entries_from_its_last_stop_loss_on() -> None:
    record = Record(closes=closes("stop", "stop", "stop"))
    (verdict,) = judge_account(record, LIMITS, NOW_MS + 59 * MINUTE_MS)
    assert (verdict.reason, verdict.until_ms) == (Reason.STOP_STREAK, NOW_MS + 60 * MINUTE_MS)
    assert verdict.detail == "3 stop losses in a row, no entries until 13:30 UTC"
    assert not verdict.flattens
    assert judge_account(record, LIMITS, NOW_MS + 60 * MINUTE_MS) == ()


def test_a_further_stop_loss_after_the_pause_pauses_again() -> None:
    ends = closes("stop", "stop", "stop", "stop", minutes_apart=90)
    (verdict,) = judge_account(Record(closes=ends), LIMITS, NOW_MS)
    assert verdict.detail.startswith("4 stop losses in a row")


def test_a_trade_that_was_open_still_and_ends_well_does_not_cut_the_pause_short() -> None:
    record = Record(closes=closes("stop", "stop", "stop", "rungs"))
    (verdict,) = judge_account(record, LIMITS, NOW_MS)
    assert verdict.until_ms == NOW_MS + 55 * MINUTE_MS
    assert stop_streak(record) == 0
    assert judge_account(record, LIMITS, NOW_MS + 55 * MINUTE_MS) == ()


def test_a_resume_ends_the_pause_also_where_a_trade_ended_well_since() -> None:
    ends = closes("stop", "stop", "stop", "rungs")
    assert judge_account(Record(closes=ends, resumed_ms=ends[2].at_ms), LIMITS, NOW_MS) == ()


def test_a_resume_begins_the_streak_anew() -> None:
    ends = closes("stop", "stop", "stop")
    assert judge_account(Record(closes=ends, resumed_ms=NOW_MS), LIMITS, NOW_MS + 1) == ()
    assert stop_streak(Record(closes=ends, resumed_ms=ends[0].at_ms)) == 2


def test_limits_that_change_hold_at_once() -> None:
    record = Record(closes=closes("stop", "stop"))
    assert judge_account(record, LIMITS, NOW_MS) == ()
    assert judge_account(record, RiskLimits(stop_streak_max=2), NOW_MS)


@pytest.mark.parametrize(
    ("loss", "drawdown", "reasons"),
    [
        ("0.0499", "0.0499", []),
        ("0.05", "0.05", [Reason.DAY_LOSS, Reason.DAY_DRAWDOWN]),
        ("0", "0.06", [Reason.DAY_DRAWDOWN]),
    ],
)
def test_a_limit_of_the_day_halts_entries_until_midnight_utc(
    loss: str, drawdown: str, reasons: Sequence[Reason]
) -> None:
    verdicts = judge_account(Record(day=a_day(loss=loss, drawdown=drawdown)), LIMITS, NOW_MS)
    assert [verdict.reason for verdict in verdicts] == reasons
    assert all(verdict.until_ms == MIDNIGHT_MS and not verdict.flattens for verdict in verdicts)


def test_a_limit_of_the_day_is_over_with_the_day() -> None:
    record = Record(day=a_day(loss="0.2", drawdown="0.2"))
    assert judge_account(record, LIMITS, MIDNIGHT_MS - 1)
    assert judge_account(record, LIMITS, MIDNIGHT_MS) == ()


def test_what_is_open_is_closed_as_well_where_that_is_set() -> None:
    limits = RiskLimits(day_limit_action=DayLimitAction.FLATTEN, day_loss_fraction_max=Decimal("0.1"))
    (verdict,) = judge_account(Record(day=a_day(drawdown="0.0612")), limits, NOW_MS)
    assert verdict.flattens
    assert verdict.detail == (
        "the day lost 6.12% of its highest equity, 5 % may be: no entries until the next 00:00 UTC"
    )
