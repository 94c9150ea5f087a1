"""The trader as a process that is killed, on a running exchange in real time. What became of its positions is judged
from the exchange's side alone: by what it lists, and by its own record of everything that stood without cover.

`RATCHET_KILLS=200` (or `make kills`) kills at so many random moments; a failing one prints how to have it again.
"""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle
from pathlib import Path

import pytest

from ratchet.domain.order import Side
from tests.end_to_end.guarded import a_guard, environment, eventually
from tests.end_to_end.killing import BEYOND_A_RUNG, SYMBOLS, Mortal, Nest, Scene, a_nest, a_scene, now_ms
from tests.end_to_end.mortal import AFTER_A_RUNG, Deed, Point
from tests.end_to_end.proxy import a_proxy
from tests.wire.conftest import Venue

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

KILLS = int(os.environ.get("RATCHET_KILLS", "6"))
KILLS_GUARDED = KILLS // 4
SEED_FIRST = int(os.environ.get("RATCHET_KILLS_FROM", "1"))
ROUND_S = 20  # at the very most
CLEARED_S = 60  # who was frozen asks first what became of the requests that it had under way
RESTARTED_MS_MAX = 1_000  # from the first answer about the account
GUARDED_MS_MAX = 3_000  # from the trader's death


@pytest.fixture(scope="module")
def nest() -> Iterator[Nest]:
    with a_nest() as it:
        yield it


@pytest.fixture
async def scene(nest: Nest, venue: Venue, tmp_path: Path) -> AsyncIterator[Scene]:
    async with a_scene(nest, venue, tmp_path) as it:
        yield it


@asynccontextmanager
async def looking(scene: Scene, **settings: object) -> AsyncIterator[Callable[[], int]]:
    """A guardian beside the traders. Gives a count of its looks at stops."""
    looks = 0

    def note(_method: str, path: str, _parameters: dict[str, str]) -> None:
        nonlocal looks
        looks += path.endswith("openAlgoOrders")

    async with a_proxy(scene.venue.http.removeprefix("http://")) as proxy:
        proxy.on_request = note
        environ = environment(scene.venue, scene.folder, http=f"http://{proxy.address}", **settings)
        async with a_guard(environ, scene.folder) as guard:
            await guard.begins()
            yield lambda: looks


async def after_looks(looks: Callable[[], int], times: int) -> None:
    seen = looks()
    await eventually(lambda: looks() >= seen + times)


@dataclass(slots=True)
class Figures:
    """Durations, ms."""

    what: str
    all_ms: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        ranked = sorted(self.all_ms)
        p50, p99 = (ranked[min(len(ranked) - 1, len(ranked) * share // 100)] for share in (50, 99))
        return f"{self.what}: {len(ranked)} times, p50 {p50:.0f} ms, p99 {p99:.0f} ms, max {ranked[-1]:.0f} ms"


def show(capsys: pytest.CaptureFixture[str], *figures: Figures) -> None:
    """For whoever reads the run."""
    with capsys.disabled():
        sys.stdout.write("".join(f"\n  {each}" for each in figures if each.all_ms) + "\n")


async def assert_one_stop(scene: Scene, symbol: str) -> None:
    """Exactly one, over exactly what is held, in the end."""

    async def is_one() -> bool:
        held = (await scene.judge.held()).get(symbol, Decimal(0))
        stops = await scene.judge.stops(symbol)
        return len(stops) == (1 if held else 0) and all(Decimal(stop["quantity"]) == abs(held) for stop in stops)

    try:
        await eventually(is_one)
    except TimeoutError:
        held, stops = await scene.judge.held(), await scene.judge.stops(symbol)
        raise AssertionError(f"{symbol}: {held.get(symbol)} held, stops {stops}") from None


async def assert_protected_by(scene: Scene, mortal: Mortal, symbol: str) -> float:
    """By a trader that was started again, in time. Returns: how long after its first answer about the account, ms."""
    await scene.judge.until_protected()
    known_ms = (await mortal.until("account"))["at_ms"]
    took_ms = await scene.judge.unprotected_ms_after(symbol, known_ms)
    assert took_ms <= RESTARTED_MS_MAX
    await assert_one_stop(scene, symbol)
    return took_ms


async def assert_accounted(scene: Scene, symbol: str) -> None:
    """The trade is ended from outside, and everything it did is in the books, once."""
    await scene.judge.closes(symbol)
    try:
        await eventually(lambda: scene.judge.is_clear(symbol), CLEARED_S)
    except TimeoutError:
        raise AssertionError(f"not cleared: {await scene.judge.left(symbol)}") from None
    await scene.judge.until_accounted(symbol)
    await scene.judge.assert_no_duplicates(symbol)


# Started again -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("point", "side"), list(zip(Point, cycle(Side), strict=False)))
async def test_killed_and_started_again_it_protects_within_a_second_and_accounts_for_everything(
    scene: Scene, point: Point, side: Side
) -> None:
    symbol = SYMBOLS[0]
    mortal = await scene.starts()
    await scene.comes_to(point, mortal, symbol, side)
    await mortal.dies()
    await assert_protected_by(scene, await scene.starts(), symbol)
    if point in AFTER_A_RUNG:
        await assert_break_even(scene, symbol, side)
    await assert_accounted(scene, symbol)


async def assert_break_even(scene: Scene, symbol: str, side: Side) -> None:
    """The stop comes to stand on the winning side of the entry, whoever was told of the rung."""
    [row] = [row for row in await scene.judge.ask("/fapi/v3/positionRisk") if row["symbol"] == symbol]
    entry = Decimal(row["entryPrice"])

    async def is_winning() -> bool:
        stops = await scene.judge.stops(symbol)
        return all(side.sign * (Decimal(stop["triggerPrice"]) - entry) > 0 for stop in stops)

    await eventually(is_winning)
    await assert_one_stop(scene, symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a trader is killed. All from one seed."""

    symbol: str
    side: Side
    after_ms: float  # the request of the entry, or the jump of the market
    jumps: bool  # beyond the first rung
    again_ms: float | None  # after its birth the next one is killed as well

    @classmethod
    def drawn(cls, seed: int) -> "Moment":
        """An entry has its stop within some 8 ms and its rungs within 30: a third of the draws each."""
        chance = random.Random(seed)  # noqa: S311 - to be repeatable
        return cls(
            symbol=chance.choice(SYMBOLS),
            side=chance.choice((Side.BUY, Side.SELL)),
            after_ms=chance.uniform(0, chance.choice((8, 30, 400))),
            jumps=chance.random() < 0.25,
            again_ms=chance.uniform(0, 300) if chance.random() < 0.2 else None,
        )

    async def comes(self, scene: Scene, mortal: Mortal) -> float:
        """Returns: when the trader died, ms."""
        await mortal.enters(self.symbol, self.side)
        began_ms = float((await mortal.until("entering"))["at_ms"])
        if self.jumps:
            await scene.judge.until_held(self.symbol)
            await scene.has_ladder(self.symbol)
            began_ms = now_ms()
            await scene.judge.moves_the_price(self.symbol, self.side.sign * BEYOND_A_RUNG)
        await asyncio.sleep((began_ms + self.after_ms - now_ms()) / 1_000)  # the moment is what is tested
        return await mortal.is_killed()

    async def comes_again(self, scene: Scene) -> None:
        """The next one does not live long."""
        if self.again_ms is not None:
            mortal = await scene.hatches()
            await asyncio.sleep(self.again_ms / 1_000)
            await mortal.is_killed()


@asynccontextmanager
async def repeatable(test: str, seed: int) -> AsyncIterator[None]:
    """Says how to have a failure again."""
    try:
        async with asyncio.timeout(ROUND_S):
            yield
    except (Exception, asyncio.CancelledError) as error:
        command = f"RATCHET_KILLS=4 RATCHET_KILLS_FROM={seed} .venv/bin/python -m pytest {__file__} -k {test}"
        error.add_note(f"seed {seed}, {Moment.drawn(seed)}\nagain: {command}")
        raise


@pytest.mark.timeout(120 + KILLS * ROUND_S)
async def test_killed_at_random_moments_and_started_again_nothing_is_left_bare_lost_or_sent_twice(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    protected = Figures("from the account's first answer to the stop, where one was lacking")
    dead = Figures("from the death to the stop, where one was lacking")
    mortal = await scene.starts()
    for seed in range(SEED_FIRST, SEED_FIRST + KILLS):
        async with repeatable("random_moments_and_started", seed):
            moment = Moment.drawn(seed)
            died_ms = await moment.comes(scene, mortal)
            await moment.comes_again(scene)
            mortal = await scene.starts()
            took_ms = await assert_protected_by(scene, mortal, moment.symbol)
            if took_ms > 0:
                protected.all_ms.append(took_ms)
                dead.all_ms.append(await scene.judge.unprotected_ms_after(moment.symbol, died_ms))
            await assert_accounted(scene, moment.symbol)
    show(capsys, protected, dead)


# The guardian alone --------------------------------------------------------------------------------------------------


async def assert_guarded(scene: Scene, symbol: str, since_ms: float) -> float:
    """By the guardian, in time. Returns: how long after the instant, ms."""
    await scene.judge.until_protected()
    took_ms = await scene.judge.unprotected_ms_after(symbol, since_ms)
    assert took_ms <= GUARDED_MS_MAX
    return took_ms


async def test_killed_at_any_point_and_left_dead_the_guardian_protects_within_three_seconds(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    guarded = Figures("from the death to the guardian's stop, where one was lacking")
    async with looking(scene):
        for point, symbol in zip(Point, cycle(SYMBOLS), strict=False):
            mortal = await scene.starts()
            await scene.comes_to(point, mortal, symbol, Side.BUY)
            died_ms = await mortal.dies()
            if point is not Point.INTENT_DURABLE:
                await scene.judge.until_held(symbol)
            took_ms = await assert_guarded(scene, symbol, died_ms)
            if took_ms > 0:
                guarded.all_ms.append(took_ms)
            await scene.is_cleared()
    assert len(guarded.all_ms) >= 4
    show(capsys, guarded)
    await scene.starts()
    for symbol in SYMBOLS:
        await assert_accounted(scene, symbol)


@pytest.mark.timeout(120 + KILLS_GUARDED * ROUND_S)
async def test_killed_at_random_moments_and_left_dead_the_guardian_protects(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    guarded = Figures("from the death to the guardian's stop, where one was lacking")
    async with looking(scene):
        for seed in range(SEED_FIRST, SEED_FIRST + KILLS_GUARDED):
            async with repeatable("random_moments_and_left", seed):
                moment = Moment.drawn(seed)
                died_ms = await moment.comes(scene, await scene.starts())
                took_ms = await assert_guarded(scene, moment.symbol, died_ms)
                if took_ms > 0:
                    guarded.all_ms.append(took_ms)
                await scene.is_cleared()
    show(capsys, guarded)
    await scene.starts()
    for symbol in SYMBOLS:
        await assert_accounted(scene, symbol)


@pytest.mark.parametrize("point", [Point.ENTRY_ACKNOWLEDGED, Point.STOP_ANSWERED, Point.RUNG_FILLED])
async def test_frozen_it_is_guarded_and_awake_again_it_and_the_guardian_end_with_one_stop(
    scene: Scene, point: Point
) -> None:
    symbol = SYMBOLS[0]
    async with looking(scene, GUARD__INTERVAL_S="0.3") as looks:
        mortal = await scene.starts()
        await scene.comes_to(point, mortal, symbol, Side.BUY, Deed.FREEZE)
        frozen_ms = (await mortal.until("reached"))["at_ms"]
        await scene.judge.until_held(symbol)
        await assert_guarded(scene, symbol, frozen_ms)
        await mortal.wakes()
        for _ in range(2):  # there is one, and there is still one when both have had time to disagree
            await assert_one_stop(scene, symbol)
            await after_looks(looks, 5)
    await assert_accounted(scene, symbol)


@pytest.mark.parametrize("deed", [Deed.SPIN, Deed.STARVE])
@pytest.mark.parametrize("point", [Point.ENTRY_ACKNOWLEDGED, Point.RUNG_FILLED])
async def test_out_of_its_mind_it_is_guarded_and_killed_and_started_again_it_accounts_for_everything(
    scene: Scene, point: Point, deed: Deed
) -> None:
    symbol = SYMBOLS[0]
    async with looking(scene):
        mortal = await scene.starts()
        await scene.comes_to(point, mortal, symbol, Side.BUY, deed)
        mad_ms = (await mortal.until("reached"))["at_ms"]
        await scene.judge.until_held(symbol)
        await assert_guarded(scene, symbol, mad_ms)
        mortal.close()
        await assert_protected_by(scene, await scene.starts(), symbol)
        await assert_accounted(scene, symbol)
