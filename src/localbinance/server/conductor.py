"""The conductor: the one loop that makes the market go on, step by step, and lets nothing run away."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from localbinance.server.clock import ExchangeClock
from localbinance.server.lockstep import Lockstep, Seat

LOG = logging.getLogger(__name__)
CHECK_S = 1.0  # how often a wait looks for subscribers that have fallen silent


@dataclass(slots=True)
class Conductor:
    """Waits until a step may happen, has it made, asks the lockstep's subscribers.

    A step may happen when the wall clock has come to it (finite speed) and every subscriber has let go. At speed None,
    or where `needs_client`, there must be a subscriber: without one the exchange stands still.
    """

    clock: ExchangeClock
    lockstep: Lockstep
    end_ms: int | None
    make_step: Callable[[int, int], None]  # (from_ms, to_ms]
    dismiss: Callable[[Seat, str], None]  # closes the connection of a silent subscriber
    needs_client: bool = False
    steps: int = 0
    waiting_for_client: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_change(self) -> None:
        """The next step may have become free."""
        self._changed.set()

    @property
    def ended(self) -> bool:
        """Whether the market has no more to tell; requests are still answered, at its last instant."""
        return self.end_ms is not None and self.clock.stepped_ms >= self.end_ms

    async def run(self) -> None:
        """Make steps until the market ends or the task is cancelled."""
        while not self.ended:
            await self._until_due()
            await self._until_free()
            self.step()
            await asyncio.sleep(0)  # requests and stream writers have their turn between any two steps
        LOG.info("the market has ended at %s", self.clock.stepped_ms)

    def catch_up(self) -> None:
        """Make the steps that are overdue at the start, so that no client meets a clock that races."""
        while self.clock.speed is not None and not self.ended and self.clock.wait_s() <= 0:
            self.step()

    def step(self) -> None:
        """Make the next step now."""
        from_ms = self.clock.stepped_ms
        to_ms = from_ms + self.clock.step_ms
        if self.end_ms is not None:
            to_ms = min(to_ms, self.end_ms)
        self.make_step(from_ms, to_ms)
        self.steps += 1
        self.lockstep.begin(self.steps, to_ms, self.clock.wall_s())

    async def _until_due(self) -> None:
        if (wait_s := self.clock.wait_s()) > 0:
            await asyncio.sleep(wait_s)

    async def _until_free(self) -> None:
        while not self._may_go():
            self._changed.clear()
            try:
                async with asyncio.timeout(CHECK_S):
                    await self._changed.wait()
            except TimeoutError:
                for seat in self.lockstep.overdue(self.clock.wall_s()):
                    self.dismiss(seat, "no answer to the lockstep")

    def _may_go(self) -> bool:
        alone = (self.clock.speed is None or self.needs_client) and not self.lockstep.subscribers
        if alone and not self.waiting_for_client:
            LOG.info("nobody is in lockstep: the exchange stands still until a client comes")
        self.waiting_for_client = alone
        return not alone and self.lockstep.is_free()
