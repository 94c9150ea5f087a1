"""Drawn troubles: many seeds, no promise broken. RATCHET_SEEDS says how many; a failing one names its command."""

import os
from dataclasses import replace

import pytest

from ratchet.drill.drill import DrillOptions, run, troubles_of
from ratchet.drill.event_log import EventLog
from ratchet.drill.trouble import describe

SEEDS = int(os.environ.get("RATCHET_SEEDS", "48"))
BLOCK = 8


@pytest.mark.parametrize("first", range(0, SEEDS, BLOCK))
def test_no_promise_is_broken(options: DrillOptions, first: int) -> None:
    for seed in range(first, min(first + BLOCK, SEEDS)):
        verdict = run(options, seed, troubles_of(options, seed))
        assert verdict.violations == (), f"replay: ratchet drill --minutes {options.minutes:g} --seed {seed} --log"


@pytest.mark.parametrize("seed", [405, 1061])
def test_seeds_that_failed_once_hold(options: DrillOptions, seed: int) -> None:
    """405: a clock that two requests set at once, so that it was off again. 1061: a start into a panic, with a close
    that fills slowly. What a seed draws changes with the kinds of troubles there are."""
    long = replace(options, minutes=20.0)
    assert run(long, seed, troubles_of(long, seed)).violations == ()


def test_the_same_seed_is_the_same_run(options: DrillOptions) -> None:
    logs = [EventLog(wants_lines=True) for _ in range(2)]
    first, second = (run(options, 3, troubles_of(options, 3), log) for log in logs)
    assert first == second
    # The names of orders begin with a token of the ledger, which is drawn anew.
    assert [line[:36] for line in logs[0].lines] == [line[:36] for line in logs[1].lines]
    assert logs[0].lines


def test_troubles_of_a_seed_are_what_can_be_described_and_left_out(options: DrillOptions) -> None:
    drawn = [trouble for seed in range(200) for trouble in troubles_of(options, seed)]
    assert len({type(trouble) for trouble in drawn}) == 13
    assert all("\n" not in describe(trouble) for trouble in drawn)
