"""Lockstep: no step before every subscriber has worked through everything that was sent to it."""

from dataclasses import dataclass, field
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from localbinance.server.lockstep import ANSWER_S_MAX, Lockstep, Seat


@dataclass
class Client:
    """A subscriber: what was asked of it, the newest last."""

    lockstep: Lockstep
    asked: list[Any] = field(default_factory=list)
    seat: Seat = field(init=False)

    def __post_init__(self) -> None:
        self.seat = Seat(lambda frame: self.asked.append(orjson.loads(frame)))

    def join(self) -> "Client":
        self.lockstep.join(self.seat, 0.0)
        return self

    def answer(self, received: int | None = None, *, number: int | None = None) -> None:
        received = self.seat.frames_sent if received is None else received
        self.lockstep.answer(self.seat, self.lockstep.number if number is None else number, received, 0.0)


def lockstep() -> Lockstep:
    return Lockstep(on_change=lambda: None)


def test_who_joins_is_asked_at_once_and_holds_the_step_until_its_answer() -> None:
    steps = lockstep()
    assert steps.is_free()
    client = Client(steps).join()
    assert client.asked == [{"e": "lockstep", "E": 0, "n": 0}]
    assert not steps.is_free()
    client.answer()
    assert steps.is_free()


def test_every_subscriber_has_to_let_go() -> None:
    steps = lockstep()
    first, second = Client(steps).join(), Client(steps).join()
    first.answer()
    assert not steps.is_free()
    second.answer()
    assert steps.is_free()


def test_each_step_asks_anew() -> None:
    steps = lockstep()
    client = Client(steps).join()
    client.answer()
    steps.begin(1, 5_000, 0.0)
    assert client.asked[-1] == {"e": "lockstep", "E": 5_000, "n": 1}
    assert not steps.is_free()


def test_an_answer_that_has_missed_frames_is_asked_for_again() -> None:
    steps = lockstep()
    client = Client(steps).join()
    steps.sent(client.seat)
    client.answer(received=0)
    assert not steps.is_free()
    assert [frame["n"] for frame in client.asked] == [0, 0]
    client.answer(received=1)
    assert steps.is_free()


def test_an_answer_to_an_earlier_step_is_void() -> None:
    steps = lockstep()
    client = Client(steps).join()
    client.answer()
    steps.begin(1, 5_000, 0.0)
    client.answer(number=0)
    assert not steps.is_free()


def test_frames_outside_of_a_step_take_the_leave_back_until_they_are_worked_through() -> None:
    steps = lockstep()
    client = Client(steps).join()
    client.answer()
    steps.sent(client.seat)
    assert not steps.is_free()
    steps.remind(0.0)
    assert len(client.asked) == 2
    client.answer()
    assert steps.is_free()


def test_who_leaves_or_never_joined_holds_nothing_up() -> None:
    steps = lockstep()
    stranger = Client(steps)
    steps.sent(stranger.seat)
    steps.begin(1, 5_000, 0.0)
    assert stranger.asked == []
    client = Client(steps).join()
    steps.leave(client.seat)
    assert steps.is_free()
    assert steps.subscribers == 0


def test_the_silent_are_found_and_those_that_answered_are_not() -> None:
    steps = lockstep()
    silent, lively = Client(steps).join(), Client(steps).join()
    lively.answer()
    assert steps.overdue(ANSWER_S_MAX) == []
    assert steps.overdue(ANSWER_S_MAX + 0.1) == [silent.seat]


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(["frame", "answer", "step"])), max_size=60))
def test_a_free_step_means_that_nobody_has_anything_unread(moves: list[tuple[int, str]]) -> None:
    """Clients read everything before they answer; frames of a step and of requests come at any time between."""
    steps = lockstep()
    clients = [Client(steps).join(), Client(steps).join()]
    read = [0, 0]
    for who, move in moves:
        if move == "frame":
            steps.sent(clients[who].seat)
            steps.remind(0.0)
        elif move == "answer":
            read[who] = clients[who].seat.frames_sent
            clients[who].answer(read[who])
        elif steps.is_free():
            assert read == [client.seat.frames_sent for client in clients]
            steps.begin(steps.number + 1, 0, 0.0)
    for client in clients:
        client.answer()
    assert steps.is_free()
