"""The guardian's process: one life of it in the world, beside the trader's."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.config.settings import Settings
from ratchet.drill.event_log import EventLog
from ratchet.drill.guest_loop import GuestLoop
from ratchet.drill.network import Network, SimulatedTransport
from ratchet.drill.process import WorldClock
from ratchet.drill.world import World
from ratchet.exchange.budget import Lane
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.requests import Requests
from ratchet.exchange.told import Told
from ratchet.guardian.account_lock import AccountLock
from ratchet.guardian.guardian import Deeds
from ratchet.guardian.order_names import OrderNames
from ratchet.guardian.watch import Watch
from ratchet.guardian.wiring import watch_over
from ratchet.observe.systemd import Systemd

LOCK = "guardian.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Where a guardian stands: what all its lives have in common."""

    world: World
    settings: Settings
    folder: Path  # of its lock
    log: EventLog


class GuardianProcess:
    """One life, from its making on, beside whatever else there is in the world."""

    def __init__(self, post: Post, network: Network, letters: str, skew_ms: int) -> None:
        """Args: letters, in the names of its orders; skew_ms, of its machine's clock."""
        self._post = post
        self._network = network
        self._turns = 0
        self._dies_after: int | None = None
        self.on_end: Callable[[], None] = lambda: None  # called when `die_after` has killed it, or it has ended
        self.clock = WorldClock(post.world, skew_ms)
        self.transport = _CountingTransport(SimulatedTransport(network, self.clock))
        self.failure = ""  # what it ended of, where nobody had asked it to
        self.is_alive = True
        self._is_asked_to_end = False
        self._lock = AccountLock(post.folder / LOCK)
        self._watch: Watch | None = None
        self._loop = GuestLoop(post.world, self._on_turn)
        self._loop.create_task(self._live(letters)).add_done_callback(self._on_ended)

    @property
    def deeds(self) -> Deeds:
        """What it has done so far."""
        return Deeds() if self._watch is None else self._watch.deeds

    def die_after(self, turns: int) -> None:
        """Have it killed after so many further turns of its loop: that is between any two of its awaits."""
        self._dies_after = self._turns + turns

    def end(self) -> None:
        """Ask it to end, as by SIGTERM."""
        self._is_asked_to_end = True
        self._network.hand_over(self._stop)

    def die(self) -> None:
        """Kill it, now."""
        if not self.is_alive:
            return
        self.is_alive = False
        log = self._post.log
        self._network.fall_silent()
        was_deaf, log.is_deaf = log.is_deaf, True
        self._loop.bury()
        self._lock.release()
        log.is_deaf = was_deaf

    def _on_turn(self) -> None:
        self._turns += 1
        if self._dies_after is not None and self._turns > self._dies_after:
            self.die()
            self.on_end()

    async def _live(self, letters: str) -> None:
        exchange = self._post.settings.exchange
        requests = Requests(exchange, self.clock, self.transport)
        async with BinanceClient(exchange, self.clock, requests) as client:
            self._watch = watch_over(self._post.settings, client, self.clock, Systemd({}), OrderNames(letters))
            await self._watch.run(self._lock)

    def _stop(self) -> None:
        if self._watch is not None:
            self._watch.stop.set()

    def _on_ended(self, task: "asyncio.Task[None]") -> None:
        if not self.is_alive:
            return
        if task.cancelled() or task.exception() is not None or not self._is_asked_to_end:
            self.failure = f"the guardian ended: {'cancelled' if task.cancelled() else task.exception()}"
        self._post.world.after(0, self._leave)  # not from within its own turn

    def _leave(self) -> None:
        if self.is_alive:
            self.die()
            self.on_end()


class _CountingTransport:
    """Counts what is asked, by ccxt's name of it."""

    def __init__(self, transport: SimulatedTransport) -> None:
        self._transport = transport
        self.asked: Counter[str] = Counter()

    async def ask(
        self, method: str, parameters: Mapping[str, object], lane: Lane, on_told: Callable[[Told], None]
    ) -> Any:
        """See `Transport`."""
        self.asked[method] += 1
        return await self._transport.ask(method, parameters, lane, on_told)

    async def close(self) -> None:
        """See `Transport`."""
        await self._transport.close()
