"""Each scenario ends well, from the exchange's side: covered, accounted for, nothing left."""

from dataclasses import replace

import pytest

from ratchet.drill.drill import DrillOptions, run_scenario
from ratchet.drill.event_log import EventLog
from ratchet.drill.scenarios import SCENARIOS, Scenario, scenario
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
