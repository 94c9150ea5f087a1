"""The conductor: steps happen when they are due and free, and not once before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from localbinance.server.clock import ExchangeClock
from localbinance.server.conductor import Conductor
from localbinance.server.lockstep import ANSWER_S_MAX, Lockstep, Seat

START_MS, STEP_MS = 1_750_000_000_000, 5_000
WAIT_S = 5


@dataclass
class Wall:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Orchestra:
    """A conductor with a list of the steps it had made."""

    speed: float | None = None
    end_ms: int | None = None
    wall: Wall = field(default_factory=Wall)
    steps: list[tuple[int, int]] = field(default_factory=list)
    stepped: asyncio.Event = field(default_factory=asyncio.Event)
    dismissed: list[Seat] = field(default_factory=list)
    conductor: Conductor = field(init=False)

    def __post_init__(self) -> None:
        clock = ExchangeClock(START_MS, STEP_MS, self.speed, wall=self.wall)
        lockstep = Lockstep(on_change=lambda: self.conductor.on_change())

        def step(from_ms: int, to_ms: int) -> None:
            self.steps.append((from_ms - START_MS, to_ms - START_MS))
            clock.step_to(to_ms)
            self.stepped.set()

        def dismiss(seat: Seat, _reason: str) -> None:
            self.dismissed.append(seat)
            lockstep.leave(seat)

        self.conductor = Conductor(clock, lockstep, self.end_ms, step, dismiss)

    @property
    def lockstep(self) -> Lockstep:
        return self.conductor.lockstep

    def join(self) -> Seat:
        seat = Seat(lambda _frame: None)
        self.lockstep.join(seat, self.wall())
        return seat

    def let_go(self, seat: Seat) -> None:
        self.lockstep.answer(seat, self.lockstep.number, seat.frames_sent, self.wall())

    @asynccontextmanager
    async def playing(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.conductor.run())
        try:
            async with asyncio.timeout(WAIT_S):
                yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until_steps(self, count: int) -> None:
        while len(self.steps) < count:
            self.stepped.clear()
            await self.stepped.wait()

    async def rest(self) -> None:
        """Everybody's turn, many times over."""
        for _ in range(50):
            await asyncio.sleep(0)


async def test_as_fast_as_it_goes_nothing_runs_without_a_client() -> None:
    orchestra = Orchestra()
    async with orchestra.playing():
        await orchestra.rest()
        assert orchestra.steps == []
        assert orchestra.conductor.waiting_for_client


async def test_each_answer_sets_one_step_free() -> None:
    orchestra = Orchestra()
    async with orchestra.playing():
        seat = orchestra.join()
        await orchestra.rest()
        assert orchestra.steps == []
        for number in (1, 2, 3):
            orchestra.let_go(seat)
            await orchestra.until_steps(number)
            await orchestra.rest()
            assert len(orchestra.steps) == number
    assert orchestra.steps == [(0, 5_000), (5_000, 10_000), (10_000, 15_000)]


async def test_the_last_step_ends_with_the_market() -> None:
    orchestra = Orchestra(end_ms=START_MS + 7_000)
    async with orchestra.playing():
        seat = orchestra.join()
        orchestra.let_go(seat)
        await orchestra.until_steps(1)
        orchestra.let_go(seat)
        await orchestra.until_steps(2)
    assert orchestra.steps == [(0, 5_000), (5_000, 7_000)]
    assert orchestra.conductor.ended


async def test_at_a_finite_speed_nobody_needs_to_be_in_lockstep() -> None:
    orchestra = Orchestra(speed=1.0)
    orchestra.wall.now_s += 5.0
    async with orchestra.playing():
        await orchestra.until_steps(1)
        await orchestra.rest()
    assert orchestra.steps == [(0, 5_000)]


async def test_at_a_finite_speed_too_a_subscriber_is_waited_for() -> None:
    orchestra = Orchestra(speed=1.0)
    orchestra.wall.now_s += 5.0
    seat = orchestra.join()
    async with orchestra.playing():
        await orchestra.rest()
        assert orchestra.steps == []
        orchestra.let_go(seat)
        await orchestra.until_steps(1)


async def test_who_is_silent_for_too_long_is_dismissed_and_the_others_go_on() -> None:
    orchestra = Orchestra()
    silent, lively = orchestra.join(), orchestra.join()
    orchestra.let_go(lively)
    orchestra.wall.now_s += ANSWER_S_MAX + 1
    async with orchestra.playing():
        await orchestra.until_steps(1)
    assert orchestra.dismissed == [silent]


def test_steps_that_are_overdue_at_the_start_are_caught_up_with() -> None:
    orchestra = Orchestra(speed=1.0)
    orchestra.wall.now_s += 5.2
    orchestra.conductor.catch_up()
    assert orchestra.steps == [(0, 5_000)]
