"""The clock everything is handed: what time it is on the exchange, and how long things take."""

from contextlib import AbstractContextManager
from typing import Protocol


class Clock(Protocol):
    """One clock for the whole process. Nothing reads the system's time on its own."""

    def now_ms(self) -> int:
        """Exchange time, milliseconds since the epoch, UTC."""

    def elapsed_ms(self) -> float:
        """Monotonic milliseconds of real time, for measuring durations such as naked time."""

    async def sleep_until(self, at_ms: int) -> None:
        """Return once exchange time has reached `at_ms`; at once if it has."""

    def working(self) -> AbstractContextManager[None]:
        """Held while something is being worked on, from the moment it is known until it is done.

        A clock in lockstep with an accelerated exchange does not let time advance meanwhile. Others ignore it.
        """
