"""Health and metrics over real HTTP, as Prometheus and a supervisor read them."""

import socket
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import aiohttp
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from ratchet.config.observe_settings import ObserveSettings
from ratchet.observe.beacon import QUESTIONS_AT_ONCE_MAX, Beacon, Place
from ratchet.observe.health import checks_of
from ratchet.observe.notices import Kind, Notice
from ratchet.observe.trader_metrics import TraderMetrics
from ratchet.observe.vitals import Vitals
from tests.unit.ratchet.observe.vital import vitals


def free_port() -> int:
    with closing(socket.socket()) as it:
        it.bind(("127.0.0.1", 0))
        port: int = it.getsockname()[1]
        return port


def a_beacon(metrics: TraderMetrics, port: int, host: str = "127.0.0.1") -> Beacon[Vitals]:
    return Beacon(
        Place(host=host, port=port, port_setting="observe.port", goes_on="Trading goes on"),
        metrics,
        lambda text: text.replace("hunter22", "***"),
        lambda vitals: checks_of(vitals, ObserveSettings()),
        idle="no trader runs just now",
    )


class Lit:
    """A beacon that is served, and whoever reads it."""

    def __init__(self, port: int, session: aiohttp.ClientSession) -> None:
        self.metrics = TraderMetrics()
        self.beacon = a_beacon(self.metrics, port)
        self.said: list[str] = []
        self.url = f"http://127.0.0.1:{port}"
        self._session = session

    async def get(self, path: str) -> tuple[int, str]:
        async with self._session.get(self.url + path) as reply:
            return reply.status, await reply.text()

    async def health(self) -> tuple[int, dict[str, Any]]:
        async with self._session.get(f"{self.url}/health") as reply:
            return reply.status, await reply.json()

    async def scraped(self) -> dict[str, Metric]:
        status, text = await self.get("/metrics")
        assert status == 200
        return {family.name: family for family in text_string_to_metric_families(text)}


@pytest.fixture
async def lit() -> AsyncIterator[Lit]:
    async with aiohttp.ClientSession() as session:
        it = Lit(free_port(), session)
        async with it.beacon.lit(it.said.append):
            yield it


def value(families: dict[str, Metric], family: str, sample: str = "", **labels: str) -> float:
    [found] = [
        each
        for each in families[family].samples
        if each.name == (sample or family) and labels.items() <= each.labels.items()
    ]
    return found.value


async def test_a_scrape_has_the_state_of_the_trader(lit: Lit) -> None:
    lit.beacon.watch(lambda: vitals(entries_halted="paused"))
    families = await lit.scraped()
    assert value(families, "ratchet_equity_usdc") == 401.5
    assert value(families, "ratchet_available_usdc") == 380.25
    assert value(families, "ratchet_open_positions") == 2
    assert value(families, "ratchet_trades_closed") == 7
    assert value(families, "ratchet_entries_halted") == 1
    assert value(families, "ratchet_naked_max_seconds") == 0.042
    assert value(families, "ratchet_request_weight_used") == 120
    assert value(families, "ratchet_request_weight_max") == 2_400
    assert value(families, "ratchet_stream_age_seconds", stream="user") == 600
    assert value(families, "ratchet_stream_age_seconds", stream="market") == 0.5
    assert value(families, "ratchet_ledger_notes_waiting") == 3
    assert value(families, "ratchet_ledger_writable") == 1
    assert value(families, "ratchet_trading") == 1
    assert families["ratchet_build_info"].samples[0].labels["version"]


async def test_a_scrape_has_what_was_counted(lit: Lit) -> None:
    for _ in range(3):
        lit.metrics.on_notice(Notice(kind=Kind.ENTRY, at_ms=0, text=""))
    lit.metrics.on_unhandled()
    lit.metrics.on_naked(42.0)
    lit.metrics.on_scanned(0.004)
    families = await lit.scraped()
    assert value(families, "ratchet_notices", "ratchet_notices_total", kind="entry") == 3
    assert value(families, "ratchet_notices", "ratchet_notices_total", kind="panic") == 0
    assert value(families, "ratchet_unhandled_exceptions", "ratchet_unhandled_exceptions_total") == 1
    naked = "ratchet_naked_seconds"
    assert value(families, naked, f"{naked}_bucket", le="0.025") == 0
    assert value(families, naked, f"{naked}_bucket", le="0.05") == 1
    assert value(families, naked, f"{naked}_sum") == 0.042
    assert value(families, "ratchet_decision_seconds", "ratchet_decision_seconds_bucket", le="0.005") == 1


async def test_what_is_not_known_yet_is_left_out(lit: Lit) -> None:
    lit.beacon.watch(lambda: vitals(naked_ms_max=None, account_age_s=None, market_stream_age_s=None))
    families = await lit.scraped()
    assert "ratchet_naked_max_seconds" not in families
    assert "ratchet_account_age_seconds" not in families
    assert [each.labels["stream"] for each in families["ratchet_stream_age_seconds"].samples] == ["user"]


async def test_while_nobody_trades_that_is_what_is_told(lit: Lit) -> None:
    families = await lit.scraped()
    assert value(families, "ratchet_trading") == 0
    assert "ratchet_equity_usdc" not in families
    status, body = await lit.health()
    assert (status, body["reason"]) == (503, "no trader runs just now")
    lit.beacon.watch(vitals)
    lit.beacon.rest("it has ended")
    status, body = await lit.health()
    assert (status, body["reason"]) == (503, "it has ended")
    assert value(await lit.scraped(), "ratchet_trading") == 0


async def test_health_is_200_while_all_is_well_and_503_with_the_reason_while_it_is_not(lit: Lit) -> None:
    lit.beacon.watch(vitals)
    status, body = await lit.health()
    assert (status, body["status"]) == (200, "well")
    assert "reason" not in body
    assert body["checks"]["entries"] == {"well": True, "detail": "on"}
    lit.beacon.watch(lambda: vitals(ledger_trouble="the disk is full,\nsays hunter22", account_age_s=None))
    status, body = await lit.health()
    assert (status, body["status"]) == (503, "ill")
    assert body["reason"] == "exchange: never yet; ledger: the disk is full, says ***"
    assert body["checks"]["ledger"] == {"well": False, "detail": "the disk is full, says ***"}


async def test_it_answers_on_loopback_alone_and_nothing_but_questions(lit: Lit) -> None:
    assert (await lit.get("/"))[0] == 404
    async with aiohttp.ClientSession() as session, session.post(f"{lit.url}/health", data="x") as reply:
        assert reply.status == 405


async def test_of_too_many_at_once_some_are_turned_away(lit: Lit) -> None:
    lit.beacon.watch(vitals)
    lit.beacon._answering = QUESTIONS_AT_ONCE_MAX
    assert (await lit.get("/health"))[0] == 503
    lit.beacon._answering = 0
    assert (await lit.get("/health"))[0] == 200


async def test_a_port_that_is_taken_is_said_in_one_line_and_all_else_goes_on() -> None:
    said: list[str] = []
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        went_on = False
        async with a_beacon(TraderMetrics(), port).lit(said.append) as served:
            went_on = served is None
    [line] = said
    assert went_on
    assert f"127.0.0.1:{port} cannot be listened on (" in line
    assert "name another observe.port" in line
    assert "\n" not in line


async def test_without_a_port_nothing_is_served_or_said() -> None:
    said: list[str] = []
    async with a_beacon(TraderMetrics(), 0).lit(said.append) as served:
        assert served is None
    assert said == []


async def test_whoever_lets_others_read_is_told_so() -> None:
    said: list[str] = []
    async with a_beacon(TraderMetrics(), free_port(), "0.0.0.0").lit(said.append):
        pass
    assert "can be read by others" in said[0]
