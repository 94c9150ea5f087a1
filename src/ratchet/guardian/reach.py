"""The reach: whether the exchange can be asked, told in the log once per change."""

import structlog

from ratchet.domain.clock import Clock

PAUSE_FIRST_S = 0.25  # doubled with every failure
PAUSE_MAX_S = 2.0
DOUBLINGS_MAX = 8

log = structlog.get_logger(__name__)


class Reach:
    """Counts failures in a row."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None
        self._why = ""
        self._failures = 0

    @property
    def why_not(self) -> str:
        """Empty while the exchange answers."""
        return self._why

    def failed(self, why: str) -> float:
        """Returns: the pause before it is tried again, s."""
        if self._since is None:
            self._since = self._clock.elapsed_ms()
            log.error("exchange_out_of_reach", error=why)
        self._why = why
        self._failures += 1
        doublings = min(self._failures - 1, DOUBLINGS_MAX)
        return min(PAUSE_FIRST_S * (1 << doublings), PAUSE_MAX_S)

    def answered(self) -> None:
        """The exchange has been asked everything that was to be asked."""
        if self._since is None:
            return
        away_s = (self._clock.elapsed_ms() - self._since) / 1_000
        log.info("exchange_within_reach", away_s=round(away_s, 1), failures=self._failures, last_error=self._why)
        self._since, self._why, self._failures = None, "", 0
