"""Protection shares nothing with what may fail beside it: keepers, strategies, streams that flap for an hour."""

import asyncio
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest

from ratchet.drill.drill import DrillOptions, run
from ratchet.drill.event_log import EventLog
from ratchet.drill.scenarios import ENTRIES, MINUTES, SEED, wire
from ratchet.drill.script import ScriptedSignals
from ratchet.drill.venue import Venue
from ratchet.trading.engine import Engine
from ratchet.trading.trades.keeper import Keeper

HOUR_MS = 3_600_000
FLAP_MS = 2_000
SAMPLES = 6
GROWTH_MAX = 64 * 1024  # bytes an hour of flapping may leave behind


def test_a_keeper_that_fails_leaves_its_position_covered(
    options: DrillOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, failed = Keeper.keep, list[Keeper]()

    async def fails_once(keeper: Keeper) -> None:
        if not failed:
            failed.append(keeper)
            raise ZeroDivisionError("take profits are computed wrongly")
        await keep(keeper)

    monkeypatch.setattr(Keeper, "keep", fails_once)
    verdict = run(replace(options, minutes=MINUTES), SEED, [], None, lambda venue, _: ScriptedSignals(venue, ENTRIES))
    assert failed
    assert [text for text in verdict.violations if "keeper_failed" not in text] == []


@pytest.mark.parametrize("broken", ["_place_ladder", "_on_order_changed"])
def test_an_error_in_the_code_of_trades_is_no_error_of_protection(
    options: DrillOptions, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    whole, times = getattr(Keeper, broken), [0]

    def fails_at_first(keeper: Keeper, *arguments: Any) -> Any:
        times[0] += 1
        if times[0] == 1:
            raise KeyError(broken)
        return whole(keeper, *arguments)

    monkeypatch.setattr(Keeper, broken, fails_at_first)
    verdict = run(replace(options, minutes=MINUTES), SEED, [], None, lambda venue, _: ScriptedSignals(venue, ENTRIES))
    assert times[0] > 0
    assert not any("without cover" in text or "after the end" in text for text in verdict.violations)


class _Sampled(ScriptedSignals):
    """Looks at memory and tasks every ten minutes."""

    def __init__(self, venue: Venue) -> None:
        super().__init__(venue, ENTRIES)
        self.bytes: list[int] = []
        self.tasks: list[int] = []

    async def run(self, engine: Engine) -> None:
        await super().run(engine)
        tracemalloc.start()
        for _ in range(SAMPLES):
            await asyncio.sleep(HOUR_MS / SAMPLES / 1_000)
            traces = tracemalloc.take_snapshot().filter_traces(
                [tracemalloc.Filter(True, f"*/ratchet/{part}/*") for part in ("trading", "exchange", "ledger")]
            )
            self.bytes.append(sum(trace.size for trace in traces.statistics("filename")))
            self.tasks.append(len(asyncio.all_tasks()))
        tracemalloc.stop()


def test_an_hour_of_flapping_leaves_nothing_behind(options: DrillOptions) -> None:
    flaps = [wire(at_ms, 0, fault="cut") for at_ms in range(100_000, 100_000 + HOUR_MS, FLAP_MS)]
    made: list[_Sampled] = []

    def sampled(venue: Venue, _random: object) -> _Sampled:
        made.append(_Sampled(venue))
        return made[-1]

    verdict = run(replace(options, minutes=70.0), SEED, flaps, EventLog(), sampled)
    assert verdict.violations == ()
    [samples] = made
    assert max(samples.bytes[1:]) - samples.bytes[1] < GROWTH_MAX
    assert max(samples.tasks[1:]) <= samples.tasks[1] + 1
