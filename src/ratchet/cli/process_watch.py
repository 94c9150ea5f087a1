"""The process watch: what a process of ours tells of itself to a supervisor, whatever it does: that it is alive, and
what nobody caught. What it posts goes into its ledger.
"""

import asyncio
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

from ratchet.config.settings import Settings
from ratchet.control.notice_record import NoticeRecord
from ratchet.domain.clock import Clock
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.observe.redaction import Redaction
from ratchet.observe.systemd import Systemd
from ratchet.observe.unhandled import Unhandled

HEARTBEAT_S = 1.0
NOTICES_TIMEOUT_S = 5.0
UNTOLD_MAX = 100
EXPECTED: tuple[type[Exception], ...] = (ExchangeError, LedgerError, TimeoutError)  # whoever runs it deals with these


class ProcessWatch:
    """Of one process. Nothing of it can hold up what the process is for."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        systemd: Systemd,
        *,
        of_what: str,
        expected: tuple[type[Exception], ...] = (),
        on_unhandled: Callable[[], None] = lambda: None,
    ) -> None:
        """Args: of_what, "the trader"; expected, exceptions that may end it beside those of any process; on_unhandled,
        called from any thread at each exception that nobody caught.
        """
        self._settings = settings
        self._clock = clock
        self._systemd = systemd
        self._of_what = of_what
        self._expected = (*EXPECTED, *expected)
        self._count = on_unhandled
        self.redact = Redaction(settings.secrets()).text
        self.unhandled = Unhandled(self.redact, self._on_unhandled)
        self._board: Noticeboard | None = None
        self._untold: deque[str] = deque(maxlen=UNTOLD_MAX)  # while there is no board
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    @asynccontextmanager
    async def hooked(self) -> AsyncIterator[None]:
        """Hear of what nobody caught until the block is left."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        # It stays: what ends the process is to show its traceback without secrets.
        sys.excepthook = self.unhandled.excepthook
        with self.unhandled.caught(self._loop):
            yield

    @asynccontextmanager
    async def beating(self, beat: Callable[[], Sequence[str]]) -> AsyncIterator[None]:
        """Tell the service manager how it is until the block is left. Args: beat, asked each second."""
        heart = asyncio.create_task(self._beat(beat), name="heartbeat")
        self._systemd.tell("READY=1", "STATUS=started")
        try:
            yield
        finally:
            self._systemd.tell("STOPPING=1")
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)

    @asynccontextmanager
    async def recording(self, board: Noticeboard, ledger: Ledger) -> AsyncIterator[NoticeRecord]:
        """Until the block is left, what is posted goes into the ledger, and what nobody caught is posted."""
        keep_days = self._settings.observe.notices_keep_days
        record = NoticeRecord(ledger, self._clock, keep_days=keep_days, redact=self.redact)
        writing = asyncio.create_task(record.run(), name="notices")
        end = board.listen(record.on_notice)
        self._board = board
        while self._untold:
            self._tell(self._untold.popleft())
        try:
            yield record
        except BaseException as error:
            for each in unexpected(error, self._expected):
                self.unhandled.tell(self._of_what, each)
            raise
        finally:
            self._board = None
            await record.written(NOTICES_TIMEOUT_S)
            end()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _beat(self, beat: Callable[[], Sequence[str]]) -> None:
        while True:
            self._systemd.beat(*beat())
            await asyncio.sleep(HEARTBEAT_S)

    def _on_unhandled(self, line: str) -> None:
        """From any thread."""
        self._count()
        if threading.get_ident() == self._thread:
            self._tell(line)
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell, line)

    def _tell(self, line: str) -> None:
        if self._board is None:
            self._untold.append(line)
            return
        at_ms = self._clock.now_ms()
        self._board.post(Notice(kind=Kind.UNHANDLED, at_ms=at_ms, text=line, weight=Weight.ALARM))


def unexpected(error: BaseException, expected: tuple[type[Exception], ...]) -> Iterator[Exception]:
    """The exceptions in it that are faults of ours."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from unexpected(each, expected)
    elif isinstance(error, Exception) and not isinstance(error, expected):
        yield error
