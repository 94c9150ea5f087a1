"""The network between a process and the venue: it takes time, and what has left the process arrives though it dies."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any

import ccxt
import orjson

from localbinance.server.fault import FeedSide
from ratchet.domain.clock import Clock
from ratchet.drill.venue import Answer, Json, Venue
from ratchet.drill.world import Action, World
from ratchet.exchange.budget import Lane
from ratchet.exchange.errors import ExchangeError
from ratchet.exchange.outcome import Refused
from ratchet.exchange.socket import StreamLost
from ratchet.exchange.told import Told, told_by

REPLY_TIMEOUT_MS = 2_000.0
JITTER = 0.3  # of the latency
ERROR_STATUS = 400
RECONNECT_S = 0.25
_METHOD = re.compile(r"fapi(?:Public|Private)(V\d)?(Get|Post|Put|Delete)(.+)")
_SPOT_METHOD = re.compile(r"(?:public|private)(Get|Post|Put|Delete)(.+)")
_PATHS = {"positionSideDual": "positionSide/dual", "ticker24hr": "ticker/24hr", "tickerBookTicker": "ticker/bookTicker"}


class Network:
    """Lines of one process to the venue."""

    def __init__(
        self,
        world: World,
        venue: Venue,
        latency_ms: float,
        random_: random.Random,
        wake: Action | None = None,
    ) -> None:
        """Args: latency_ms, of one way; wake, called when the process has got something, the world's unless given."""
        self.world = world
        self._wake = wake or world.wake
        self.venue = venue
        self.latency_ms = latency_ms
        self.on_order: Callable[[], None] = lambda: None  # called when the process sends one
        self._random = random_
        self._is_up = True
        self._held_back: list[Action] | None = None

    def hang_up(self) -> None:
        """The process is dead: what is on its way to it is lost, and its streams are closed."""
        self.fall_silent()
        self.venue.hang_up()

    def fall_silent(self) -> None:
        """The same, of a process that has no streams."""
        self._is_up = False

    def hold_back(self) -> None:
        """The process is stopped: what comes to it waits."""
        self._held_back = self._held_back or []

    def let_through(self) -> None:
        """It goes on."""
        waiting, self._held_back = self._held_back or [], None
        for action in waiting:
            action()

    def delay_ms(self) -> float:
        """Of one way, this time."""
        return self.latency_ms * (1 + self._random.uniform(0, JITTER))

    async def ask(self, verb: str, path: str, values: Mapping[str, str]) -> Answer:
        """Send a request and wait for its answer. Raises: TimeoutError; ccxt.NetworkError if the line breaks."""
        future: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()

        def answered(answer: Answer | None) -> None:
            self.world.after(self.delay_ms(), lambda: self.hand_over(lambda: _resolve(future, answer)))

        self.world.after(self.delay_ms(), lambda: self.venue.receive(verb, path, values, answered))
        if verb == "POST" and path.casefold().endswith("order"):
            self.on_order()
        async with asyncio.timeout(REPLY_TIMEOUT_MS / 1_000):
            answer = await future
        if answer is None:
            raise ccxt.NetworkError
        return answer

    def hand_over(self, action: Action) -> None:
        """Let the process have something, if it lives."""
        if not self._is_up:
            return
        if self._held_back is not None:
            self._held_back.append(action)
            return
        action()
        self._wake()


class SimulatedTransport:
    """Requests over the simulated network."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self._network = network
        self._clock = clock

    async def ask(
        self, method: str, parameters: Mapping[str, object], lane: Lane, on_told: Callable[[Told], None]
    ) -> Any:
        """See `Transport`. The lanes have lines of their own here too: no request waits for another."""
        del lane
        verb, path = _address(method)
        values = {name.lower(): str(value) for name, value in parameters.items()}
        values["timestamp"] = str(self._clock.now_ms())
        answer = await self._network.ask(verb, path, values)
        if answer.status < ERROR_STATUS:
            return answer.body
        text = answer.body if isinstance(answer.body, str) else orjson.dumps(answer.body).decode()
        on_told(told_by(answer.status, answer.headers, text))
        raise Refused(answer.status, answer.headers, text)

    async def close(self) -> None:
        """Nothing is open."""


class SimulatedSocket:
    """A stream connection over the simulated network: of the account, or of the market's streams that it is given."""

    def __init__(
        self,
        network: Network,
        *,
        address: Callable[[], Awaitable[str]],
        on_frame: Callable[[Json], None],
        on_connected: Callable[[], None],
        streams: Sequence[str] = (),
        **_others: object,
    ) -> None:
        self._side: FeedSide = "market" if streams else "user"
        self._streams = streams
        self._network = network
        self._address = address
        self._on_frame = on_frame
        self._on_connected = on_connected
        self._cut = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        venue = self._network.venue
        while True:
            self._cut.clear()
            try:
                await self._address()
            except ExchangeError:
                await asyncio.sleep(RECONNECT_S)
                continue
            if venue.connect(self._side, self._send, self._cut_off, self._streams):
                self._on_connected()
                await self._cut.wait()
            await asyncio.sleep(RECONNECT_S)

    async def follow(self, streams: Sequence[str]) -> None:
        """Deliver these streams from now on."""
        self._streams = streams
        self._network.venue.follow(self._side, streams)

    async def drop(self) -> None:
        """Have another connection."""
        self._cut.set()

    def _cut_off(self) -> None:
        self._network.hand_over(self._cut.set)

    def _send(self, frame: Json, extra_ms: float) -> None:
        """From the venue: on its way. What is not delayed keeps its order: it is one connection."""
        world, network = self._network.world, self._network
        world.after(network.latency_ms + extra_ms, lambda: network.hand_over(lambda: self._take(frame)))

    def _take(self, frame: Json) -> None:
        if self._cut.is_set():
            return
        try:
            self._on_frame(frame)
        except StreamLost:
            self._cut.set()


def _resolve(future: "asyncio.Future[Answer | None]", answer: Answer | None) -> None:
    if not future.done():
        future.set_result(answer)


@cache  # methods are few, and asked again and again
def _address(method: str) -> tuple[str, str]:
    """ "fapiPrivateV3GetAccount" as GET, /fapi/v3/account; "privateGetAccount" as GET, /api/v3/account."""
    if (of_spot := _SPOT_METHOD.fullmatch(method)) is not None:
        verb, name = of_spot.groups()
        return verb.upper(), f"/api/v3/{name[:1].lower()}{name[1:]}"
    found = _METHOD.fullmatch(method)
    if found is None:
        raise LookupError(f"{method} is not asked of Binance")
    version, verb, name = found.groups()
    name = name[:1].lower() + name[1:]
    return verb.upper(), f"/fapi/{(version or 'V1').lower()}/{_PATHS.get(name, name)}"
