"""The system clock: this machine's time, set right by the exchange's."""

import asyncio
import time
from contextlib import AbstractContextManager, nullcontext


class SystemClock:
    """Real time. `set_by` measures how far the exchange's clock is ahead of this machine's."""

    def __init__(self) -> None:
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """Exchange time."""
        return int(time.time() * 1_000) + self._ahead_ms

    def elapsed_ms(self) -> float:
        """Monotonic milliseconds."""
        return time.perf_counter() * 1_000

    async def sleep_until(self, at_ms: int) -> None:
        """Sleep in real time; the exchange's clock may be set meanwhile."""
        if (left_ms := at_ms - self.now_ms()) > 0:
            await asyncio.sleep(left_ms / 1_000)
            await self.sleep_until(at_ms)

    def working(self) -> AbstractContextManager[None]:
        """Real time waits for nobody."""
        return nullcontext()

    def set_by(self, server_ms: int, asked_ms: int, answered_ms: int) -> None:
        """Set by an answer of the exchange; the times of asking and of the answer are this clock's own.

        The server's reading is taken to be of the middle of the round trip.
        """
        self._ahead_ms += server_ms - (asked_ms + answered_ms) // 2
