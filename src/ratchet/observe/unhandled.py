"""Exceptions that nobody caught, or only the last resort of a task: each is logged, counted and told."""

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import structlog

OURS = frozenset({"unhandled_exception", "unhandled_not_told"})  # events of this module: they are counted already

log = structlog.get_logger(__name__)


class Unhandled:
    """Of one process."""

    def __init__(self, redact: Callable[[str], str], on_unhandled: Callable[[str], None]) -> None:
        """Args: redact, takes secrets out of a text; on_unhandled, told in one line of each, from any thread."""
        self._redact = redact
        self._on_unhandled = on_unhandled
        self.count = 0

    def tell(self, where: str, error: BaseException) -> None:
        """There was one. Never fails."""
        log.error("unhandled_exception", where=where, exc_info=error)
        self._count(where, error)

    def _count(self, where: str, error: BaseException) -> None:
        self.count += 1
        line = " ".join(f"unhandled in {where}: {type(error).__name__}: {error}".splitlines())
        try:
            self._on_unhandled(self._redact(line))
        except Exception:
            log.exception("unhandled_not_told")

    @contextmanager
    def caught(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Hear of what nobody caught in tasks and callbacks of a loop, in threads and in finalizers; and of what is
        logged with its traceback, for that is how a task that must go on ends with what it did not expect."""
        last_resorts = _LastResorts(self._count)
        before = loop.get_exception_handler(), threading.excepthook, sys.unraisablehook
        loop.set_exception_handler(self._on_loop)
        threading.excepthook = self._on_thread
        sys.unraisablehook = self._on_unraisable
        logging.getLogger().addHandler(last_resorts)
        try:
            yield
        finally:
            logging.getLogger().removeHandler(last_resorts)
            loop.set_exception_handler(before[0])
            threading.excepthook, sys.unraisablehook = before[1:]

    def excepthook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """For `sys.excepthook`: what ends the process. The traceback goes to standard error without secrets."""
        if issubclass(kind, Exception):
            self.tell("the process", error)
        text = "".join(traceback.format_exception(kind, error, trace))
        with suppress(OSError, ValueError):  # there may be no standard error any more
            sys.stderr.write(self._redact(text))

    def _on_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        told = str(context.get("message", "the event loop"))
        if isinstance(error, Exception):
            self.tell(told, error)
        else:  # no exception: something was not closed or not waited for
            log.error("loop_complains", complaint=told)

    def _on_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and issubclass(args.exc_type, Exception):
            self.tell(f"thread {args.thread.name if args.thread else 'unknown'}", args.exc_value)

    def _on_unraisable(self, args: "sys.UnraisableHookArgs") -> None:
        if isinstance(args.exc_value, Exception):
            self.tell("a finalizer", args.exc_value)


class _LastResorts(logging.Handler):
    """Hears of log lines with a traceback."""

    def __init__(self, on_error: Callable[[str, BaseException], None]) -> None:
        super().__init__(logging.ERROR)
        self._on_error = on_error

    def emit(self, record: logging.LogRecord) -> None:
        event: Any = record.msg
        if isinstance(event, dict):  # of structlog, which renders it later
            name, shown = str(event.get("event")), event.get("exc_info")
        else:
            name, shown = str(event), record.exc_info
        error = _error_of(shown)
        if name not in OURS and isinstance(error, Exception):
            self._on_error(name, error)


def _error_of(shown: Any) -> BaseException | None:
    """What `exc_info` means: an exception, the one that is being handled, or a triple."""
    if isinstance(shown, BaseException):
        return shown
    if isinstance(shown, tuple):
        shown = shown[1]
        return shown if isinstance(shown, BaseException) else None
    return sys.exc_info()[1] if shown else None
