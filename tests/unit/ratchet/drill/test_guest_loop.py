"""A second process in the world: it has its turns whatever the first one does."""

import asyncio
from collections.abc import Iterator

import pytest

from ratchet.drill.guest_loop import GuestLoop
from ratchet.drill.world import ProcessLoop, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def loop(world: World) -> Iterator[ProcessLoop]:
    loop = ProcessLoop(world, lambda: None)
    yield loop
    loop.close()


@pytest.fixture
def guest(world: World) -> Iterator[GuestLoop]:
    guest = GuestLoop(world, lambda: None)
    yield guest
    guest.bury()


async def _beat(world: World, beats: list[float]) -> None:
    while True:
        async with asyncio.timeout(5):
            await asyncio.sleep(1)
        beats.append(world.now_ms)


def test_both_live_in_one_time_and_each_task_is_of_its_own_loop(
    world: World, loop: ProcessLoop, guest: GuestLoop
) -> None:
    beats: list[float] = []
    guest.create_task(_beat(world, beats))

    async def live() -> asyncio.AbstractEventLoop:
        await asyncio.sleep(2.5)
        return asyncio.get_running_loop()

    assert loop.run_until_complete(live()) is loop
    assert beats == [1_000, 2_000]


def test_it_lives_on_while_the_first_process_is_dead_or_stopped(world: World, guest: GuestLoop) -> None:
    beats: list[float] = []
    guest.create_task(_beat(world, beats))
    world.sleep(3_000)
    assert beats == [1_000, 2_000, 3_000]


def test_what_it_is_given_wakes_it_and_not_the_first_process(world: World, guest: GuestLoop) -> None:
    given: asyncio.Future[str] = guest.create_future()
    got: list[tuple[str, float]] = []
    turns: list[float] = []
    loop = ProcessLoop(world, lambda: turns.append(world.now_ms))

    async def wait() -> None:
        got.append((await given, world.now_ms))

    guest.create_task(wait())
    world.at(700, lambda: given.set_result("an answer"))
    loop.run_until_complete(asyncio.sleep(1))
    loop.close()
    assert got == [("an answer", 700)]
    assert 700 not in turns


def test_buried_it_does_nothing_more_and_the_first_process_goes_on(world: World, loop: ProcessLoop) -> None:
    beats: list[float] = []
    guest = GuestLoop(world, lambda: None)
    guest.create_task(_beat(world, beats))
    world.at(1_500, guest.bury)

    async def live() -> asyncio.AbstractEventLoop:
        await asyncio.sleep(4)
        return asyncio.get_running_loop()

    assert loop.run_until_complete(live()) is loop
    assert beats == [1_000]


def test_it_may_be_buried_between_two_of_its_turns(world: World) -> None:
    beats: list[float] = []
    turns = iter(range(100))

    def on_turn() -> None:
        if next(turns) == 2:
            mortal.bury()

    mortal = GuestLoop(world, on_turn)
    mortal.create_task(_beat(world, beats))
    world.sleep(10_000)
    assert mortal.is_closed()
    assert beats == []  # its sleep was over, and it never came to know
