"""The watch of a spot companion: what it tells of itself to a supervisor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ratchet.cli.process_watch import ProcessWatch
from ratchet.config.live import LiveSettings
from ratchet.domain.clock import Clock
from ratchet.ledger.ledger import Ledger
from ratchet.observe.systemd import Systemd
from ratchet.rebound.companion import Companion
from ratchet.rebound.status import CompanionStatus
from ratchet.rebound.watcher import CannotWatch

LOOK_AGE_S_MAX = 75.0  # beyond the time between two looks: longer than one may take that waits for every answer


@asynccontextmanager
async def watched(
    companion: Companion, ledger: Ledger, live: LiveSettings, clock: Clock, systemd: Systemd
) -> AsyncIterator[None]:
    """Until the block is left: what it posts goes into its ledger, what nobody caught is posted, and the service
    manager hears that it is well.
    """
    process = ProcessWatch(live.now, clock, systemd, of_what="the spot companion", expected=(CannotWatch,))

    def beat() -> tuple[str, ...]:
        return heartbeat(companion.status(), live.now.rebound.sweep_s)

    async with (
        process.hooked(),
        process.recording(companion.noticeboard, ledger),
        process.beating(beat),
    ):
        yield


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
