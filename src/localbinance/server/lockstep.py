"""Lockstep: the exchange's next step waits until every subscriber has worked through the step before.

A client subscribes `!lockstep` on any of its stream connections. Each gets, after all frames of a step,
`{"e":"lockstep","E":now_ms,"n":step}` and answers `{"method":"LOCKSTEP","params":[n, received]}`, where `received`
counts the data frames that it got on that connection since connecting (lockstep frames and replies to requests are not
counted). An answer that has missed frames is asked for again with the same n. No I/O here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import orjson

ANSWER_S_MAX = 30.0


@dataclass(slots=True, eq=False)
class Seat:
    """One connection's part in the lockstep."""

    ask: Callable[[bytes], None]  # sends a lockstep frame
    frames_sent: int = 0  # data frames, since connecting
    joined: bool = False
    let_go: bool = True  # has worked through everything up to now
    asked_s: float = 0.0  # when the answer that is awaited was asked for


@dataclass(slots=True)
class Lockstep:
    """All subscribers. `on_change` is called whenever the next step may have become free."""

    on_change: Callable[[], None]
    number: int = 0
    now_ms: int = 0
    _seats: dict[Seat, None] = field(default_factory=dict)
    _disturbed: list[Seat] = field(default_factory=list)

    @property
    def subscribers(self) -> int:
        """How many connections take part."""
        return len(self._seats)

    def is_free(self) -> bool:
        """Whether the next step may happen, as far as the subscribers go."""
        return all(seat.let_go for seat in self._seats)

    def join(self, seat: Seat, wall_s: float) -> None:
        """A connection takes part from now on: it is asked at once."""
        seat.joined = True
        self._seats[seat] = None
        self._ask(seat, wall_s)
        self.on_change()

    def leave(self, seat: Seat) -> None:
        """A connection takes part no longer."""
        seat.joined = False
        self._seats.pop(seat, None)
        self.on_change()

    def begin(self, number: int, now_ms: int, wall_s: float) -> None:
        """A step was made and its frames are on their way: ask everybody."""
        self.number, self.now_ms = number, now_ms
        self._disturbed.clear()
        for seat in self._seats:
            self._ask(seat, wall_s)

    def sent(self, seat: Seat) -> None:
        """A data frame was sent: who had let go must look at it first."""
        seat.frames_sent += 1
        if seat.joined and seat.let_go:
            seat.let_go = False
            self._disturbed.append(seat)

    def remind(self, wall_s: float) -> None:
        """After frames outside of a step: ask those again that had let go before them."""
        for seat in self._disturbed:
            self._ask(seat, wall_s)
        self._disturbed.clear()

    def answer(self, seat: Seat, number: int, received: int, wall_s: float) -> None:
        """A subscriber's answer. One to an earlier step is void; one that has missed frames is asked for again."""
        if not seat.joined or number != self.number:
            return
        if received < seat.frames_sent:
            self._ask(seat, wall_s)
        elif not seat.let_go:
            seat.let_go = True
            if self.is_free():
                self.on_change()

    def overdue(self, wall_s: float) -> list[Seat]:
        """Those that have been silent for too long."""
        return [seat for seat in self._seats if not seat.let_go and wall_s - seat.asked_s > ANSWER_S_MAX]

    def _ask(self, seat: Seat, wall_s: float) -> None:
        seat.let_go = False
        seat.asked_s = wall_s
        seat.ask(orjson.dumps({"e": "lockstep", "E": self.now_ms, "n": self.number}))
