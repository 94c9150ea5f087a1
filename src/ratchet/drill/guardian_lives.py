"""The guardian's lives: when one stands beside the trader, when it is killed and started again, what it did."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from ratchet.drill.guardian_process import GuardianProcess, Post
from ratchet.drill.network import Network
from ratchet.drill.trouble import GuardianBegins, GuardianKill, GuardianKillAfterOrder, OfGuardian, Trouble, describe
from ratchet.drill.venue import Venue


@dataclass(slots=True)
class Span:
    """From when to when a guardian lived, virtual ms."""

    from_ms: float
    until_ms: float | None = None


@dataclass(slots=True)
class GuardianSeen:
    """What was seen of all lives of the guardian."""

    spans: list[Span] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)  # requests, by ccxt's name
    stops_placed: int = 0
    closes_sent: int = 0
    failures: list[str] = field(default_factory=list)


class GuardianLives:
    """Has a guardian live when the troubles want one. `seen` is complete after `end`."""

    def __init__(self, post: Post, venue: Venue, latency_ms: float, seed: int, troubles: Sequence[Trouble]) -> None:
        """`latency_ms`: of one way."""
        self._post = post
        self._venue = venue
        self._latency_ms = latency_ms
        self._seed = seed
        self._process: GuardianProcess | None = None
        self._skew_ms = 0
        self._orders = 0
        self._down_ms = 0.0
        self._is_wanted = False
        self._is_over = False
        self._kills = sorted((each for each in troubles if isinstance(each, GuardianKillAfterOrder)), key=_by_order)
        self.seen = GuardianSeen()

    def strike(self, trouble: OfGuardian) -> None:
        """Something happens to it."""
        match trouble:
            case GuardianBegins():
                self._is_wanted = True
                self._begin()
                if trouble.for_ms is not None:
                    self._post.world.after(trouble.for_ms, self._dismiss)
            case GuardianKill():
                if self._process is not None:
                    self._process.die()
                    self._bury(trouble.down_ms)
            case GuardianKillAfterOrder():
                """It strikes by itself, after its order."""

    def set_clock(self, by_ms: int) -> None:
        """The clock of its machine is set wrong."""
        self._skew_ms += by_ms
        if self._process is not None:
            self._process.clock.skew_ms += by_ms

    def end(self) -> None:
        """There is no guardian any more."""
        self._is_wanted, self._is_over = False, True
        if self._process is not None:
            self._process.die()
            self._bury(0)

    def _dismiss(self) -> None:
        self._is_wanted = False
        if self._process is not None:
            self._process.end()

    def _begin(self) -> None:
        if not self._is_wanted or self._process is not None:
            return
        life = len(self.seen.spans)
        drawn = random.Random(f"{self._seed}.{life} guardian network")  # noqa: S311 - a simulation, to be repeatable
        network = Network(self._post.world, self._venue, self._latency_ms, drawn, wake=_nobody)
        network.on_order = self._on_order
        process = GuardianProcess(self._post, network, f"life{life}", self._skew_ms)
        process.on_end = lambda: self._bury(self._down_ms)
        self._process = process
        self.seen.spans.append(Span(self._post.world.now_ms))
        self._post.log.note("guardian_started", life=life + 1)

    def _bury(self, down_ms: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        seen, world = self.seen, self._post.world
        seen.spans[-1].until_ms = world.now_ms
        seen.asked += process.transport.asked
        seen.stops_placed += process.deeds.stops_placed
        seen.closes_sent += process.deeds.closes_sent
        if process.failure:
            seen.failures.append(process.failure)
        if not self._is_over:
            self._post.log.note("guardian_gone", life=len(seen.spans))
            world.after(down_ms, self._begin)

    def _on_order(self) -> None:
        self._orders += 1
        while self._kills and self._kills[0].order <= self._orders:
            kill = self._kills.pop(0)
            self._post.log.note("trouble", what=describe(kill))
            if self._process is not None:
                self._down_ms = kill.down_ms
                self._process.die_after(kill.turns)


def _by_order(kill: GuardianKillAfterOrder) -> int:
    return kill.order


def _nobody() -> None:
    """Its loop has its turns from the world: the trader need not wake for it."""
