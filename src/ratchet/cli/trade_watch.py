"""The trade watch: what a process that trades tells of itself to a supervisor, Prometheus, log and ledger."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from ratchet.cli.process_watch import ProcessWatch
from ratchet.cli.status_lines import StatusLines
from ratchet.config.settings import Settings
from ratchet.domain.clock import Clock
from ratchet.observe.beacon import Beacon, Place
from ratchet.observe.health import checks_of
from ratchet.observe.systemd import Systemd
from ratchet.observe.trader_metrics import TraderMetrics
from ratchet.observe.vitals import Vitals
from ratchet.trading.entries.market_side import CannotTrade
from ratchet.trading.vital_signs import VitalSigns
from ratchet.trading.wiring import Trader

STATUS_EVERY_S = 60.0
NOBODY_TRADES = "no trader runs just now"
LOOK_AGE_S_MAX = 75.0  # longer than a look may take that waits for its share of the limits, and for every answer

log = structlog.get_logger(__name__)


class TradeWatch:
    """Of one process. Nothing of it can hold up trading."""

    def __init__(self, settings: Settings, clock: Clock, lines: StatusLines, systemd: Systemd) -> None:
        self._clock = clock
        self._lines = lines
        self.metrics = TraderMetrics()
        self._process = ProcessWatch(
            settings,
            clock,
            systemd,
            of_what="the trader",
            expected=(CannotTrade,),
            on_unhandled=self.metrics.on_unhandled,
        )
        self.unhandled = self._process.unhandled
        observe = settings.observe
        self._beacon = Beacon(
            Place(host=observe.host, port=observe.port, port_setting="observe.port", goes_on="Trading goes on"),
            self.metrics,
            self._process.redact,
            lambda vitals: checks_of(vitals, observe),
            idle=NOBODY_TRADES,
        )
        self._look: Callable[[], Vitals] | None = None
        self._told_s = clock.elapsed_ms() / 1_000

    @asynccontextmanager
    async def process(self) -> AsyncIterator[None]:
        """Watch the process until the block is left."""
        async with self._process.hooked(), self._beacon.lit(self._lines.say), self._process.beating(self._beat):
            yield

    @asynccontextmanager
    async def trader(self, trader: Trader) -> AsyncIterator[None]:
        """Watch a trader until the block is left: its notices go into the ledger, what it fails of is told."""
        board = trader.engine.noticeboard
        end = board.listen(self.metrics.on_notice)
        trader.engine.trades.on_naked_known = self.metrics.on_naked
        try:
            async with self._process.recording(board, trader.ledger) as record:
                self._look = VitalSigns(trader, self._clock, lambda: record.waiting).look
                self._beacon.watch(self._look)
                try:
                    yield
                finally:
                    self._look = None
                    self._beacon.rest(NOBODY_TRADES)
        finally:
            end()

    def _beat(self) -> Sequence[str]:
        vitals = None if self._look is None else self._look()
        now_s = self._clock.elapsed_ms() / 1_000
        if vitals is not None and now_s - self._told_s >= STATUS_EVERY_S:
            self._told_s = now_s
            self._tell_status(vitals)
        return heartbeat(vitals)

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


def heartbeat(vitals: Vitals | None) -> tuple[str, ...]:
    """What the service manager is told. It hears nothing of the watchdog once the account has not been looked at for
    long: then something is stuck, and only another process helps. An exchange that does not answer was looked at."""
    if vitals is None:
        return ("WATCHDOG=1", "STATUS=no trader runs just now")
    if vitals.look_age_s is not None and vitals.look_age_s > LOOK_AGE_S_MAX:
        return (f"STATUS=no look at the account for {vitals.look_age_s:.0f} s",)
    entries = f"entries off: {vitals.entries_halted}" if vitals.entries_halted else "entries on"
    return ("WATCHDOG=1", f"STATUS={vitals.positions} positions, equity {vitals.equity:.2f} USDC, {entries}")
