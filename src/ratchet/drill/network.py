"""The network between a process and the venue: it takes time, and what has left the process arrives though it dies."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import ccxt
import orjson

from ratchet.domain.clock import Clock
from ratchet.drill.venue import Json, Venue
from ratchet.drill.world import World
from ratchet.exchange.budget import Lane
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.outcome import Refused, outcome_of
from ratchet.exchange.requests import Requests, words

REPLY_TIMEOUT_MS = 2_000.0
JITTER = 0.3  # of the latency
ERROR_STATUS = 400
RECONNECT_S = 0.25
_METHOD = re.compile(r"fapi(?:Public|Private)(V\d)?(Get|Post|Put|Delete)(.+)")
_PATHS = {"positionSideDual": "positionSide/dual", "ticker24hr": "ticker/24hr"}


class Lost(Exception):
    """The line broke."""


class Network:
    """Lines of one process to the venue. `hang_up` when it dies: what is on its way to it is lost."""

    def __init__(self, world: World, venue: Venue, latency_ms: float, random_: random.Random) -> None:
        self.world = world
        self.latency_ms = latency_ms  # of one way
        self._venue = venue
        self._random = random_
        self._is_up = True

    def hang_up(self) -> None:
        """The process is dead."""
        self._is_up = False
        self._venue.on_frame = lambda _frame: None

    def delay_ms(self) -> float:
        """Of one way, this time."""
        return self.latency_ms * (1 + self._random.uniform(0, JITTER))

    async def ask(self, verb: str, path: str, values: Mapping[str, str]) -> tuple[int, object]:
        """Send a request and wait for its answer. Raises: TimeoutError, Lost."""
        if not self._is_up:
            raise Lost
        future: asyncio.Future[tuple[int, object]] = asyncio.get_running_loop().create_future()
        self.world.after(self.delay_ms(), lambda: self._arrive(verb, path, values, future))
        async with asyncio.timeout(REPLY_TIMEOUT_MS / 1_000):
            return await future

    def _arrive(
        self, verb: str, path: str, values: Mapping[str, str], future: "asyncio.Future[tuple[int, object]]"
    ) -> None:
        answer = self._venue.answer(verb, path, values)
        self.world.after(self.delay_ms(), lambda: self.hand_over(lambda: _resolve(future, answer)))

    def hand_over(self, action: Callable[[], None]) -> None:
        """Let the process have something, if it lives."""
        if self._is_up:
            action()
            self.world.wake()


class SimulatedRequests(Requests):
    """Requests over the simulated network. What is made of failures is the same code as on the wire."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self._clock = clock
        self._network = network

    async def close(self) -> None:
        """Nothing is open."""

    async def send(
        self, method: str, parameters: Mapping[str, object] | None = None, lane: Lane = Lane.ORDINARY
    ) -> Any:
        """One request, once. Raises: ExchangeError."""
        verb, path = _address(method)
        values = {name.lower(): str(value) for name, value in (parameters or {}).items()}
        outcome: ExchangeError
        try:
            status, body = await self._network.ask(verb, path, values)
        except (TimeoutError, Lost) as error:
            outcome = outcome_of(error if isinstance(error, TimeoutError) else ccxt.NetworkError(), words(method))
        else:
            if status < ERROR_STATUS:
                return body
            text = body if isinstance(body, str) else orjson.dumps(body).decode()
            outcome = outcome_of(Refused(status, {}, text), words(method))
        raise outcome


class SimulatedSocket:
    """The user stream's connection over the simulated network."""

    def __init__(self, network: Network, venue: Venue, **callbacks: Any) -> None:
        self._network = network
        self._venue = venue
        self._address: Callable[[], Awaitable[str]] = callbacks["address"]
        self._on_frame: Callable[[Json], None] = callbacks["on_frame"]
        self._on_connected: Callable[[], None] = callbacks["on_connected"]
        self._cut = asyncio.Event()
        self._delivered_ms = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._address()
            except ExchangeError:
                await asyncio.sleep(RECONNECT_S)
                continue
            self._cut.clear()
            self._venue.on_frame = self._send
            self._on_connected()
            await self._cut.wait()
            await asyncio.sleep(RECONNECT_S)

    async def drop(self) -> None:
        """Have another connection."""
        self._cut.set()

    def _send(self, frame: Json) -> None:
        """From the venue: on its way, in order."""
        world = self._network.world
        self._delivered_ms = max(self._delivered_ms, world.now_ms + self._network.delay_ms())
        world.at(self._delivered_ms, lambda: self._network.hand_over(lambda: self._on_frame(frame)))


def _resolve(future: "asyncio.Future[tuple[int, object]]", answer: tuple[int, object]) -> None:
    if not future.done():
        future.set_result(answer)


def _address(method: str) -> tuple[str, str]:
    """ "fapiPrivateV3GetAccount" as GET, /fapi/v3/account."""
    found = _METHOD.fullmatch(method)
    if found is None:
        raise LookupError(f"{method} is not asked of a futures exchange")
    version, verb, name = found.groups()
    name = name[:1].lower() + name[1:]
    return verb.upper(), f"/fapi/{(version or 'V1').lower()}/{_PATHS.get(name, name)}"
