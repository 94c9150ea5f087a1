"""Several notices as one message."""

from collections.abc import Sequence
from datetime import UTC, datetime

from ratchet.observe.notices import Notice, Weight
from ratchet.telegram.markup import clean, escape, shortened, units
from ratchet.telegram.render import PAGE_UNITS_MAX

NOTICE_UNITS_MAX = 600
ROOM = PAGE_UNITS_MAX - 2 * NOTICE_UNITS_MAX  # a head, and the one that is a little too much
MINUTE_S = 60
MARKS = {Weight.INFO: "", Weight.WARNING: "⚠️ ", Weight.ALARM: "🚨 "}


def size_of(notice: Notice) -> int:
    """How much of a message's room it takes."""
    return units(_line(notice)) + 1


def alert_text(notices: Sequence[Notice], head: str = "") -> str:
    """HTML: the head, then a line for each."""
    lines = [f"<i>{escape(head)}</i>"] if head else []
    return "\n".join([*lines, *(_html(notice) for notice in notices)])


def head_of(*, gap_s: float | None, waiting: int, dropped: int) -> str:
    """What is to be said before: how long Telegram was away, how many follow, how many were not kept."""
    lost = f"{dropped} of less weight were not kept" if dropped else ""
    if gap_s is None:
        return lost
    follow = (
        f"{waiting} {'notice follows' if waiting == 1 else 'notices follow'}" if waiting else "no notice was missed"
    )
    return f"Telegram was out of reach for {_duration(gap_s)}; {follow}" + (f", {lost}" if lost else "")


def _duration(seconds: float) -> str:
    minutes = round(seconds / MINUTE_S)
    return f"{seconds:.0f} s" if seconds < MINUTE_S else f"{minutes} min"


def _line(notice: Notice) -> str:
    at = datetime.fromtimestamp(notice.at_ms / 1_000, UTC)
    symbol = f"{notice.symbol} " if notice.symbol is not None and notice.symbol not in notice.text else ""
    return shortened(clean(f"{MARKS[notice.weight]}{at:%H:%M:%S} {symbol}{notice.text}"), NOTICE_UNITS_MAX)


def _html(notice: Notice) -> str:
    line = escape(_line(notice))
    return f"<b>{line}</b>" if notice.weight is Weight.ALARM else line
