"""The watch of a spot companion: what its process tells of itself to a supervisor, Prometheus and its ledger."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from ratchet.cli.process_watch import ProcessWatch
from ratchet.config.live import LiveSettings
from ratchet.domain.clock import Clock
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.ledger import Ledger
from ratchet.observe.beacon import Beacon, Place
from ratchet.observe.companion_health import companion_checks
from ratchet.observe.companion_metrics import CompanionMetrics
from ratchet.observe.companion_vitals import CompanionVitals
from ratchet.observe.health import Check
from ratchet.observe.systemd import Systemd
from ratchet.rebound.companion import Companion
from ratchet.rebound.status import CompanionStatus
from ratchet.rebound.vital_signs import CompanionVitalSigns
from ratchet.rebound.watcher import CannotWatch

LOOK_AGE_S_MAX = 75.0  # beyond the time between two looks: longer than one may take that waits for every answer
NOBODY_WATCHES = "no spot companion runs just now"


class ReboundWatch:
    """Of one process. Nothing of it can hold up the companion."""

    def __init__(self, live: LiveSettings, clock: Clock, systemd: Systemd, *, is_served: bool) -> None:
        """Args: is_served, whether health and metrics may be: a dry run leaves the port to the one that sells."""
        self._live = live
        self._metrics = CompanionMetrics()
        self._process = ProcessWatch(
            live.now,
            clock,
            systemd,
            of_what="the spot companion",
            expected=(CannotWatch,),
            on_unhandled=self._metrics.on_unhandled,
        )
        observe = live.now.observe
        self._beacon = Beacon(
            Place(
                host=observe.host,
                port=observe.rebound_port if is_served else 0,
                port_setting="observe.rebound_port",
                goes_on="The companion goes on",
            ),
            self._metrics,
            self._process.redact,
            self._checks,
            idle=NOBODY_WATCHES,
        )

    @asynccontextmanager
    async def process(self, say: Callable[[str], None]) -> AsyncIterator[None]:
        """Watch the process until the block is left. Args: say, told what people should know of it, in one line."""
        async with self._process.hooked(), self._beacon.lit(say):
            yield

    def waits(self, why: str) -> None:
        """There is no companion yet. Args: why, in one line."""
        self._beacon.rest(why)

    @asynccontextmanager
    async def companion(self, companion: Companion, client: SpotClient, ledger: Ledger) -> AsyncIterator[None]:
        """Watch a companion until the block is left: what it posts goes into its ledger, what nobody caught is posted,
        and the service manager hears that it is well.
        """
        end = companion.noticeboard.listen(self._metrics.on_notice)
        try:
            async with self._process.recording(companion.noticeboard, ledger) as record:
                self._beacon.watch(CompanionVitalSigns(companion, client, lambda: record.waiting).look)
                try:
                    async with self._process.beating(lambda: self._beat(companion)):
                        yield
                finally:
                    self._beacon.rest(NOBODY_WATCHES)
        finally:
            end()

    def _beat(self, companion: Companion) -> Sequence[str]:
        return heartbeat(companion.status(), self._live.now.rebound.sweep_s)

    def _checks(self, vitals: CompanionVitals) -> Sequence[Check]:
        settings = self._live.now
        return companion_checks(
            vitals, answer_age_s_max=settings.observe.answer_age_s_max, look_every_s=settings.rebound.sweep_s
        )


def heartbeat(status: CompanionStatus, sweep_s: float) -> tuple[str, ...]:
    """What the service manager is told. It hears nothing of the watchdog once a symbol has not been looked at for long
    although nothing failed: then something is stuck, and only another process helps.

    Args: sweep_s, between two looks.
    """
    for line in status.symbols:
        age_ms = status.uptime_ms if line.looked_ms is None else status.now_ms - line.looked_ms
        if not line.trouble and age_ms > (sweep_s + LOOK_AGE_S_MAX) * 1_000:
            return (f"STATUS=no look at {line.symbol} for {age_ms / 1_000:.0f} s",)
    cases = sum(len(line.cases) for line in status.symbols)
    placing = f"placing off: {status.held_back}" if status.held_back else "placing on"
    return ("WATCHDOG=1", f"STATUS={len(status.symbols)} symbols watched, {cases} open cases, {placing}")
