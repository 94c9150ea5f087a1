"""The lockstep clock: time stands still while anything is at work, and what is handed on is never lost sight of."""

import asyncio

import pytest

from ratchet.exchange.lockstep_clock import LockstepClock


async def test_a_sleeper_wakes_when_its_time_has_come_and_not_before() -> None:
    clock = LockstepClock(1_000)
    sleeper = asyncio.create_task(clock.sleep_until(2_000))
    await asyncio.sleep(0)
    clock.advance(1_999)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(2_000)
    await sleeper
    assert clock.now_ms() == 2_000


async def test_idle_waits_for_who_is_at_work() -> None:
    clock = LockstepClock(0)
    with clock.working():
        idle = asyncio.create_task(clock.idle())
        for _ in range(20):
            await asyncio.sleep(0)
        assert not idle.done()
    await idle


async def test_a_woken_sleeper_counts_as_at_work_until_it_has_taken_its_own_hold() -> None:
    clock = LockstepClock(0)
    done = asyncio.Event()
    order: list[str] = []

    async def worker() -> None:
        await clock.sleep_until(5)
        with clock.working():
            await done.wait()
            order.append("worked")

    task = asyncio.create_task(worker())
    await asyncio.sleep(0)
    clock.advance(5)
    idle = asyncio.create_task(clock.idle())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not idle.done()
    done.set()
    await idle
    order.append("idle")
    await task
    assert order == ["worked", "idle"]


async def test_work_handed_from_task_to_task_keeps_the_clock() -> None:
    clock = LockstepClock(0)
    steps: list[int] = []

    async def link(number: int) -> None:
        with clock.working():
            await asyncio.sleep(0)
            steps.append(number)
            if number < 10:
                tasks.create_task(link(number + 1))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(link(0))
        await asyncio.sleep(0)
        await clock.idle()
        assert steps == list(range(11))


async def test_a_cancelled_sleeper_leaves_no_hold_behind() -> None:
    clock = LockstepClock(0)
    sleeper = asyncio.create_task(clock.sleep_until(5))
    await asyncio.sleep(0)
    clock.advance(5)
    sleeper.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeper
    sleeper = asyncio.create_task(clock.sleep_until(9))
    await asyncio.sleep(0)
    sleeper.cancel()
    await asyncio.gather(sleeper, return_exceptions=True)
    clock.advance(20)
    async with asyncio.timeout(1):
        await clock.idle()


async def test_time_never_runs_backwards() -> None:
    clock = LockstepClock(10)
    clock.advance(5)
    assert clock.now_ms() == 10
    await clock.sleep_until(10)
