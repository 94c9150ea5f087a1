"""The event loop of a process in the world: turns as in any loop of asyncio, in virtual time."""

import asyncio
from collections.abc import Iterator

import pytest

from ratchet.drill.world import ProcessLoop, Standstill, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Iterator[ProcessLoop]:
    loop = ProcessLoop(world, lambda: None)
    yield loop
    loop.close()


def test_a_day_of_sleep_takes_a_day_of_the_world(world: World, loop: ProcessLoop) -> None:
    loop.run_until_complete(asyncio.sleep(86_400))
    assert world.now_ms == 86_400_000


def test_what_is_cancelled_does_not_come_and_is_not_waited_for(world: World) -> None:
    turns_ms: list[float] = []
    loop = ProcessLoop(world, lambda: turns_ms.append(world.now_ms))

    async def live() -> list[str]:
        came: list[str] = []
        loop.call_later(1, came.append, "cancelled").cancel()
        loop.call_soon(came.append, "cancelled at once").cancel()
        loop.call_later(2, came.append, "two")
        await asyncio.sleep(3)
        return came

    assert loop.run_until_complete(live()) == ["two"]
    loop.close()
    assert sorted(set(turns_ms)) == [0, 2_000, 3_000]


def test_what_a_turn_adds_is_of_the_next_turn(world: World) -> None:
    turns: list[str] = []
    loop = ProcessLoop(world, lambda: turns.append("turn"))

    def first() -> None:
        turns.append("first")
        loop.call_soon(turns.append, "added")
        loop.call_soon(loop.stop)

    loop.call_soon(first)
    loop.call_soon(turns.append, "second")
    loop.run_forever()
    loop.close()
    assert turns == ["turn", "first", "second", "turn", "added"]


def test_a_call_that_fails_is_told_of_and_the_rest_comes(loop: ProcessLoop) -> None:
    told: list[object] = []
    loop.set_exception_handler(lambda _, context: told.append(context["exception"]))
    error = ValueError("no")

    def fail() -> None:
        raise error

    loop.call_soon(fail)
    loop.run_until_complete(asyncio.sleep(1))
    assert told == [error]


def test_who_waits_for_what_never_comes_is_told_so(loop: ProcessLoop) -> None:
    with pytest.raises(Standstill):
        loop.run_until_complete(loop.create_future())
