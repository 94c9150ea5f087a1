"""`ratchet trade` as those see it who watch it: the service manager, Prometheus, a supervisor, its own ledger."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.end_to_end.proxy import a_proxy
from tests.end_to_end.test_trade import SOON_OVER, a_trader
from tests.service_manager import ServiceManager
from tests.unit.ratchet.observe.test_beacon import free_port
from tests.wire.conftest import Venue

IN_TIME_S = 60.0


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ServiceManager]:
    with ServiceManager.at(tmp_path / "notify") as manager:
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        yield manager


@asynccontextmanager
async def a_session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


async def health(session: aiohttp.ClientSession, port: int) -> int:
    try:
        async with session.get(f"http://127.0.0.1:{port}/health") as reply:
            return reply.status
    except aiohttp.ClientError:
        return 0


async def becomes(session: aiohttp.ClientSession, port: int, status: int) -> None:
    async with asyncio.timeout(IN_TIME_S):
        while True:
            if await health(session, port) == status:
                return
            await asyncio.sleep(0.1)


def notices(ledger: Path) -> list[str]:
    with closing(sqlite3.connect(ledger)) as connection:
        return [kind for (kind,) in connection.execute("SELECT kind FROM notices ORDER BY id")]


async def test_a_trader_is_seen_to_be_well_then_ill_and_its_end_is_known(
    venue: Venue, tmp_path: Path, manager: ServiceManager
) -> None:
    port, folder = free_port(), tmp_path / "trader"
    settings = {**SOON_OVER, "OBSERVE__PORT": port, "OBSERVE__ANSWER_AGE_S_MAX": 8}
    async with a_session() as session, a_proxy(venue.http.removeprefix("http://")) as proxy:
        async with a_trader(venue, folder, http=f"http://{proxy.address}", **settings) as trader:
            await trader.enters()
            await becomes(session, port, 200)
            assert await asyncio.to_thread(manager.hears, "READY=1")
            assert await asyncio.to_thread(manager.hears, "WATCHDOG=1")
            async with session.get(f"http://127.0.0.1:{port}/metrics") as reply:
                families = {each.name: each for each in text_string_to_metric_families(await reply.text())}
            assert families["ratchet_equity_usdc"].samples[0].value > 0
            assert families["ratchet_unhandled_exceptions"].samples[0].value == 0
            proxy.down = True
            await becomes(session, port, 503)
            proxy.down = False
            await becomes(session, port, 200)
            assert await trader.ends() == 0
        assert manager.hears("STOPPING=1")
        assert manager.words[-1] == "STOPPING=1"
        assert trader.said
    [ledger] = folder.rglob("*.db")
    assert notices(ledger)[0] == "start"
    assert notices(ledger)[-1] == "stop"
    assert "unhandled" not in notices(ledger)
