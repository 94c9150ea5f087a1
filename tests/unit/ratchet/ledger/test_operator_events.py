"""What operators did, and how things stand by it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed, OperatorEvent, Standing
from tests.unit.ratchet.ledger.test_ledger import NOW_MS, url_of


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(url_of(tmp_path / "ledger.db"))
    yield it
    await it.close()


def a_deed(what: Deed, at_ms: int = NOW_MS, *, who: str = "cli", detail: str = "") -> OperatorEvent:
    return OperatorEvent(at_ms=at_ms, who=who, what=what, detail=detail)


async def test_nothing_stands_before_anything_was_done(ledger: Ledger) -> None:
    assert await ledger.standing() == Standing()


async def test_a_panic_and_a_pause_stand_until_a_resume_and_are_known_to_the_next_process(
    ledger: Ledger, tmp_path: Path
) -> None:
    await ledger.record_operator_event(a_deed(Deed.PAUSE, who="telegram 7"))
    await ledger.record_operator_event(a_deed(Deed.PANIC, NOW_MS + 1, detail="everything"))
    await ledger.record_operator_event(a_deed(Deed.PANIC, NOW_MS + 2))
    next_process = await Ledger.open(url_of(tmp_path / "ledger.db"))
    found = await next_process.standing()
    await next_process.close()
    assert found.pause == a_deed(Deed.PAUSE, who="telegram 7")
    assert found.emergency == a_deed(Deed.PANIC, NOW_MS + 1, detail="everything"), "since the first one"
    await ledger.record_operator_event(a_deed(Deed.RESUME, NOW_MS + 3))
    assert await ledger.standing() == Standing()
    await ledger.record_operator_event(a_deed(Deed.PAUSE, NOW_MS + 4))
    assert (await ledger.standing()).is_paused


async def test_what_was_written_last_counts_whatever_the_clock_said(ledger: Ledger) -> None:
    await ledger.record_operator_event(a_deed(Deed.RESUME, NOW_MS + 60_000))
    await ledger.record_operator_event(a_deed(Deed.PANIC, NOW_MS))
    assert (await ledger.standing()).is_in_emergency


async def test_deeds_are_told_oldest_first_and_of_the_kinds_that_are_wanted(ledger: Ledger) -> None:
    change = OperatorEvent(
        at_ms=NOW_MS + 5, who="cli", what=Deed.SETTINGS, detail="profile", before={"profile": "a"}, after=None
    )
    for deed in (a_deed(Deed.PAUSE, NOW_MS - 1), a_deed(Deed.CLOSE, detail="BTCUSDC"), change):
        await ledger.record_operator_event(deed)
    assert await ledger.operator_events(NOW_MS) == [a_deed(Deed.CLOSE, detail="BTCUSDC"), change]
    assert await ledger.operator_events(0, deeds=[Deed.PAUSE, Deed.SETTINGS]) == [
        a_deed(Deed.PAUSE, NOW_MS - 1),
        change,
    ]
    assert await ledger.operator_events(0, limit=1) == [change]


async def test_what_is_too_long_is_cut(ledger: Ledger) -> None:
    await ledger.record_operator_event(a_deed(Deed.CLOSE, who="w" * 900, detail="d" * 900))
    [deed] = await ledger.operator_events(0)
    assert (len(deed.who), len(deed.detail)) == (80, 400)
