"""The notice record: notices go into the ledger by and by. Whoever posts them does not wait for the disk."""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from ratchet.domain.clock import Clock
from ratchet.ledger.errors import LedgerError, LedgerUnavailable
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.notices import NoticeLine
from ratchet.observe.notices import Notice

WAITING_MAX = 1_000
RETRY_S = 0.5
DAY_MS = 86_400_000

log = structlog.get_logger(__name__)


class NoticeRecord:
    """A ledger that is locked gets its notices when it can be written again. Of more than it can wait for, the oldest
    are lost, and the log says how many.
    """

    def __init__(
        self, ledger: Ledger, clock: Clock, *, keep_days: int, redact: Callable[[str], str], retry_s: float = RETRY_S
    ) -> None:
        """Args: keep_days, what is older is forgotten; redact, takes secrets out of a text; retry_s, real time."""
        self._ledger = ledger
        self._clock = clock
        self._keep_ms = keep_days * DAY_MS
        self._redact = redact
        self._retry_s = retry_s
        self._waiting: deque[NoticeLine] = deque(maxlen=WAITING_MAX)
        self._lost = 0
        self._news = asyncio.Event()
        self._all_written = asyncio.Event()
        self._all_written.set()

    @property
    def waiting(self) -> int:
        """How many are not in the ledger yet."""
        return len(self._waiting)

    def on_notice(self, notice: Notice) -> None:
        """Take one from the noticeboard. Returns at once."""
        if len(self._waiting) == WAITING_MAX:
            self._lost += 1
        self._waiting.append(
            NoticeLine(
                at_ms=notice.at_ms,
                kind=notice.kind.value,
                weight=notice.weight.value,
                symbol=notice.symbol,
                # Redacted before the ledger cuts it: of a secret that is cut in two the first half would be left.
                text=self._redact(" ".join(notice.text.splitlines())),
            )
        )
        self._all_written.clear()
        self._news.set()

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._waiting:
                await self._write()
            self._all_written.set()

    async def written(self, timeout_s: float) -> bool:
        """Wait until the ledger has everything. False when it still lacks something then."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._all_written.wait()
        except TimeoutError:
            log.warning("notices_not_written", notices=len(self._waiting))
            return False
        return True

    async def _write(self) -> None:
        if self._lost:
            log.warning("notices_lost", notices=self._lost)
            self._lost = 0
        lines = list(self._waiting)
        self._waiting.clear()
        try:
            await self._ledger.record_notices(lines, forget_before_ms=self._clock.now_ms() - self._keep_ms)
        except LedgerUnavailable:
            # What came meanwhile is newer: where there is no room for all, the oldest go.
            room = WAITING_MAX - len(self._waiting)
            self._lost += max(len(lines) - room, 0)
            self._waiting.extendleft(reversed(lines[max(len(lines) - room, 0) :]))
            await asyncio.sleep(self._retry_s)
        except LedgerError as error:
            log.error("notices_refused", notices=len(lines), error=str(error))
