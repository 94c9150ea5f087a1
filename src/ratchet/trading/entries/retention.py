"""Retention: decisions that are too old are forgotten, a few at a time."""

import asyncio

import structlog

from ratchet.domain.clock import Clock
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BATCH = 500  # a few milliseconds of the ledger's writer
PAUSE_S = 0.2  # of real time, in which whoever has something to write goes first

log = structlog.get_logger(__name__)


class Retention:
    """One task. What cannot be forgotten now is forgotten an hour later."""

    def __init__(self, ledger: Ledger, clock: Clock, *, keep_days: int) -> None:
        self._ledger = ledger
        self._clock = clock
        self._keep_ms = keep_days * DAY_MS

    async def run(self) -> None:
        """Forget every hour, until cancelled."""
        while True:
            await self._clock.sleep_until((self._clock.now_ms() // HOUR_MS + 1) * HOUR_MS)
            try:
                await self.forget()
            except LedgerError as error:
                log.warning("decisions_not_forgotten", error=str(error))

    async def forget(self) -> int:
        """Once. Returns how many decisions were forgotten. Raises: LedgerError."""
        before_ms, forgotten = self._clock.now_ms() - self._keep_ms, 0
        while True:
            batch = await self._ledger.forget_decisions(before_ms, BATCH)
            forgotten += batch
            if batch < BATCH:
                return forgotten
            await asyncio.sleep(PAUSE_S)
