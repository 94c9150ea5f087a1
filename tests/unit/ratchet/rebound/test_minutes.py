"""The minutes of what is watched are read once each, and nothing depends on them."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import cast

from ratchet.domain.candle import Candle
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import OutcomeUnknown
from ratchet.exchange.lockstep_clock import LockstepClock
from ratchet.exchange.spot_client import SpotClient
from ratchet.rebound.minutes import AGAIN_MS, Minutes
from ratchet.strategy.minute_readings import CANDLES_WANTED, MINUTE_MS, read_minutes
from ratchet.strategy.moving_average import Heading
from tests.unit.ratchet.rebound.bought import TRUMP

START_MS = 1_000 * MINUTE_MS


def a_minute(number: int) -> Candle:
    price = Decimal(number + number % 7)
    return Candle(
        open_ms=number * MINUTE_MS, open=price, high=price, low=price, close=price, volume=price, volume_quote=price
    )


class Exchange:
    """Has every minute that is over; `failures`: how many questions it does not answer first."""

    def __init__(self, clock: LockstepClock, failures: int = 0) -> None:
        self.asked: list[int] = []
        self._clock = clock
        self._failures = failures

    async def fetch_minutes(self, _symbol: Symbol, *, most: int) -> list[Candle]:
        self.asked.append(self._clock.now_ms())
        if len(self.asked) <= self._failures:
            raise OutcomeUnknown("GET klines: no answer in time")
        last = self._clock.now_ms() // MINUTE_MS - 1
        return [a_minute(number) for number in range(max(1, last - most + 1), last + 1)]


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 - turns of the loop, not time
            await asyncio.sleep(0)


async def test_the_ring_is_full_from_the_start_and_grows_by_the_minute() -> None:
    clock = LockstepClock(START_MS)
    exchange = Exchange(clock)
    minutes = Minutes([TRUMP], cast("SpotClient", exchange), clock)
    running = asyncio.create_task(minutes.run())
    await until(lambda: minutes.newest(TRUMP) is not None)
    first = minutes.readings(TRUMP)
    assert len(first) == 60
    assert (first[-1].open_ms, first[-1].ma7.value) == (999 * MINUTE_MS, Decimal(999))
    assert first[-1].ma7.heading is Heading.UP
    for reading in first[:1] + first[-1:]:  # each has as many candles behind it as any other
        last = reading.open_ms // MINUTE_MS
        assert reading == read_minutes([a_minute(number) for number in range(last - CANDLES_WANTED + 1, last + 1)])
    clock.advance(START_MS + MINUTE_MS + 2_000)
    await until(lambda: len(exchange.asked) == 2)
    await until(lambda: minutes.readings(TRUMP)[-1].open_ms == 1_000 * MINUTE_MS)
    assert [each.open_ms for each in minutes.readings(TRUMP)] == [n * MINUTE_MS for n in range(941, 1_001)]
    running.cancel()


async def test_a_question_that_is_not_answered_is_asked_again_soon() -> None:
    clock = LockstepClock(START_MS)
    exchange = Exchange(clock, failures=1)
    minutes = Minutes([TRUMP], cast("SpotClient", exchange), clock)
    running = asyncio.create_task(minutes.run())
    await until(lambda: len(exchange.asked) == 1)
    assert minutes.newest(TRUMP) is None
    clock.advance(START_MS + AGAIN_MS)
    await until(lambda: minutes.newest(TRUMP) is not None)
    running.cancel()
