"""Reach: whether Telegram answers, and how long it did not."""

from collections.abc import Callable

import structlog

from ratchet.domain.clock import Clock

log = structlog.get_logger(__name__)


class Reach:
    """Told of every question to Telegram whether an answer came."""

    def __init__(self, clock: Clock, said_from_s: float) -> None:
        """Args: said_from_s, how long it has to be away for anybody to be told."""
        self._clock = clock
        self._said_from_s = said_from_s
        self._lost_ms: float | None = None
        self._listeners: list[Callable[[float], None]] = []

    @property
    def is_lost(self) -> bool:
        """Whether the last question stayed without an answer."""
        return self._lost_ms is not None

    def on_back(self, listener: Callable[[float], None]) -> None:
        """Be told how many seconds it was away, when it is back."""
        self._listeners.append(listener)

    def failed(self, why: str) -> None:
        """No answer came."""
        if self._lost_ms is None:
            self._lost_ms = self._clock.elapsed_ms()
            log.warning("telegram_out_of_reach", why=why)

    def answered(self) -> None:
        """One did."""
        if self._lost_ms is None:
            return
        gap_s = (self._clock.elapsed_ms() - self._lost_ms) / 1_000
        self._lost_ms = None
        log.info("telegram_back", gap_s=round(gap_s, 1))
        if gap_s >= self._said_from_s:
            for listener in self._listeners:
                listener(gap_s)
