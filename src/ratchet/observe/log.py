"""The log: to the console for a person and to a file, one JSON object a line, for everything else."""

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

import structlog

from ratchet.config.bad_settings import BadSettings
from ratchet.observe.redaction import Redaction

FILE_NAME = "ratchet.jsonl"
FILE_BYTES_MAX = 20_000_000
FILES_KEPT = 5
QUIET = ("ccxt", "asyncio", "aiohttp", "aiosqlite", "sqlalchemy", "alembic")  # heard from warnings on


@contextmanager
def logging_to(
    log_dir: Path, *, secrets: Iterable[str] = (), level: str = "INFO", console: bool = True
) -> Iterator[Path]:
    """Log everything, structlog's events and the standard library's, until the block is left.

    Args: log_dir, made if need be; secrets, values that are never written; level, of both; console, whether to write
        to standard error as well.
    Returns: the file. It is turned over at 20 MB, five old ones are kept.
    Raises: BadSettings if the file cannot be written.
    """
    redaction = Redaction(secrets)
    handlers: list[logging.Handler] = [_file_handler(log_dir, redaction)]
    if console:
        handlers.append(_console_handler(redaction))
    root = logging.getLogger()
    level_before = root.level
    levels_before = {name: logging.getLogger(name).level for name in QUIET}
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    try:
        yield log_dir / FILE_NAME
    finally:
        structlog.reset_defaults()
        root.setLevel(level_before)
        for name, before in levels_before.items():
            logging.getLogger(name).setLevel(before)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


class _RedactedFormatter(structlog.stdlib.ProcessorFormatter):
    """Redacts the finished line as well: an object may show a secret only when it is written out."""

    def __init__(self, redaction: Redaction, renderer: Any) -> None:
        super().__init__(
            processors=[self.remove_processors_meta, structlog.processors.format_exc_info, redaction, renderer],
            foreign_pre_chain=_SHARED,
        )
        self._redaction = redaction

    def format(self, record: logging.LogRecord) -> str:
        return self._redaction.text(super().format(record))


class _File(RotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        _say_not_written(record)


class _Console(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        _say_not_written(record)


def _say_not_written(record: logging.LogRecord) -> None:
    """A line that cannot be written, for it is malformed or the disk is full. Its text, which logging itself would
    show here, may hold a secret."""
    kind, *_ = sys.exc_info()
    with suppress(OSError, ValueError):  # there may be no standard error any more
        where = f"{record.filename}:{record.lineno}"
        sys.stderr.write(f"a log line of {where} was not written: {kind.__name__ if kind else 'unknown'}\n")


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def _file_handler(log_dir: Path, redaction: Redaction) -> logging.Handler:
    file = log_dir / FILE_NAME
    try:
        log_dir.mkdir(parents=True, exist_ok=True)
        handler = _File(file, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT, encoding="utf-8")
    except OSError as error:
        raise BadSettings("log_dir", f"{file} cannot be written: {error.strerror}") from None
    handler.setFormatter(_RedactedFormatter(redaction, structlog.processors.JSONRenderer(default=str)))
    return handler


def _console_handler(redaction: Redaction) -> logging.Handler:
    handler = _Console(sys.stderr)
    renderer = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=28
    )
    handler.setFormatter(_RedactedFormatter(redaction, renderer))
    return handler
