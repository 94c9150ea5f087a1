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
