"""What a process that trades tells of itself, without a trader: heartbeat, unit file, exceptions."""

import asyncio
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

from ratchet.cli.process_watch import EXPECTED, HEARTBEAT_S, unexpected
from ratchet.cli.status_lines import StatusLines, line_of_vitals
from ratchet.cli.trade_watch import LOOK_AGE_S_MAX, TradeWatch, heartbeat
from ratchet.config.settings import Settings
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import NotSent
from ratchet.observe.systemd import Systemd
from ratchet.trading.engine import WRITTEN_TIMEOUT_S
from ratchet.trading.entries.market_side import CannotTrade
from ratchet.trading.trades.open_trades import END_TIMEOUT_S
from tests.service_manager import ServiceManager
from tests.unit.ratchet.observe.vital import vitals

UNIT = Path("deploy/ratchet-trade.service")
GUARD = Path("deploy/ratchet-guard.service")


@pytest.fixture
def unit() -> ConfigParser:
    return parsed(UNIT)


def parsed(file: Path) -> ConfigParser:
    found = ConfigParser(interpolation=None)
    found.read_string(file.read_text())
    return found


@pytest.fixture(autouse=True)
def _excepthook() -> Iterator[None]:
    before = sys.excepthook
    yield
    sys.excepthook = before


def a_watch(environ: dict[str, str] | None = None) -> TradeWatch:
    settings = Settings.model_validate({"exchange": {"api_key": "local-key", "api_secret": "local-secret"}})
    return TradeWatch(settings, SystemClock(), StatusLines(as_json=True), Systemd(environ or {}))


# Heartbeat ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look_age_s", [None, 0.0, LOOK_AGE_S_MAX])
def test_the_watchdog_hears_of_a_trader_that_looks_at_the_account(look_age_s: float | None) -> None:
    assert "WATCHDOG=1" in heartbeat(vitals(look_age_s=look_age_s))


def test_an_exchange_that_does_not_answer_is_no_reason_to_be_started_again() -> None:
    assert "WATCHDOG=1" in heartbeat(vitals(account_age_s=3_600.0, look_age_s=5.0))


def test_the_watchdog_hears_nothing_of_a_trader_that_looks_no_more() -> None:
    [status] = heartbeat(vitals(look_age_s=LOOK_AGE_S_MAX + 1))
    assert status == f"STATUS=no look at the account for {LOOK_AGE_S_MAX + 1:.0f} s"


def test_a_process_that_waits_for_the_exchange_is_alive() -> None:
    assert "WATCHDOG=1" in heartbeat(None)


async def test_the_service_manager_hears_that_it_is_ready_alive_and_ending(tmp_path: Path) -> None:
    with ServiceManager.at(tmp_path / "notify") as manager:
        async with a_watch({"NOTIFY_SOCKET": manager.address}).process():
            assert await asyncio.to_thread(manager.hears, "WATCHDOG=1", times=2)
        assert manager.hears("STOPPING=1")
    first, *beats, last = manager.heard
    assert first[0] == "READY=1"
    assert last == ["STOPPING=1"]
    # Once may be lost: a manager that reloads reads nothing meanwhile.
    assert all(beat[:2] == ["READY=1", "WATCHDOG=1"] for beat in beats)


# Exceptions ---------------------------------------------------------------------------------------------------------


def test_what_whoever_runs_a_trader_deals_with_is_expected() -> None:
    bug, expected = KeyError("x"), (*EXPECTED, CannotTrade)
    assert list(unexpected(ExceptionGroup("", [NotSent("away"), TimeoutError()]), expected)) == []
    assert list(unexpected(CannotTrade("no"), expected)) == []
    assert list(unexpected(asyncio.CancelledError(), expected)) == []
    assert list(unexpected(ExceptionGroup("", [NotSent("away"), ExceptionGroup("", [bug])]), expected)) == [bug]


async def test_what_a_thread_dies_of_is_counted_for_those_who_scrape() -> None:
    watch = a_watch()

    def fail() -> None:
        raise ValueError("x")

    async with watch.process():
        thread = threading.Thread(target=fail)
        thread.start()
        await asyncio.to_thread(thread.join)
    assert b"ratchet_unhandled_exceptions_total 1.0" in watch.metrics.text()


# The line of each minute --------------------------------------------------------------------------------------------


def test_the_line_of_each_minute_says_how_it_goes() -> None:
    assert line_of_vitals(vitals()) == (
        "2025-06-15 15:06:40  up 1:01 h, balance 401.50 USDC, 380.25 of it free, day +1.25, open +0.50 in 2, "
        "naked at most 42.0 ms, last word of the user stream 600.0 s ago, of the market stream 0.5 s ago, "
        "request weight 120 of 2400, 3 notes wait for the ledger"
    )
    assert "user stream none: not connected" in line_of_vitals(vitals(is_user_stream_open=False))


# The unit file ------------------------------------------------------------------------------------------------------


def test_the_watchdog_outwaits_what_the_heartbeat_allows(unit: ConfigParser) -> None:
    assert unit["Service"]["Type"] == "notify"
    assert unit.getint("Service", "WatchdogSec") > LOOK_AGE_S_MAX + HEARTBEAT_S


def test_there_is_time_to_end_in_order(unit: ConfigParser) -> None:
    assert unit.getint("Service", "TimeoutStopSec") > END_TIMEOUT_S + WRITTEN_TIMEOUT_S


def test_what_a_user_has_to_mend_is_not_tried_again_and_again(unit: ConfigParser) -> None:
    assert unit["Service"]["Restart"] == "always"
    assert unit["Service"]["RestartPreventExitStatus"] == "2"


def test_the_guardian_comes_first_and_shares_its_home(unit: ConfigParser) -> None:
    assert GUARD.name in unit["Unit"]["After"].split()
    assert GUARD.name in unit["Unit"]["Wants"].split()
    guard = parsed(GUARD)
    for key in ("User", "Group", "WorkingDirectory", "StateDirectory", "LogsDirectory", "Environment"):
        assert unit["Service"][key] == guard["Service"][key]
    assert unit.getint("Service", "OOMScoreAdjust") > guard.getint("Service", "OOMScoreAdjust")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    for file in (UNIT, GUARD):  # the program is not installed here: one that exists stands for it
        text = file.read_text().replace("/opt/ratchet/.venv/bin/ratchet", "/bin/true")
        (tmp_path / file.name).write_text(text)
    command = ["systemd-analyze", "verify", "--recursive-errors=no", str(tmp_path / UNIT.name)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in (answer.stdout + answer.stderr).splitlines() if "ratchet-" in line]
    assert ours == []
