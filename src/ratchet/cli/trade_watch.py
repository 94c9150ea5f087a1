"""The trade watch: what a process that trades tells of itself to a supervisor, Prometheus, log and ledger."""

import asyncio
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import structlog

from ratchet.cli.status_lines import StatusLines
from ratchet.config.settings import Settings
from ratchet.domain.clock import Clock
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError
from ratchet.observe.beacon import Beacon
from ratchet.observe.metrics import Metrics
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.observe.redaction import Redaction
from ratchet.observe.systemd import Systemd
from ratchet.observe.unhandled import Unhandled
from ratchet.observe.vitals import Vitals
from ratchet.trading.market_side import CannotTrade
from ratchet.trading.notice_record import NoticeRecord
from ratchet.trading.vital_signs import VitalSigns
from ratchet.trading.wiring import Trader

HEARTBEAT_S = 1.0
STATUS_EVERY_S = 60.0
LOOK_AGE_S_MAX = 75.0  # longer than a look may take that waits for its share of the limits, and for every answer
NOTICES_TIMEOUT_S = 5.0
UNTOLD_MAX = 100
EXPECTED = (CannotTrade, ExchangeError, LedgerError, TimeoutError)  # whoever runs a trader deals with these

log = structlog.get_logger(__name__)


class TradeWatch:
    """Of one process. Nothing of it can hold up trading."""

    def __init__(self, settings: Settings, clock: Clock, lines: StatusLines, systemd: Systemd) -> None:
        self._settings = settings
        self._clock = clock
        self._lines = lines
        self._systemd = systemd
        self._redact = Redaction(settings.secrets()).text
        self.metrics = Metrics()
        self._beacon = Beacon(settings.observe, self.metrics, self._redact)
        self.unhandled = Unhandled(self._redact, self._on_unhandled)
        self._look: Callable[[], Vitals] | None = None
        self._board: Noticeboard | None = None
        self._untold: deque[str] = deque(maxlen=UNTOLD_MAX)  # while there is no board
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0

    @asynccontextmanager
    async def process(self) -> AsyncIterator[None]:
        """Watch the process until the block is left."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        # It stays: what ends the process is to show its traceback without secrets.
        sys.excepthook = self.unhandled.excepthook
        with self.unhandled.caught(self._loop):
            async with self._beacon.lit(self._lines.say):
                beating = asyncio.create_task(self._beat(), name="heartbeat")
                self._systemd.tell("READY=1", "STATUS=started")
                try:
                    yield
                finally:
                    self._systemd.tell("STOPPING=1")
                    beating.cancel()
                    await asyncio.gather(beating, return_exceptions=True)

    @asynccontextmanager
    async def trader(self, trader: Trader) -> AsyncIterator[None]:
        """Watch a trader until the block is left: its notices go into the ledger, what it fails of is told."""
        keep_days = self._settings.observe.notices_keep_days
        record = NoticeRecord(trader.ledger, self._clock, keep_days=keep_days, redact=self._redact)
        writing = asyncio.create_task(record.run(), name="notices")
        board = self._board = trader.engine.noticeboard
        ends = [board.listen(record.on_notice), board.listen(self.metrics.on_notice)]
        trader.engine.trades.on_naked_known = self.metrics.on_naked
        self._look = VitalSigns(trader, self._clock, record).look
        self._beacon.watch(self._look)
        while self._untold:
            self._tell(self._untold.popleft())
        try:
            yield
        except BaseException as error:
            for each in _unexpected(error):
                self.unhandled.tell("the trader", each)
            raise
        finally:
            self._look = self._board = None
            self._beacon.watch(None)
            await record.written(NOTICES_TIMEOUT_S)
            for end in ends:
                end()
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _beat(self) -> None:
        told_s = self._clock.elapsed_ms() / 1_000
        while True:
            vitals = None if self._look is None else self._look()
            self._systemd.tell(*heartbeat(vitals))
            now_s = self._clock.elapsed_ms() / 1_000
            if vitals is not None and now_s - told_s >= STATUS_EVERY_S:
                told_s = now_s
                self._tell_status(vitals)
            await asyncio.sleep(HEARTBEAT_S)

    def _tell_status(self, vitals: Vitals) -> None:
        log.info(
            "status",
            equity=str(vitals.equity),
            available=str(vitals.available),
            pnl_open=str(vitals.pnl_open),
            pnl_day=str(vitals.pnl_day),
            positions=vitals.positions,
            trades_closed=vitals.trades_closed,
            uptime_s=round(vitals.uptime_s),
            naked_ms_max=vitals.naked_ms_max,
            user_stream_age_s=vitals.user_stream_age_s,
            market_stream_age_s=vitals.market_stream_age_s,
            weight_used=vitals.weight_used,
            weight_max=vitals.weight_max,
            notes_waiting=vitals.notes_waiting,
            entries_halted=vitals.entries_halted,
            unhandled=self.unhandled.count,
        )
        self._lines.tell_vitals(vitals)

    def _on_unhandled(self, line: str) -> None:
        """From any thread."""
        self.metrics.on_unhandled()
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


def heartbeat(vitals: Vitals | None) -> tuple[str, ...]:
    """What the service manager is told. It hears nothing of the watchdog once the account has not been looked at for
    long: then something is stuck, and only another process helps. An exchange that does not answer was looked at."""
    if vitals is None:
        return ("WATCHDOG=1", "STATUS=no trader runs just now")
    if vitals.look_age_s is not None and vitals.look_age_s > LOOK_AGE_S_MAX:
        return (f"STATUS=no look at the account for {vitals.look_age_s:.0f} s",)
    entries = f"entries off: {vitals.entries_halted}" if vitals.entries_halted else "entries on"
    return ("WATCHDOG=1", f"STATUS={vitals.positions} positions, equity {vitals.equity:.2f} USDC, {entries}")


def _unexpected(error: BaseException) -> Iterator[Exception]:
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _unexpected(each)
    elif isinstance(error, Exception) and not isinstance(error, EXPECTED):
        yield error
