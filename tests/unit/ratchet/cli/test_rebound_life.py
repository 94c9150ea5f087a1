"""The spot companion as a process: where its ledger is, what a supervisor hears of it, what a panic without it says."""

import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from ratchet.cli.process_watch import HEARTBEAT_S
from ratchet.cli.rebound_panic_alone import answer_of
from ratchet.cli.rebound_venue import rebound_ledger_url
from ratchet.cli.rebound_watch import LOOK_AGE_S_MAX, ReboundWatch, heartbeat
from ratchet.config.live import LiveSettings
from ratchet.config.settings import Settings
from ratchet.control.companion.panic_directly import DirectPanic
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.symbol import Symbol
from ratchet.exchange.clock import SystemClock
from ratchet.observe.systemd import Systemd
from ratchet.rebound.panic import OrderLeft, SpotPanicReport
from ratchet.rebound.status import CompanionStatus, SymbolStatus
from tests.unit.ratchet.cli.test_trade_watch import parsed
from tests.unit.ratchet.observe.test_beacon import free_port

UNIT = Path("deploy/ratchet-rebound.service")
TRUMP = Symbol("TRUMPUSDC")
NOW_MS = 1_750_000_000_000
SWEEP_S = 30.0


def settings_of(**sections: object) -> Settings:
    return Settings.model_validate({"exchange": {"api_key": "local-key", "api_secret": "local-secret"}, **sections})


@pytest.mark.parametrize(
    ("sections", "url"),
    [
        ({}, "sqlite+aiosqlite:///var/paper/rebound.db"),
        ({"ledger": {"url": "sqlite+aiosqlite:///mine.db"}}, "sqlite+aiosqlite:///mine-rebound.db"),
        ({"ledger": {"url": "sqlite+aiosqlite:////a/b/c.db"}}, "sqlite+aiosqlite:////a/b/c-rebound.db"),
    ],
)
def test_its_ledger_is_never_the_traders(sections: dict[str, object], url: str) -> None:
    assert rebound_ledger_url(settings_of(**sections)) == url


def standing(
    *, looked_s_ago: float | None, trouble: str = "", uptime_s: float = 3_600, held_back: str = ""
) -> CompanionStatus:
    line = SymbolStatus(
        symbol=TRUMP,
        watched_from=1,
        looked_ms=None if looked_s_ago is None else NOW_MS - round(looked_s_ago * 1_000),
        trouble=trouble,
        trouble_since_ms=None,
        is_ledger_in_trouble=False,
        gathered=Decimal(0),
        gathered_ms=(),
        cases=(),
        reading=None,
        profit=None,
    )
    return CompanionStatus(now_ms=NOW_MS, uptime_ms=uptime_s * 1_000, sends=True, held_back=held_back, symbols=(line,))


@pytest.mark.parametrize(
    "status",
    [
        standing(looked_s_ago=0),
        standing(looked_s_ago=SWEEP_S + LOOK_AGE_S_MAX),
        standing(looked_s_ago=3_000, trouble="no answer"),
        standing(looked_s_ago=None, uptime_s=5),
        standing(looked_s_ago=1, held_back="paused by cli"),
    ],
)
def test_the_watchdog_hears_of_one_that_looks_or_fails_to(status: CompanionStatus) -> None:
    assert "WATCHDOG=1" in heartbeat(status, SWEEP_S)


@pytest.mark.parametrize("status", [standing(looked_s_ago=SWEEP_S + LOOK_AGE_S_MAX + 1), standing(looked_s_ago=None)])
def test_the_watchdog_hears_nothing_of_one_that_is_stuck(status: CompanionStatus) -> None:
    [line] = heartbeat(status, SWEEP_S)
    assert line.startswith("STATUS=no look at TRUMPUSDC for ")


@pytest.fixture
def _excepthook(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process's stays as it is."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)


async def served(watch: ReboundWatch, port: int) -> int:
    """The status of its health; 0 where nobody answers."""
    async with watch.process(lambda _: None), aiohttp.ClientSession() as session:
        try:
            async with session.get(f"http://127.0.0.1:{port}/health") as reply:
                return reply.status
        except aiohttp.ClientError:
            return 0


@pytest.mark.usefixtures("_excepthook")
async def test_a_dry_run_leaves_the_port_to_the_one_that_sells() -> None:
    port = free_port()
    live = LiveSettings(settings_of(observe={"rebound_port": port}), environ={})
    assert await served(ReboundWatch(live, SystemClock(), Systemd({}), is_served=True), port) == 503
    assert await served(ReboundWatch(live, SystemClock(), Systemd({}), is_served=False), port) == 0


@pytest.mark.usefixtures("_excepthook")
async def test_the_traders_port_is_not_its_own() -> None:
    port = free_port()
    live = LiveSettings(settings_of(observe={"port": port}), environ={})
    assert await served(ReboundWatch(live, SystemClock(), Systemd({}), is_served=True), port) == 0


def done(*left: OrderLeft, not_recorded: str = "") -> DirectPanic:
    report = SpotPanicReport(
        who="cli",
        at_ms=NOW_MS,
        took_ms=7_100.0,
        cancelled=((TRUMP, ClientOrderId("rb-trump-1-sell")),),
        left=left,
        waits_for="another look at what stands" if left else "",
        is_clear=not left,
    )
    return DirectPanic(report, not_recorded)


def test_a_panic_without_a_companion_says_what_the_next_one_will_not_know() -> None:
    answer = answer_of(done(), None)
    assert (answer.title, answer.data["is_recorded"]) == ("Clear", True)
    assert not any("ledger" in note for note in answer.notes)
    answer = answer_of(done(not_recorded="the disk is full"), 4711)
    assert answer.data["is_recorded"] is False
    assert "The ledger does not know of it (the disk is full): a companion that is started places orders again." in (
        answer.notes
    )
    assert any(note.startswith("Process 4711 does not answer") for note in answer.notes)


def test_one_that_gave_up_does_not_say_that_it_goes_on() -> None:
    left = OrderLeft(symbol=TRUMP, name=ClientOrderId("rb-trump-2-sell"), reason="refused")
    answer = answer_of(done(left), None)
    assert answer.title == "Not clear yet"
    assert not any("goes on" in note for note in answer.notes)
    assert "It waited for another look at what stands, and gave up: do it again." in answer.notes


def test_its_unit_gives_it_the_time_it_wants_and_shares_the_traders_home() -> None:
    unit, trade = parsed(UNIT), parsed(Path("deploy/ratchet-trade.service"))
    assert unit["Service"]["Type"] == "notify"
    assert unit.getint("Service", "WatchdogSec") > SWEEP_S + LOOK_AGE_S_MAX + HEARTBEAT_S
    assert unit["Service"]["Restart"] == "always"
    assert unit["Service"]["RestartPreventExitStatus"] == "2"
    for key in ("User", "Group", "WorkingDirectory", "StateDirectory", "LogsDirectory", "Environment"):
        assert unit["Service"][key] == trade["Service"][key]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd here")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    # The program is not installed here: one that exists stands for it.
    (tmp_path / UNIT.name).write_text(UNIT.read_text().replace("/opt/ratchet/.venv/bin/ratchet", "/bin/true"))
    command = ["systemd-analyze", "verify", "--recursive-errors=no", str(tmp_path / UNIT.name)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert [line for line in (answer.stdout + answer.stderr).splitlines() if "ratchet-" in line] == []
