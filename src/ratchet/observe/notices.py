"""Notices: what an operator should hear of. Whoever has something to say posts it; faces and the ledger listen."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import structlog

from ratchet.domain.symbol import Symbol

log = structlog.get_logger(__name__)


class Kind(StrEnum):
    """What it is about."""

    START = "start"
    STOP = "stop"
    ENTRY = "entry"
    RUNG = "rung"
    STOP_LOSS = "stop_loss"
    CLOSE = "close"
    PAUSE = "pause"
    RESUME = "resume"
    LIMIT = "limit"  # of the risk guard
    PROTECTION = "protection"
    PANIC = "panic"
    STREAM_LOST = "stream_lost"
    STREAM_BACK = "stream_back"
    SETTINGS = "settings"
    UNIVERSE = "universe"
    BOOKS = "books"
    LEDGER = "ledger"
    CASE = "case"  # of the spot companion: what somebody bought, and what becomes of it
    UNHANDLED = "unhandled"  # an exception that nobody caught


class Weight(StrEnum):
    """How soon somebody should look."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One of them."""

    kind: Kind
    at_ms: int  # exchange time
    text: str  # one line, for people
    weight: Weight = Weight.INFO
    symbol: Symbol | None = None


Listener: TypeAlias = Callable[[Notice], None]  # returns at once: trading waits for it


class Noticeboard:
    """Whoever posts does not know who listens. A listener that fails is heard of in the log and disturbs nobody."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hear everything that is posted from now on. Returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def post(self, notice: Notice) -> None:
        """Tell everybody."""
        log.info("notice", kind=notice.kind.value, weight=notice.weight.value, text=notice.text, symbol=notice.symbol)
        for listener in tuple(self._listeners):
            try:
                listener(notice)
            except Exception:
                log.exception("notice_not_heard", kind=notice.kind.value)
