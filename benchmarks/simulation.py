"""The simulation: how much simulated time a second of one core is worth, without troubles and in seeds of the drill.

Processor time, not the wall's: where others want the core too, it says nearly the same. What is simulated is the whole:
exchange, network, trader, ledger, judge.
"""

import asyncio
import os
import random
import time
from collections.abc import Sequence

from benchmarks.figure import Figure
from ratchet.config.settings import load_settings
from ratchet.drill.drill import NOBODYS, SYMBOLS, DrillOptions, run, settle, troubles_of
from ratchet.drill.judge import Verdict
from ratchet.drill.play import SignalsFor
from ratchet.drill.process import DrawnSignals, Signals
from ratchet.drill.script import ScriptedSignals
from ratchet.drill.venue import Venue

DAY_MINUTES = 360.0  # a quarter of one
BUSY_PAUSE_S = 150.0  # between two signals, on average: more than a hundred trades a day
SEEDS = range(8)
SEED_MINUTES = 20.0
QUIET_SEED = 0  # of the market


async def measure() -> list[Figure]:
    """A day in which nobody enters, one full of trades, and seeds with everything that goes wrong in them."""
    # The world has an event loop of its own: in a thread of its own.
    return await asyncio.to_thread(_figures)


def _figures() -> list[Figure]:
    settle()
    _run_seeds(SEEDS[:1])  # what is made ready once
    return [
        Figure("simulation: a day without trades, simulated time", _day(_no_signals), True),
        Figure("simulation: a day full of trades, simulated time", _day(_many_signals), True),
        Figure(f"simulation: {len(SEEDS)} seeds of the drill, simulated time", _run_seeds(SEEDS), True),
    ]


def _day(signals: SignalsFor) -> float:
    """Simulated seconds a second."""
    began_s = time.thread_time()
    verdict = run(_options(DAY_MINUTES), QUIET_SEED, (), signals=signals)
    return _rate([verdict], began_s)


def _run_seeds(seeds: Sequence[int]) -> float:
    """Simulated seconds a second."""
    options, began_s = _options(SEED_MINUTES), time.thread_time()
    return _rate([run(options, seed, troubles_of(options, seed)) for seed in seeds], began_s)


def _rate(verdicts: Sequence[Verdict], began_s: float) -> float:
    took_s = time.thread_time() - began_s
    broken = [each.violations for each in verdicts if each.violations]
    if broken:
        raise RuntimeError(f"a run that breaks its promises is no measure: {broken[0][0]}")
    return sum(each.simulated_ms for each in verdicts) / 1_000 / took_s


def _options(minutes: float) -> DrillOptions:
    overrides: dict[str, object] = {"exchange": NOBODYS}
    settings = load_settings(env_file=os.devnull, runtime_file=os.devnull, environ={}, overrides=overrides)
    return DrillOptions(settings=settings, minutes=minutes)


def _no_signals(venue: Venue, _random: random.Random) -> Signals:
    return ScriptedSignals(venue, ())


def _many_signals(venue: Venue, random_: random.Random) -> Signals:
    return DrawnSignals(venue, SYMBOLS, BUSY_PAUSE_S, random_)
