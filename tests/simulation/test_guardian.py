"""Trader and guardian on one account: what the judge sees when a protection of the guardian's is broken."""

from typing import Any

import pytest

from ratchet.domain.symbol import Symbol
from ratchet.drill.drill import DrillOptions, run, run_scenario, troubles_of
from ratchet.drill.event_log import EventLog
from ratchet.drill.judge import Verdict
from ratchet.drill.scenarios import scenario
from ratchet.drill.trouble import Deed, GuardianBegins, GuardianKill, Kill, OtherHand
from ratchet.exchange.client import BinanceClient
from ratchet.guardian import guardian as guardian_module
from ratchet.guardian import wiring
from ratchet.guardian.case import Case
from ratchet.guardian.guardian import Guardian
from ratchet.guardian.sight import Sight, sight_of

QUIET = 0
SOL = Symbol("SOLUSDC")


def _scenario(options: DrillOptions, name: str) -> Verdict:
    return run_scenario(options, scenario(f"{name}-guardian"))


def _is_said(verdict: Verdict, what: str) -> bool:
    return any(what in violation for violation in verdict.violations)


async def _nothing(*_arguments: Any) -> bool:
    return True


def test_beside_a_trader_at_work_a_guardian_does_nothing(options: DrillOptions) -> None:
    alone, beside = run(options, QUIET, []), run(options, QUIET, [GuardianBegins(at_ms=0)])
    assert beside.violations == ()
    assert (beside.guardian.stops_placed, beside.guardian.closes_sent) == (0, 0)
    assert beside.naked_ms == alone.naked_ms


def test_the_same_seed_is_the_same_run_of_both(options: DrillOptions) -> None:
    seed = next(seed for seed in range(1, 100) if _is_guarded_and_killed(options, seed))
    logs = [EventLog(wants_lines=True) for _ in range(2)]
    first, second = (run(options, seed, troubles_of(options, seed), log) for log in logs)
    assert first == second
    assert [line[:36] for line in logs[0].lines] == [line[:36] for line in logs[1].lines]


def _is_guarded_and_killed(options: DrillOptions, seed: int) -> bool:
    return any(isinstance(each, GuardianKill) for each in troubles_of(options, seed))


def test_a_stop_that_is_taken_from_a_dead_trader_is_replaced_within_the_promise(options: DrillOptions) -> None:
    troubles = (
        GuardianBegins(at_ms=0),
        Kill(at_ms=100_000, down_ms=60_000),
        OtherHand(at_ms=110_000, symbol=SOL, does=Deed.BUY),
        GuardianKill(at_ms=130_000, down_ms=1_000),
    )
    verdict = run(options, QUIET, troubles)
    assert verdict.violations == ()
    assert verdict.guardian.stops_placed == 1
    assert 1_000 < max(verdict.guardian.naked_ms) < 3_000


def test_half_of_the_seeds_have_a_guardian_and_what_else_they_draw_is_the_same(options: DrillOptions) -> None:
    guarded = [
        seed for seed in range(200) if any(isinstance(each, GuardianBegins) for each in troubles_of(options, seed))
    ]
    assert 80 < len(guarded) < 120


# Broken once each ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dead-beside-a", "frozen-beside-a", "stop-refused-to-a"])
def test_a_guardian_that_does_nothing_is_seen(
    options: DrillOptions, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(Guardian, "_protect", _nothing)
    assert _is_said(_scenario(options, name), "beside a guardian")


def test_a_guardian_that_never_closes_is_seen(options: DrillOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Guardian, "_flatten", _nothing)
    assert _is_said(_scenario(options, "stop-refused-to-a"), "beside a guardian")


def test_a_guardian_that_takes_late_reads_for_the_present_is_seen(
    options: DrillOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "LAG_MS", 0)
    assert _is_said(_scenario(options, "covered-unseen-by-a"), "though it was covered")


def test_a_guardian_that_forgets_what_it_was_given_is_seen(
    options: DrillOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_reads_alone(position: Any, reports: Any, _taken: Any) -> Sight:
        return sight_of(position, reports)

    monkeypatch.setattr(guardian_module, "sight_of", of_reads_alone)
    assert _is_said(_scenario(options, "dead-beside-a"), "stops of the guardian stood over SOLUSDC at once")


def test_a_guardian_that_cancels_a_stop_is_seen(options: DrillOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    place = BinanceClient.place_stop

    async def tidy(client: BinanceClient, stop: Any) -> Any:
        if stop.client_order_id.startswith("rg-"):
            await client.cancel_stop(stop.symbol, stop.client_order_id)
        return await place(client, stop)

    monkeypatch.setattr(BinanceClient, "place_stop", tidy)
    assert _is_said(_scenario(options, "frozen-beside-a"), "has cancelled a conditional order")


def test_a_guardian_that_fails_is_seen(options: DrillOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: Any, **_named: Any) -> None:
        raise LookupError("broken")

    monkeypatch.setattr(Case, "judge", fail)
    assert _is_said(run(options, QUIET, [GuardianBegins(at_ms=0)]), "an unexpected error: guardian_failed")
