"""The exchange clock: time that runs by steps of the market, and in between by the wall clock times a speed."""

from collections.abc import Callable
from time import monotonic, time

SLIP_S_MAX = 1.0


class ExchangeClock:
    """What time it is on the exchange, in ms since the epoch, UTC.

    With a finite speed the time runs on between two steps up to just under the next one. With speed None it stands
    still between steps. When steps come late by more than a second the time slips rather than races, unless it follows
    the wall clock (`follow_wall`), to which it then catches up.
    """

    def __init__(
        self,
        start_ms: int,
        step_ms: int,
        speed: float | None,
        *,
        follow_wall: bool = False,
        wall: Callable[[], float] = monotonic,
        epoch: Callable[[], float] = time,
    ) -> None:
        self.step_ms = step_ms
        self.speed = speed
        self.stepped_ms = start_ms  # the time of the latest step
        self._follow_wall = follow_wall
        self._wall = wall
        self._anchor_ms = start_ms
        self._anchor_s = wall()
        if follow_wall:
            self._anchor_s -= epoch() - start_ms / 1_000

    def wall_s(self) -> float:
        """The wall clock's reading, for time-outs."""
        return self._wall()

    def now_ms(self) -> int:
        """The exchange's time. Never runs backwards."""
        if self.speed is None:
            return self.stepped_ms
        running_ms = self._anchor_ms + int((self._wall() - self._anchor_s) * 1_000 * self.speed)
        return max(self.stepped_ms, min(running_ms, self.stepped_ms + self.step_ms - 1))

    def wait_s(self) -> float:
        """Seconds of the wall clock until the next step is due; 0 when it is."""
        if self.speed is None:
            return 0.0
        due_s = self._anchor_s + (self.stepped_ms + self.step_ms - self._anchor_ms) / (1_000 * self.speed)
        return max(0.0, due_s - self._wall())

    def step_to(self, to_ms: int) -> None:
        """The market has gone on to `to_ms`."""
        self.stepped_ms = to_ms
        if self.speed is None or self._follow_wall:
            return
        due_s = self._anchor_s + (to_ms - self._anchor_ms) / (1_000 * self.speed)
        late_s = self._wall() - due_s
        if late_s > SLIP_S_MAX:
            self._anchor_s += late_s
