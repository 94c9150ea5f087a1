"""Each scenario ends well, from the exchange's side: covered, accounted for, nothing left."""

from dataclasses import replace

import pytest

from ratchet.drill.drill import DrillOptions, run_scenario
from ratchet.drill.event_log import EventLog
from ratchet.drill.memory_ledger import DiskFlag
from ratchet.drill.scenarios import AFTER_MS, LONG_MS, SCENARIOS, SOL, Scenario, scenario
from ratchet.drill.script import Entry
from ratchet.drill.trouble import DiskTrouble
from ratchet.ledger.operator_events import OperatorEvent
from tests.simulation.conftest import settings


@pytest.mark.parametrize("each", SCENARIOS, ids=lambda each: each.name)
def test_scenario(each: Scenario, options: DrillOptions) -> None:
    verdict = run_scenario(options, each)
    assert verdict.violations == (), f"replay: ratchet drill --scenario {each.name} --log"
    assert verdict.orders > 0


@pytest.mark.parametrize("policy", ["protect", "adopt", "flatten"])
def test_a_position_of_another_hand_by_every_policy(options: DrillOptions, policy: str) -> None:
    chosen = replace(options, settings=settings(protection={"foreign_positions": policy}))
    verdict = run_scenario(chosen, scenario("position-of-another-hand"))
    assert verdict.violations == ()


def test_a_position_of_another_hand_is_left_alone_where_that_is_wanted(options: DrillOptions) -> None:
    chosen = replace(options, settings=settings(protection={"foreign_positions": "ignore"}))
    verdict = run_scenario(chosen, scenario("position-of-another-hand"))
    assert any("ETHUSDC was without cover" in violation for violation in verdict.violations)


def test_a_scenario_whose_trouble_never_struck_would_show_nothing(options: DrillOptions) -> None:
    quiet = run_scenario(options, replace(scenario("stop-refused"), troubles=()))
    log = EventLog(wants_lines=True)
    refused = run_scenario(options, scenario("stop-refused"), log)
    assert max(quiet.naked_ms) < max(refused.naked_ms)
    assert any("stop_refused" in line for line in log.lines)


@pytest.mark.parametrize("each", [each for each in SCENARIOS if each.name.startswith("panic")], ids=lambda it: it.name)
def test_every_panic_says_in_the_end_that_nothing_is_left(each: Scenario, options: DrillOptions) -> None:
    log = EventLog(wants_lines=True)
    run_scenario(options, each, log)
    said = [line for line in log.lines if "nothing is held and no order stands" in line]
    assert len(said) == 1
    signals = [line for line in log.lines if "outcome=" in line]
    assert "halted" in signals[-2], "while the emergency stands"
    assert "outcome=entry" in signals[-1], "after the resume"
    after = log.lines[log.lines.index(signals[-1]) :]
    assert not any("closed by panic" in line for line in after), "it may be held again"


def test_a_panic_closes_what_is_ignored_otherwise(options: DrillOptions) -> None:
    chosen = replace(options, settings=settings(protection={"foreign_positions": "ignore"}))
    verdict = run_scenario(chosen, scenario("panic"))
    assert [text for text in verdict.violations if "without cover" not in text] == []


def test_a_resume_that_cannot_be_written_down_is_refused_and_all_stays_halted(options: DrillOptions) -> None:
    panic = scenario("panic")
    resumed_ms = AFTER_MS + LONG_MS
    full = DiskTrouble(at_ms=resumed_ms - 1_000, for_ms=9_000, answer="database or disk is full")
    meanwhile = Entry(at_ms=resumed_ms + 5_000, symbol=SOL)
    log = EventLog(wants_lines=True)
    each = replace(panic, troubles=(*panic.troubles, full), entries=(*panic.entries, meanwhile))
    assert run_scenario(options, each, log).violations == ()
    assert any("not_resumed" in line and "nothing was resumed" in line for line in log.lines)
    signals = [line for line in log.lines if "outcome=" in line]
    assert "panic by drill" in signals[-2]
    assert "outcome=entry" in signals[-1]


def test_a_panic_that_only_the_ledger_remembers_is_gone_on_with(
    options: DrillOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def leaves_nothing(_flag: DiskFlag, _panic: OperatorEvent) -> None:
        raise OSError("no file can be made there")

    monkeypatch.setattr(DiskFlag, "leave", leaves_nothing)
    log = EventLog(wants_lines=True)
    assert run_scenario(options, scenario("panic-and-killed"), log).violations == ()
    assert any("the panic by drill" in line and "stands" in line for line in log.lines)
    assert any("nothing is held and no order stands" in line for line in log.lines)
