import asyncio
import heapq
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from ratchet.domain.candle import Candle, Timeframe
from ratchet.domain.clock import Clock
from ratchet.domain.symbol import Symbol
from ratchet.market.feed import CandleFeed
from tests.unit.ratchet.market.candles import FIVE_MINUTES, START_MS, STEP_MS, a_candle

BTCUSDC, ETHUSDC = Symbol("BTCUSDC"), Symbol("ETHUSDC")


class HandClock:
    """A clock that the test moves, and that counts who is at work."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._sleepers: list[tuple[int, int, asyncio.Event]] = []
        self.at_work = 0
        self.sleeps = 0

    def now_ms(self) -> int:
        return self._now_ms

    def elapsed_ms(self) -> float:
        return float(self._now_ms)

    async def sleep_until(self, at_ms: int) -> None:
        self.sleeps += 1
        if at_ms > self._now_ms:
            awake = asyncio.Event()
            heapq.heappush(self._sleepers, (at_ms, self.sleeps, awake))
            await awake.wait()

    @contextmanager
    def working(self) -> Iterator[None]:
        self.at_work += 1
        try:
            yield
        finally:
            self.at_work -= 1

    async def advance(self, to_ms: int) -> None:
        """Move on, one sleeper after the other, as an accelerated exchange would."""
        await settle()
        assert self.at_work == 0, "time may not pass while somebody is at work"
        while self._sleepers and self._sleepers[0][0] <= to_ms:
            at_ms, _, awake = heapq.heappop(self._sleepers)
            self._now_ms = at_ms
            awake.set()
            await settle()
        self._now_ms = to_ms


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


class Venue:
    """What REST would answer: `known` candles, of which the last n are given."""

    def __init__(self, known: int) -> None:
        self.known = known
        self.missing: set[int] = set()
        self.asked: list[Symbol] = []
        self.failures = 0
        self.at_once = 0
        self.at_once_max = 0
        self.open = asyncio.Event()
        self.open.set()

    async def fetch(self, symbol: Symbol, timeframe: Timeframe, limit: int) -> list[Candle]:
        assert timeframe == FIVE_MINUTES
        self.asked.append(symbol)
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        await self.open.wait()
        await asyncio.sleep(0)
        self.at_once -= 1
        if self.failures:
            self.failures -= 1
            raise ConnectionError("no network")
        numbers = [number for number in range(self.known) if number not in self.missing]
        return [a_candle(number) for number in numbers[-limit:]]


class Scene:
    """A feed at the close of candle `known - 1`, with its venue and clock."""

    def __init__(self, *symbols: Symbol, known: int = 20, depth: int = 10) -> None:
        self.venue = Venue(known)
        self.clock = HandClock(closes_ms(known - 1))
        self.announced: list[tuple[Symbol, int]] = []
        clock: Clock = self.clock
        self.feed = CandleFeed(
            symbols or (BTCUSDC,),
            FIVE_MINUTES,
            depth=depth,
            fetch=self.venue.fetch,
            clock=clock,
            on_closed=self._on_closed,
        )

    def _on_closed(self, symbol: Symbol) -> None:
        window = self.feed.candles(symbol)
        assert window is not None, "only what can be evaluated is announced"
        self.announced.append((symbol, int(window.volume[-1])))

    def numbers(self, symbol: Symbol = BTCUSDC) -> list[int] | None:
        window = self.feed.candles(symbol)
        return None if window is None else [int(volume) for volume in window.volume]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.feed.take_on(self.feed.symbols)
        task = asyncio.create_task(self.feed.run())
        await settle()
        try:
            yield
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert self.clock.at_work == 0


def closes_ms(number: int) -> int:
    return START_MS + (number + 1) * STEP_MS


async def test_who_is_taken_on_is_filled_and_nothing_is_announced() -> None:
    scene = Scene(BTCUSDC)
    await scene.feed.take_on([BTCUSDC, ETHUSDC])
    assert scene.feed.symbols == (BTCUSDC, ETHUSDC)
    assert scene.numbers(BTCUSDC) == scene.numbers(ETHUSDC) == list(range(10, 20))
    assert scene.announced == []


async def test_whoever_has_candles_is_not_asked_for_again() -> None:
    scene = Scene(BTCUSDC)
    await scene.feed.take_on([BTCUSDC])
    await scene.feed.take_on([BTCUSDC, ETHUSDC])
    assert scene.venue.asked == [BTCUSDC, ETHUSDC]


async def test_eight_are_asked_for_at_once_at_most() -> None:
    scene = Scene(*(Symbol(f"C{number}USDC") for number in range(30)))
    scene.venue.open.clear()
    filling = asyncio.create_task(scene.feed.take_on(scene.feed.symbols))
    await settle()
    scene.venue.open.set()
    await filling
    assert (scene.venue.at_once_max, len(scene.venue.asked)) == (8, 30)


async def test_a_symbol_that_cannot_be_filled_is_tried_again() -> None:
    scene = Scene()
    scene.venue.failures = 1
    await scene.feed.take_on(scene.feed.symbols)
    assert scene.numbers() is None
    scene.venue.failures = 1
    async with scene.running():
        assert scene.numbers() == list(range(10, 20))
    assert scene.announced == []


async def test_a_candle_that_has_not_closed_is_not_taken() -> None:
    scene = Scene()
    scene.venue.known += 1
    await scene.feed.take_on(scene.feed.symbols)
    assert scene.numbers() == list(range(10, 20))


async def test_candles_of_the_stream_are_announced_once_each() -> None:
    scene = Scene()
    async with scene.running():
        for number in (20, 20, 19, 21):
            scene.feed.on_candle(BTCUSDC, a_candle(number))
        scene.feed.on_candle(ETHUSDC, a_candle(22))  # nobody wants it
    assert scene.announced == [(BTCUSDC, 20), (BTCUSDC, 21)]
    assert scene.numbers() == list(range(12, 22))
    assert len(scene.venue.asked) == 1


async def test_a_gap_is_filled_by_rest_and_nothing_is_evaluated_meanwhile() -> None:
    scene = Scene()
    async with scene.running():
        scene.venue.known = 23
        await scene.clock.advance(closes_ms(20))
        scene.feed.on_candle(BTCUSDC, a_candle(20))
        await scene.clock.advance(closes_ms(21))
        scene.feed.on_candle(BTCUSDC, a_candle(20))
        scene.venue.open.clear()
        await scene.clock.advance(closes_ms(22))
        scene.feed.on_candle(BTCUSDC, a_candle(22))  # 21 never came
        assert scene.numbers() is None
        assert scene.clock.at_work > 0  # accelerated time waits for the gap to be filled
        await settle()
        assert scene.announced == [(BTCUSDC, 20)]
        scene.venue.open.set()
        await settle()
        assert scene.numbers() == list(range(13, 23))
        assert scene.announced == [(BTCUSDC, 20), (BTCUSDC, 22)]


async def test_a_gap_whose_filling_fails_is_filled_soon_after() -> None:
    scene = Scene()
    async with scene.running():
        await scene.clock.advance(closes_ms(21))
        scene.venue.known, scene.venue.failures = 22, 1
        scene.feed.on_candle(BTCUSDC, a_candle(21))
        await settle()
        assert scene.numbers() is None
        await scene.clock.advance(closes_ms(21) + 20_000)
        assert scene.announced == [(BTCUSDC, 21)]


async def test_a_silent_stream_is_replaced_by_rest_after_the_grace() -> None:
    scene = Scene(BTCUSDC, ETHUSDC)
    async with scene.running():
        await scene.clock.advance(closes_ms(20))
        scene.feed.on_candle(ETHUSDC, a_candle(20))
        scene.venue.known = 21
        await scene.clock.advance(closes_ms(20) + 19_999)
        assert scene.announced == [(ETHUSDC, 20)]
        await scene.clock.advance(closes_ms(20) + 20_000)
        assert scene.announced == [(ETHUSDC, 20), (BTCUSDC, 20)]
        assert scene.venue.asked[2:] == [BTCUSDC]
        scene.feed.on_candle(BTCUSDC, a_candle(20))  # the stream is back, with what REST has told already
        scene.feed.on_candle(BTCUSDC, a_candle(21))
    assert scene.announced[2:] == [(BTCUSDC, 21)]


async def test_rest_that_is_late_itself_is_asked_again() -> None:
    scene = Scene()
    async with scene.running():
        await scene.clock.advance(closes_ms(20) + 60_000)
        assert scene.announced == []
        scene.venue.known = 21
        await scene.clock.advance(closes_ms(20) + 80_000)
    assert scene.announced == [(BTCUSDC, 20)]


async def test_after_an_outage_only_the_newest_candle_is_announced() -> None:
    scene = Scene()
    async with scene.running():
        scene.venue.failures = 1_000
        await scene.clock.advance(closes_ms(39))
        scene.venue.failures, scene.venue.known = 0, 40
        await scene.clock.advance(closes_ms(39) + 20_000)
    assert scene.announced == [(BTCUSDC, 39)]


async def test_a_rotation_fills_the_new_and_forgets_the_old() -> None:
    scene = Scene(BTCUSDC)
    async with scene.running():
        scene.feed.follow([ETHUSDC])
        assert scene.clock.at_work == 1
        await settle()
        assert (scene.numbers(BTCUSDC), scene.numbers(ETHUSDC)) == (None, list(range(10, 20)))
        scene.feed.on_candle(BTCUSDC, a_candle(20))
        scene.feed.on_candle(ETHUSDC, a_candle(20))
    assert scene.announced == [(ETHUSDC, 20)]


async def test_age_is_that_of_the_newest_close() -> None:
    scene = Scene()
    assert scene.feed.age_ms(BTCUSDC) is None
    await scene.feed.take_on(scene.feed.symbols)
    await scene.clock.advance(closes_ms(19) + 1_234)
    assert scene.feed.age_ms(BTCUSDC) == 1_234
