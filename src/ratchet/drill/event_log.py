"""The event log of a run: what happened when, in virtual time, to read a failure by."""

import logging
import sys
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog

LINES_MAX = 100_000


@dataclass(slots=True)
class EventLog:
    """Lines are kept only if they are wanted; errors that nobody expected always are."""

    wants_lines: bool = False
    clock: Callable[[], float] = lambda: 0.0  # virtual ms
    lines: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    is_deaf: bool = False  # the last words of the dead are not heard

    def note(self, event: str, **details: object) -> None:
        """Write down what happens to the process."""
        if self.wants_lines and len(self.lines) < LINES_MAX:
            told = " ".join(f"{name}={value}" for name, value in details.items())
            self.lines.append(f"{self.clock() / 1_000:10.3f}  {event:24} {told}".rstrip())

    def take(self, _logger: Any, method: str, entry: MutableMapping[str, Any]) -> Any:
        """What the process logs itself: a processor of structlog."""
        if self.is_deaf:
            raise structlog.DropEvent
        event = str(entry.pop("event"))
        error = entry.pop("exc_info", None)
        if error or method == "exception":
            self.unexpected.append(f"{event}: {entry.get('error', '')} {_told(error)}".strip())
        self.note(event, **entry)
        raise structlog.DropEvent


@contextmanager
def logging_into(log: EventLog) -> Iterator[None]:
    """Have this process log there."""
    level = 20 if log.wants_lines else 40
    quiet, nowhere = logging.getLogger("sqlalchemy"), logging.NullHandler()
    quiet.addHandler(nowhere)  # it would tell of connections that the dead did not give back
    structlog.configure(processors=[log.take], wrapper_class=structlog.make_filtering_bound_logger(level))
    try:
        yield
    finally:
        structlog.reset_defaults()
        quiet.removeHandler(nowhere)


def _told(error: Any) -> str:
    found = sys.exc_info()[1] if error is True else error
    return "".join(traceback.format_exception(found))[-2_000:] if isinstance(found, BaseException) else ""
