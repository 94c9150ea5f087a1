"""`ratchet rebound` as those see it who watch it: Prometheus and a supervisor, while a person buys and wires break."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.proxy import a_proxy
from tests.end_to_end.spot_hand import SYMBOL, SpotHand
from tests.end_to_end.test_rebound import companion
from tests.end_to_end.test_rebound_operated import desk_of
from tests.unit.ratchet.observe.test_beacon import free_port, value
from tests.wire.conftest import Venue, serving

IN_TIME_S = 30.0
SOON = {"OBSERVE__ANSWER_AGE_S_MAX": 5, "REBOUND__SWEEP_S": 1}


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    with serving("--no-rate-limits", "--spot-balance=USDC=100000", "--spot-balance=TRUMP=50") as it:
        yield it


@dataclass(frozen=True, slots=True)
class Watcher:
    """Somebody who reads what a companion serves."""

    session: aiohttp.ClientSession
    port: int

    async def health(self) -> tuple[int, dict[str, Any]]:
        """Its status, 0 where nobody answers, and its body."""
        try:
            async with self.session.get(f"http://127.0.0.1:{self.port}/health") as reply:
                return reply.status, await reply.json()
        except aiohttp.ClientError:
            return 0, {}

    async def until(self, status: int, reason: str = "") -> None:
        """Until the health is so, with that in its reason."""
        async with asyncio.timeout(IN_TIME_S):
            while True:
                found, body = await self.health()
                if found == status and reason in body.get("reason", ""):
                    return
                await asyncio.sleep(0.05)

    async def metrics(self) -> dict[str, Metric]:
        async with self.session.get(f"http://127.0.0.1:{self.port}/metrics") as reply:
            return {each.name: each for each in text_string_to_metric_families(await reply.text())}

    async def until_counted(self, wanted: float, family: str, sample: str = "", **labels: str) -> None:
        async with asyncio.timeout(IN_TIME_S):
            while value(await self.metrics(), family, sample, **labels) != wanted:  # noqa: ASYNC110 - it is scraped
                await asyncio.sleep(0.05)


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield Watcher(session, free_port())


async def test_a_companion_is_seen_to_be_well_and_ill_and_what_it_does_is_counted(
    venue: Venue, hand: SpotHand, tmp_path: Path, watcher: Watcher
) -> None:
    orders = ("ratchet_rebound_orders", "ratchet_rebound_orders_total")
    async with a_proxy(venue.http.removeprefix("http://")) as proxy:
        wired = replace(venue, http=f"http://{proxy.address}", ws=f"ws://{proxy.address}")
        async with companion(wired, tmp_path, OBSERVE__REBOUND_PORT=watcher.port, **SOON) as it:
            await watcher.until(200)
            await hand.buys("5")
            await watcher.until_counted(1, *orders, role="sell", what="placed")
            await watcher.until_counted(1, "ratchet_rebound_cases", stage="selling")
            families = await watcher.metrics()
            assert value(families, "ratchet_rebound_buys_waiting", symbol=SYMBOL) == 0
            assert value(families, "ratchet_rebound_profit_usdc", symbol=SYMBOL) == 0
            assert value(families, "ratchet_rebound_placing_halted") == 0

            await desk_of(venue, tmp_path).asks("pause")
            await hand.buys("2")
            await watcher.until_counted(1, "ratchet_rebound_buys_waiting", symbol=SYMBOL)
            assert value(await watcher.metrics(), "ratchet_rebound_placing_halted") == 1
            await hand.acts(act="gap", symbol=SYMBOL, fraction="0.04")
            await watcher.until_counted(1, *orders, role="sell", what="filled")
            await watcher.until_counted(1, "ratchet_rebound_cases_closed")
            families = await watcher.metrics()
            assert value(families, "ratchet_rebound_profit_usdc", symbol=SYMBOL) > 0
            assert value(families, "ratchet_rebound_wait_seconds", symbol=SYMBOL) > 0
            assert (await watcher.health())[0] == 200, "a pause is no illness"

            proxy.blocked.add("ws-api")
            await proxy.cut("ws-api")
            await watcher.until(503, "user_stream: not connected")
            proxy.blocked.clear()
            await watcher.until(200)
            reconnects = "ratchet_stream_reconnects"
            await watcher.until_counted(1, reconnects, f"{reconnects}_total", stream="user")

            proxy.down = True
            await watcher.until(503, f"turns: {SYMBOL} fails for ")
            unhandled = "ratchet_unhandled_exceptions"
            assert value(await watcher.metrics(), unhandled, f"{unhandled}_total") == 0
            proxy.down = False
            assert await it.ends() == 0
    assert (await watcher.health())[0] == 0


async def test_while_the_exchange_is_away_at_the_start_that_is_why_it_is_ill(
    venue: Venue, tmp_path: Path, watcher: Watcher
) -> None:
    away = replace(venue, http="http://127.0.0.1:9")
    async with companion(away, tmp_path, OBSERVE__REBOUND_PORT=watcher.port) as it:
        await watcher.until(503, "the exchange cannot be reached (")
        assert value(await watcher.metrics(), "ratchet_rebound_watching") == 0
        assert await it.ends() == 0


async def test_a_port_that_is_taken_is_said_and_the_companion_goes_on(
    venue: Venue, hand: SpotHand, tmp_path: Path
) -> None:
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        async with companion(venue, tmp_path, OBSERVE__REBOUND_PORT=port) as it:
            await it.said("name another observe.rebound_port, or 0 for none. The companion goes on")
            await it.said("watched")
            assert await it.ends() == 0
