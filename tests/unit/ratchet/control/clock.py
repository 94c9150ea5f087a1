"""A clock that stands still until it is moved."""

from contextlib import AbstractContextManager, nullcontext

NOON_MS = 1_750_075_200_000  # 2025-06-16 12:00:00 UTC


class StandingClock:
    def __init__(self) -> None:
        self.at_ms = NOON_MS

    def now_ms(self) -> int:
        return self.at_ms

    def elapsed_ms(self) -> float:
        return float(self.at_ms)

    async def sleep_until(self, at_ms: int) -> None:
        self.at_ms = max(self.at_ms, at_ms)

    def working(self) -> AbstractContextManager[None]:
        return nullcontext()
