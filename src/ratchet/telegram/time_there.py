"""Telegram's time: its messages are dated by it. The exchange's time may run faster, this machine's may be wrong."""

import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime

HALF_A_SECOND = 0.5  # dates are whole seconds: on average half a one is cut off


class TimeThere:
    """This machine's real time, set right by the date of every answer."""

    def __init__(self, wall_s: Callable[[], float] = time.time) -> None:
        self._wall_s = wall_s
        self._ahead_s = 0.0

    def now_s(self) -> float:
        """Seconds since the epoch, right by about one."""
        return self._wall_s() + self._ahead_s

    def set_by(self, date: str | None) -> None:
        """Set by an answer's Date header; one that says nothing changes nothing."""
        try:
            there_s = parsedate_to_datetime(date or "").timestamp()
        except ValueError:
            return
        self._ahead_s = there_s + HALF_A_SECOND - self._wall_s()
