"""The guardian's systemd unit goes by what the code does."""

from configparser import ConfigParser
from pathlib import Path

import annotated_types
import pytest

from ratchet.config.guard_settings import GuardSettings
from ratchet.guardian.guardian import LOOK_TIMEOUT_S

UNIT = Path("deploy/ratchet-guard.service")


@pytest.fixture
def unit() -> ConfigParser:
    found = ConfigParser(interpolation=None)
    found.read_string(UNIT.read_text())
    return found


def test_the_watchdog_outwaits_the_longest_look_with_its_pause(unit: ConfigParser) -> None:
    limits = GuardSettings.model_fields["interval_s"].metadata
    [pause_s] = [limit.le for limit in limits if isinstance(limit, annotated_types.Le)]
    assert isinstance(pause_s, int)
    assert unit.getint("Service", "WatchdogSec") > LOOK_TIMEOUT_S + pause_s
    assert unit.getint("Service", "TimeoutStopSec") > LOOK_TIMEOUT_S


def test_it_is_started_again_whatever_it_ended_of(unit: ConfigParser) -> None:
    assert unit["Service"]["Type"] == "notify"
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_it_may_write_where_the_unit_lets_it(unit: ConfigParser) -> None:
    places = dict(word.split("=", 1) for word in unit["Service"]["Environment"].split())
    assert places["HOME"] == f"/var/lib/{unit['Service']['StateDirectory']}" == unit["Service"]["WorkingDirectory"]
    assert places["RATCHET_LOG_DIR"] == f"/var/log/{unit['Service']['LogsDirectory']}"
