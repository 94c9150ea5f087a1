"""The watch: the guardian's life as a process, from the lock to the signal that ends it. Nothing else ends it."""

import asyncio
import signal
from contextlib import suppress

import structlog

from ratchet.domain.clock import Clock
from ratchet.exchange.errors import ExchangeError
from ratchet.guardian.account_lock import AccountLock
from ratchet.guardian.guardian import Deeds, Guardian
from ratchet.guardian.reach import Reach
from ratchet.observe.systemd import Systemd

LOCK_PAUSE_S = 0.5
STATUS_EVERY_MS = 60_000.0

log = structlog.get_logger(__name__)


class Watch:
    """Keeps a guardian looking.

    Args: idle_end_ms, of real time: after so long with nothing held it ends, once it is `alone`.
    """

    def __init__(self, guardian: Guardian, clock: Clock, systemd: Systemd, idle_end_ms: float) -> None:
        self._guardian = guardian
        self._clock = clock
        self._systemd = systemd
        self._idle_end_ms = idle_end_ms
        self._reach = Reach(clock)
        self._idle_since: float | None = None
        self._told_at: float | None = None
        self._last_fault = ""
        self.stop = asyncio.Event()
        self.alone = asyncio.Event()  # the trader that started it is gone; never set where none did

    @property
    def deeds(self) -> Deeds:
        """What its guardian has done so far."""
        return self._guardian.deeds

    async def run(self, lock: AccountLock) -> None:
        """Wait for the lock, then look until told to end."""
        self._end_on_signals()
        self._systemd.tell("READY=1", "STATUS=started")
        try:
            if await self._taken(lock):
                await self._look_on()
        finally:
            self._systemd.tell("STOPPING=1")
            lock.release()
            log.info("guardian_ended")

    async def _taken(self, lock: AccountLock) -> bool:
        """Whether to begin: when no other guardian is looking at the account any more."""
        try:
            if not lock.try_take():
                log.info("another_guardian_is_looking", lock=str(lock.file))
            while not lock.try_take():
                # Alone and beside another one, it is needed by nobody.
                if self.stop.is_set() or self.alone.is_set():
                    return False
                self._systemd.beat("WATCHDOG=1", "STATUS=another guardian is looking")
                await self._pause(LOCK_PAUSE_S)
        except OSError as error:
            log.warning("no_lock", lock=str(lock.file), error=str(error))
        return not self.stop.is_set()

    async def _look_on(self) -> None:
        log.info("guardian_looking")
        while not self.stop.is_set():
            pause_s = await self._look()
            self._tell()
            if self._is_over():
                log.info("guardian_not_needed")
                return
            await self._pause(pause_s)

    async def _look(self) -> float:
        """One look that never fails. Returns: the pause after it, s."""
        try:
            pause_s = await self._guardian.look()
        except (ExchangeError, TimeoutError) as error:
            return self._reach.failed(str(error) or "no answer in time")
        except Exception as error:
            # Whatever went wrong, there may be a position: it goes on.
            fault = f"{type(error).__name__}: {error}"
            if fault != self._last_fault:
                log.exception("guardian_failed")
            self._last_fault = fault
            return self._reach.failed(fault)
        self._reach.answered()
        self._on_seen()
        return pause_s

    def _on_seen(self) -> None:
        now = self._clock.elapsed_ms()
        if self._guardian.held or not self.alone.is_set():
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now

    def _is_over(self) -> bool:
        if self._idle_since is None or self._reach.why_not:
            return False
        return self._clock.elapsed_ms() - self._idle_since >= self._idle_end_ms

    def _tell(self) -> None:
        """The service manager at every look, the log once a minute."""
        held, why_not = self._guardian.held, self._reach.why_not
        self._systemd.beat("WATCHDOG=1", f"STATUS={why_not or f'{held} positions, all looked at'}")
        now = self._clock.elapsed_ms()
        if self._told_at is not None and now - self._told_at < STATUS_EVERY_MS:
            return
        self._told_at = now
        deeds = self._guardian.deeds
        log.info(
            "guardian_status",
            held=held,
            looks=deeds.looks,
            stops_placed=deeds.stops_placed,
            closes_sent=deeds.closes_sent,
            out_of_reach=why_not,
            alone=self.alone.is_set(),
        )

    async def _pause(self, pause_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self.stop.wait()

    def _end_on_signals(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # Windows: Ctrl-C cancels instead
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self.stop.set)
