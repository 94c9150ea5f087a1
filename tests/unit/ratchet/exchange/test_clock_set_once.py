"""Requests that are refused together for a wrong clock set it once: each alone would undo the other's correction."""

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.exchange.budget import Lane
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.outcome import Refused
from ratchet.exchange.requests import Requests
from ratchet.exchange.told import Told

AHEAD_MS, ROUND_TRIP_S = 30_000, 0.05
TOO_OLD = '{"code":-1021,"msg":"Timestamp for this request is outside of the recvWindow."}'


class Exchange:
    """Its clock is ahead of this machine's; it refuses whoever is not near it."""

    def __init__(self, clock: SystemClock) -> None:
        self.times_asked = 0
        self._clock = clock

    async def ask(
        self, method: str, parameters: Mapping[str, object], lane: Lane, on_told: Callable[[Told], None]
    ) -> Any:
        """See `Transport`."""
        await asyncio.sleep(ROUND_TRIP_S / 2)
        now_ms = int(time.time() * 1_000) + AHEAD_MS
        is_off = abs(self._clock.now_ms() - now_ms) > 1_000
        await asyncio.sleep(ROUND_TRIP_S / 2)
        if method.endswith("Time"):
            self.times_asked += 1
            return {"serverTime": now_ms}
        if is_off:
            raise Refused(400, {}, TOO_OLD)
        return {}

    async def close(self) -> None:
        """See `Transport`."""


async def test_a_clock_that_is_off_is_set_once_by_all_who_find_out(tmp_path: Path) -> None:
    clock = SystemClock()
    exchange = Exchange(clock)
    settings = ExchangeSettings(
        http_url="http://127.0.0.1:1",
        ws_url="ws://127.0.0.1:1",
        api_key=SecretStr("key"),
        api_secret=SecretStr("secret"),
        rate_limit=False,
        budget_folder=tmp_path,
    )
    requests = Requests(settings, clock, exchange)
    async with asyncio.timeout(10):
        await asyncio.gather(*(requests.read("fapiPrivateV3GetPositionRisk") for _ in range(4)))
    assert abs(clock.now_ms() - int(time.time() * 1_000) - AHEAD_MS) < 200
    assert exchange.times_asked == 1
