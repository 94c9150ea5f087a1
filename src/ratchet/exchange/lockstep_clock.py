"""The lockstep clock: exchange time as an accelerated exchange tells it, which goes on only when nobody is at work."""

import asyncio
import heapq
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

QUIET_TURNS = 3  # of the event loop, in a row without work, before it is believed


class LockstepClock:
    """Time stands still while anything holds `working()`. The streams advance it and ask for `idle`."""

    def __init__(self, start_ms: int) -> None:
        self._now_ms = start_ms
        self._holds = 0
        self._free = asyncio.Event()
        self._free.set()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = count()

    def now_ms(self) -> int:
        """Exchange time."""
        return self._now_ms

    def elapsed_ms(self) -> float:
        """Monotonic milliseconds of real time."""
        return time.perf_counter() * 1_000

    async def sleep_until(self, at_ms: int) -> None:
        """Sleep. On waking, a hold is kept until the caller has had its turn, and could take one of its own."""
        if at_ms <= self._now_ms:
            return
        loop = asyncio.get_running_loop()
        awake = loop.create_future()
        heapq.heappush(self._sleepers, (at_ms, next(self._order), awake))
        try:
            await awake
        finally:
            if awake.done() and not awake.cancelled():
                loop.call_soon(self._release)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the time."""
        self._hold()
        try:
            yield
        finally:
            self._release()

    def advance(self, to_ms: int) -> None:
        """The exchange has gone on. Wakes whoever slept until then."""
        self._now_ms = max(self._now_ms, to_ms)
        while self._sleepers and self._sleepers[0][0] <= self._now_ms:
            _, _, awake = heapq.heappop(self._sleepers)
            if not awake.done():
                self._hold()  # handed over to the sleeper
                awake.set_result(None)

    async def idle(self) -> None:
        """Return once nobody is at work, and stays so for some turns of the loop: what was handed on has been taken."""
        quiet = 0
        while quiet < QUIET_TURNS:
            if self._holds:
                await self._free.wait()
                quiet = 0
            else:
                await asyncio.sleep(0)
                quiet += 1

    def _hold(self) -> None:
        self._holds += 1
        self._free.clear()

    def _release(self) -> None:
        self._holds -= 1
        if self._holds == 0:
            self._free.set()
