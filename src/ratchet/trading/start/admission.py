"""The admission: no entries before the preflight has passed and the account is ours alone; what is held is protected
meanwhile, and afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from ratchet.exchange.errors import ExchangeError
from ratchet.trading.entries.market_side import CannotTrade
from ratchet.trading.protection.halts import Halts
from ratchet.trading.start.lease import Lease
from ratchet.trading.start.preflight import Report

AGAIN_S = 5.0  # networks do not heal on the exchange's clock
PREFLIGHT = "preflight"
LEASE = "lease"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionParts:
    """What it is handed."""

    preflight: Callable[[], Awaitable[Report]]
    take_lease: Callable[[], Awaitable[Lease]]
    is_strict: bool  # what the exchange says no to ends a run that holds nothing, instead of being asked again


class Admission:
    """Halts entries by itself, from the moment it is made."""

    def __init__(self, parts: AdmissionParts, halts: Halts) -> None:
        self._parts = parts
        self._halts = halts
        self._lease: Lease | None = None
        halts.set(PREFLIGHT, "the preflight has not been passed yet")
        halts.set(LEASE, "the account has not been taken yet")

    async def obtain(self, holds_something: Callable[[], bool]) -> None:
        """Return once entries may be made.

        Raises: CannotTrade, of which AccountTaken is one.
        """
        await self._pass_preflight(holds_something)
        await self._take_lease()

    async def watch(self) -> None:
        """Keep the account, until cancelled or until it is lost."""
        if self._lease is not None:
            await self._lease.watch(self._on_lost)

    def check(self) -> None:
        """Before every entry: a process that stood still knows by this that the account may be another's."""
        if self._lease is not None and not self._lease.is_held:
            self._halts.set(LEASE, "the lease of the account is too old: start again")

    async def end(self) -> None:
        """Give the account back, after `watch` has ended."""
        if self._lease is not None:
            await self._lease.release()

    async def _pass_preflight(self, holds_something: Callable[[], bool]) -> None:
        while not (report := await self._parts.preflight()).passed:
            if self._parts.is_strict and report.has_failed and not holds_something():
                raise CannotTrade(f"the preflight has not passed: {report.line}")
            self._halts.set(PREFLIGHT, f"preflight: {report.line}")
            await asyncio.sleep(AGAIN_S)
        self._halts.lift(PREFLIGHT)

    async def _take_lease(self) -> None:
        while self._lease is None:
            try:
                self._lease = await self._parts.take_lease()
            except ExchangeError as error:
                log.warning("lease_not_taken", error=str(error))
                self._halts.set(LEASE, f"the account could not be taken: {error}")
                await asyncio.sleep(AGAIN_S)
        self._halts.lift(LEASE)

    def _on_lost(self, reason: str) -> None:
        self._halts.set(LEASE, f"the account is no longer ours: {reason}; end the other trader and start again")
