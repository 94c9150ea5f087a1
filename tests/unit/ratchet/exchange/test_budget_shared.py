"""The shared budget: several processes, one address; and waiting that holds nobody up."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.exchange.budget import Lane
from ratchet.exchange.budget_file import BudgetFile
from ratchet.exchange.cost import Cost
from ratchet.exchange.errors import RateLimited
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.product import SPOT
from ratchet.exchange.shared_budget import HeldBack, SharedBudget
from ratchet.exchange.told import Told

NOW_MS = 1_700_000_040_000  # a whole minute
KEY = "the-key-of-the-test"
ALL_OF_IT = Cost(1_800)  # of the ordinary share


def settings(folder: Path, key: str = KEY, *, port: int = 8_080, rate_limit: bool = True) -> ExchangeSettings:
    return ExchangeSettings(
        http_url=f"http://127.0.0.1:{port}",
        ws_url=f"ws://127.0.0.1:{port}",
        api_key=key,
        api_secret="a-secret",
        rate_limit=rate_limit,
        budget_folder=folder,
        budget_wait_s=0.05,
    )


def a_budget(folder: Path, key: str = KEY, *, port: int = 8_080, rate_limit: bool = True) -> SharedBudget:
    return SharedBudget(settings(folder, key, port=port, rate_limit=rate_limit), LockstepClock(NOW_MS))


async def ordinary(budget: SharedBudget, cost: Cost | None = None) -> None:
    await budget.admit(Lane.ORDINARY, cost or Cost(1), "GET klines")


async def protective(budget: SharedBudget, cost: Cost | None = None) -> None:
    await budget.admit(Lane.PROTECTIVE, cost or Cost(1), "POST algoOrder")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def taken(folder: Path) -> Iterator[None]:
    """Another process has the file and does not let go of it."""
    other = BudgetFile(next(folder.glob("budget-*.json")))
    with other.locked():
        yield


async def test_spot_has_limits_of_its_own_at_the_same_address(folder: Path) -> None:
    perpetuals = a_budget(folder)
    spot = SharedBudget(settings(folder), LockstepClock(NOW_MS), SPOT)
    await perpetuals.learn(Lane.ORDINARY, Told(is_turned_away=True, is_banned=True, retry_after_ms=60_000), NOW_MS)
    with pytest.raises(HeldBack):
        await ordinary(perpetuals)
    await ordinary(spot, Cost(4_000))  # more than perpetuals allow
    with pytest.raises(HeldBack):
        await ordinary(spot, Cost(600))


def take_all_one_can(folder: Path) -> int:
    """In a process of its own: ordinary requests until there is no more."""

    async def take() -> int:
        budget = a_budget(folder)
        for number in range(10_000):
            try:
                await ordinary(budget)
            except HeldBack:
                return number
        return 10_000

    return asyncio.run(take())


def test_two_processes_take_one_share_together_and_not_one_request_more(folder: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as processes:
        taken = processes.map(take_all_one_can, [folder, folder], chunksize=1)
    assert sum(taken) == 1_800


async def test_orders_are_counted_by_account_and_weight_by_address(folder: Path) -> None:
    ours, theirs, elsewhere = a_budget(folder), a_budget(folder, "another-key"), a_budget(folder, port=8_081)
    await ordinary(ours, Cost(0, orders=225))
    await ordinary(theirs, Cost(0, orders=225))
    with pytest.raises(HeldBack):
        await ordinary(ours, Cost(0, orders=1))
    await ordinary(ours, ALL_OF_IT)
    with pytest.raises(HeldBack):
        await ordinary(theirs)
    await ordinary(elsewhere)


async def test_neither_key_nor_address_can_be_read_from_what_is_written(folder: Path) -> None:
    await ordinary(a_budget(folder), Cost(1, orders=1))
    for file in folder.iterdir():
        assert "127.0.0.1" not in file.name
        assert KEY not in file.name + file.read_text(encoding="utf-8")


async def test_who_waits_for_the_next_minute_lets_exchange_time_pass(folder: Path) -> None:
    clock = LockstepClock(NOW_MS)
    budget = SharedBudget(settings(folder).model_copy(update={"budget_wait_s": 10.0}), clock)
    await ordinary(budget, ALL_OF_IT)
    waiting = asyncio.create_task(ordinary(budget))
    async with asyncio.timeout(5):
        await clock.idle()
        assert not waiting.done()
        clock.advance(NOW_MS + 60_500)
        await waiting


async def test_a_wait_in_which_time_is_held_ends_all_the_same_and_says_when_to_come(folder: Path) -> None:
    budget = a_budget(folder)
    await ordinary(budget, ALL_OF_IT)
    with pytest.raises(RateLimited, match="GET klines: held back") as limited:
        await ordinary(budget)
    assert limited.value.retry_after_ms == 60_500


async def test_what_protects_does_not_wait_behind_what_does(folder: Path) -> None:
    budget = a_budget(folder)
    await ordinary(budget, ALL_OF_IT)
    waiting = [asyncio.create_task(ordinary(budget)) for _ in range(20)]
    await asyncio.sleep(0)
    for _ in range(600):
        await protective(budget)
    assert not any(task.done() for task in waiting)
    assert not [found for found in await asyncio.gather(*waiting, return_exceptions=True) if found is None]


@pytest.mark.parametrize("rate_limit", [True, False])
async def test_a_ban_stops_ordinary_requests_of_all_and_after_a_restart(folder: Path, rate_limit: bool) -> None:
    ours, theirs = (a_budget(folder, key, rate_limit=rate_limit) for key in (KEY, "another-key"))
    await ordinary(theirs)
    banned = Told(is_turned_away=True, is_banned=True, banned_until_ms=NOW_MS + 120_000)
    await ours.learn(Lane.ORDINARY, banned, NOW_MS)
    ours.close()
    for budget in (theirs, a_budget(folder, rate_limit=rate_limit)):
        with pytest.raises(HeldBack) as held:
            await ordinary(budget)
        assert held.value.retry_after_ms == 120_000
        assert budget.state().banned_until_ms == NOW_MS + 120_000
    await protective(theirs)
    with pytest.raises(HeldBack) as held:
        await protective(theirs)
    assert held.value.retry_after_ms == 1_000


class FrozenClock(LockstepClock):
    """Exchange time stands still for as long as somebody is at work; real time does not."""

    real_ms = 0.0

    def elapsed_ms(self) -> float:
        return self.real_ms


async def test_while_exchange_time_is_held_what_protects_goes_out_once_a_real_second(folder: Path) -> None:
    clock = FrozenClock(NOW_MS)
    budget = SharedBudget(settings(folder), clock)
    await budget.learn(Lane.PROTECTIVE, Told(is_turned_away=True, is_banned=False), NOW_MS)
    await protective(budget)
    clock.real_ms = 999.0
    with pytest.raises(HeldBack):
        await protective(budget)
    clock.real_ms = 1_000.0
    await protective(budget)
    with pytest.raises(HeldBack):
        await protective(budget)


async def test_a_ban_is_for_one_address(folder: Path) -> None:
    await a_budget(folder).learn(Lane.ORDINARY, Told(is_turned_away=True), NOW_MS)
    await ordinary(a_budget(folder, port=8_081))


async def test_what_the_exchange_has_counted_is_known_to_all(folder: Path) -> None:
    clock = LockstepClock(NOW_MS + 30_000)
    ours, theirs = SharedBudget(settings(folder), clock), SharedBudget(settings(folder, "another-key"), clock)
    await ordinary(ours)
    await ours.learn(Lane.ORDINARY, Told(weight=1_795), NOW_MS + 29_000)
    assert theirs.state().weight_used == 1_795
    await ordinary(theirs, Cost(5))
    with pytest.raises(HeldBack):
        await ordinary(ours)


async def test_the_state_tells_what_is_used(folder: Path) -> None:
    budget = a_budget(folder)
    await ordinary(budget, Cost(40))
    state = budget.state()
    assert (state.weight_used, state.weight_max, state.banned_until_ms) == (40, 2_400, None)


async def test_switched_off_it_counts_nothing_and_leaves_no_file(folder: Path) -> None:
    budget = a_budget(folder, rate_limit=False)
    for _ in range(3):
        await ordinary(budget, ALL_OF_IT)
    await budget.learn(Lane.ORDINARY, Told(weight=2_400), NOW_MS)
    assert budget.state().weight_used == 0
    assert not folder.exists()


class TestWhileAnotherHasTheFile:
    """It should be for microseconds; a process that was stopped in them has it for as long as it is stopped."""

    @pytest.fixture
    async def budget(self, folder: Path) -> SharedBudget:
        budget = a_budget(folder)
        await ordinary(budget)
        return budget

    async def test_what_protects_goes_ahead_and_is_counted_later(self, budget: SharedBudget, folder: Path) -> None:
        other = BudgetFile(next(folder.glob("budget-*.json")))
        with other.locked():
            async with asyncio.timeout(1):
                await protective(budget, Cost(7))
        await protective(budget, Cost(3))
        assert a_budget(folder).state().weight_used == 1 + 7 + 3

    async def test_what_does_not_waits_for_it(self, budget: SharedBudget, folder: Path) -> None:
        other = BudgetFile(next(folder.glob("budget-*.json")))
        with other.locked():
            waiting = asyncio.create_task(ordinary(budget, Cost(7)))
            await asyncio.sleep(0)
            assert not waiting.done()
        await waiting
        assert budget.state().weight_used == 8

    async def test_and_gives_up_in_the_end(self, budget: SharedBudget, taken: None) -> None:
        with pytest.raises(HeldBack, match="locked"):
            await ordinary(budget)

    async def test_a_ban_is_known_here_at_once_and_to_others_later(self, budget: SharedBudget, folder: Path) -> None:
        other = BudgetFile(next(folder.glob("budget-*.json")))
        with other.locked():
            await budget.learn(Lane.ORDINARY, Told(is_turned_away=True), NOW_MS)
            assert budget.state().banned_until_ms == NOW_MS + 60_500
        with pytest.raises(HeldBack):
            await ordinary(budget)
        assert a_budget(folder).state().banned_until_ms == NOW_MS + 60_500
