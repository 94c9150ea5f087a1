"""Exceptions that nobody caught: each is logged, counted and told, wherever it came up."""

import asyncio
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

import structlog

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
        self.count += 1
        log.error("unhandled_exception", where=where, exc_info=error)
        line = " ".join(f"unhandled in {where}: {type(error).__name__}: {error}".splitlines())
        try:
            self._on_unhandled(self._redact(line))
        except Exception:
            log.exception("unhandled_not_told")

    @contextmanager
    def caught(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Hear of what nobody caught in tasks and callbacks of a loop, in threads and in finalizers."""
        before = loop.get_exception_handler(), threading.excepthook, sys.unraisablehook
        loop.set_exception_handler(self._on_loop)
        threading.excepthook = self._on_thread
        sys.unraisablehook = self._on_unraisable
        try:
            yield
        finally:
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
