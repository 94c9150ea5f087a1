"""Of a spot companion health says what is not well, and nothing else is an illness."""

import pytest

from ratchet.observe.companion_health import companion_checks
from ratchet.observe.companion_vitals import CompanionVitals
from ratchet.observe.health import Check
from tests.unit.ratchet.observe.companion_vital import companion_vitals, with_symbol

ANSWER_AGE_S_MAX = 30.0
LOOK_EVERY_S = 10.0


def checks(vitals: CompanionVitals) -> dict[str, Check]:
    found = companion_checks(vitals, answer_age_s_max=ANSWER_AGE_S_MAX, look_every_s=LOOK_EVERY_S)
    return {check.name: check for check in found}


def ill(vitals: CompanionVitals) -> dict[str, str]:
    return {check.name: check.detail for check in checks(vitals).values() if not check.is_well}


@pytest.mark.parametrize(
    "vitals",
    [
        companion_vitals(),
        companion_vitals(account_age_s=LOOK_EVERY_S + ANSWER_AGE_S_MAX),
        companion_vitals(user_stream_age_s=86_400.0),
        companion_vitals(placing_halted="paused by cli"),
        companion_vitals(books_disagree="TRUMPUSDC execution 7 is not in the ledger"),
        with_symbol(wait_s=86_400.0),  # a pair that is halted, a pause
        with_symbol(trouble="no answer", trouble_s=ANSWER_AGE_S_MAX),
    ],
)
def test_what_may_be_so_is_no_illness(vitals: CompanionVitals) -> None:
    assert ill(vitals) == {}


@pytest.mark.parametrize(
    ("vitals", "illness"),
    [
        (companion_vitals(account_age_s=None), {"exchange": "never yet"}),
        (companion_vitals(account_age_s=LOOK_EVERY_S + ANSWER_AGE_S_MAX + 0.1), {"exchange": "40.1 s ago"}),
        (companion_vitals(is_user_stream_open=False), {"user_stream": "not connected"}),
        (companion_vitals(ledger_trouble="the disk is full"), {"ledger": "the disk is full"}),
        (companion_vitals(symbols=()), {"watching": "0 symbols watched"}),
        (with_symbol(is_watched=False), {"watching": "not watched yet: TRUMPUSDC"}),
        (
            with_symbol(is_watched=False, trouble="no answer", trouble_s=1.0),
            {"watching": "not watched yet: TRUMPUSDC (no answer)"},
        ),
        (
            with_symbol(trouble="no answer", trouble_s=ANSWER_AGE_S_MAX + 0.1),
            {"turns": "TRUMPUSDC fails for 30.1 s: no answer"},
        ),
    ],
)
def test_what_is_not_well_is_named(vitals: CompanionVitals, illness: dict[str, str]) -> None:
    assert ill(vitals) == illness


def test_why_nothing_is_placed_is_told() -> None:
    assert checks(companion_vitals(placing_halted="paused by cli"))["placing"].detail == "off: paused by cli"
