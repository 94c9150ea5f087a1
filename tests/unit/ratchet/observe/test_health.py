"""Health says what is not well, and nothing else is an illness."""

from typing import Any

import pytest

from ratchet.config.observe_settings import ObserveSettings
from ratchet.observe.health import checks_of
from tests.unit.ratchet.observe.vital import vitals

SETTINGS = ObserveSettings()


def ill(**changes: Any) -> list[str]:
    return [check.name for check in checks_of(vitals(**changes), SETTINGS) if not check.is_well]


def test_a_trader_that_is_well_has_no_illness() -> None:
    assert ill() == []


@pytest.mark.parametrize(
    ("changes", "illness"),
    [
        ({"account_age_s": None}, "exchange"),
        ({"account_age_s": SETTINGS.answer_age_s_max + 0.1}, "exchange"),
        ({"is_user_stream_open": False}, "user_stream"),
        ({"market_stream_age_s": None}, "market_stream"),
        ({"market_stream_age_s": SETTINGS.stream_age_s_max + 0.1}, "market_stream"),
        ({"ledger_trouble": "another process is writing to it"}, "ledger"),
        ({"unrest_s": SETTINGS.unrest_s_max + 0.1}, "protection"),
    ],
)
def test_what_is_not_well_is_named(changes: dict[str, Any], illness: str) -> None:
    assert ill(**changes) == [illness]


@pytest.mark.parametrize(
    "changes",
    [
        {"account_age_s": SETTINGS.answer_age_s_max},
        {"market_stream_age_s": SETTINGS.stream_age_s_max},
        {"unrest_s": SETTINGS.unrest_s_max},
        {"user_stream_age_s": 86_400.0},  # nothing happened for a day
        {"entries_halted": "paused by an operator"},
    ],
)
def test_what_may_be_so_is_no_illness(changes: dict[str, Any]) -> None:
    assert ill(**changes) == []


def test_why_there_are_no_entries_is_told() -> None:
    [entries] = [each for each in checks_of(vitals(entries_halted="paused by x"), SETTINGS) if each.name == "entries"]
    assert entries.detail == "off: paused by x"
