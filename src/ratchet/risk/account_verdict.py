"""Account verdicts: what has happened to the account that keeps every entry off, whatever the symbol."""

from dataclasses import dataclass
from datetime import UTC, datetime

from ratchet.config.sections import DayLimitAction, RiskLimits
from ratchet.domain.money import plain
from ratchet.risk.day import day_of, next_day_ms
from ratchet.risk.reason import Reason
from ratchet.risk.record import Close, Record

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """No entries until then."""

    reason: Reason
    until_ms: int
    detail: str  # one line
    flattens: bool  # what is open is to be closed as well


def judge_account(record: Record, limits: RiskLimits, now_ms: int) -> tuple[Verdict, ...]:
    """Every limit of the account that is reached just now. None: entries may be made."""
    found = (_streak(record, limits, now_ms), *_day(record, limits, now_ms))
    return tuple(verdict for verdict in found if verdict is not None)


def stop_streak(record: Record) -> int:
    """Stop losses in a row up to now, since the last resume. Any other end of a trade ends the row."""
    return _row_before(record, len(record.closes))


def clock(at_ms: int) -> str:
    """An instant for people: `14:05 UTC`."""
    return f"{datetime.fromtimestamp(at_ms / 1_000, UTC):%H:%M} UTC"


def _row_before(record: Record, end: int) -> int:
    """Stop losses in a row that the close before this index ends."""
    count = 0
    for number in range(end - 1, -1, -1):
        close = record.closes[number]
        if not close.is_stop_loss or _is_forgiven(record, close):
            break
        count += 1
    return count


def _is_forgiven(record: Record, close: Close) -> bool:
    return record.resumed_ms is not None and close.at_ms <= record.resumed_ms


def _streak(record: Record, limits: RiskLimits, now_ms: int) -> Verdict | None:
    """A pause lasts as long as it is meant to: a trade that was open still and ends otherwise does not end it."""
    pause_ms = limits.stop_streak_pause_minutes * MINUTE_MS
    for end in range(len(record.closes), 0, -1):
        until_ms = record.closes[end - 1].at_ms + pause_ms
        if now_ms >= until_ms:
            break
        count = _row_before(record, end)
        if count >= limits.stop_streak_max:
            detail = f"{count} stop losses in a row, no entries until {clock(until_ms)}"
            return Verdict(reason=Reason.STOP_STREAK, until_ms=until_ms, detail=detail, flattens=False)
    return None


def _day(record: Record, limits: RiskLimits, now_ms: int) -> tuple[Verdict, ...]:
    day = record.day
    if day is None or day.number != day_of(now_ms):
        return ()
    found = []
    for reason, fraction, most, of in (
        (Reason.DAY_LOSS, day.loss_fraction, limits.day_loss_fraction_max, "its equity at 00:00 UTC"),
        (Reason.DAY_DRAWDOWN, day.drawdown_fraction, limits.day_drawdown_fraction_max, "its highest equity"),
    ):
        if fraction >= most:
            limit = f"{plain(most * 100)} % may be"
            detail = f"the day lost {fraction:.2%} of {of}, {limit}: no entries until the next 00:00 UTC"
            flattens = limits.day_limit_action is DayLimitAction.FLATTEN
            found.append(Verdict(reason=reason, until_ms=next_day_ms(now_ms), detail=detail, flattens=flattens))
    return tuple(found)
