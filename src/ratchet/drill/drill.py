"""The drill: many seeds, each a run through its own troubles, on every core of the machine."""

import gc
import os
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from localbinance.rules.market_rules import MarketRules, load_market_rules
from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.config.settings import Settings
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.symbol import Symbol
from ratchet.drill.draw import draw_panic, draw_troubles
from ratchet.drill.event_log import EventLog, logging_into
from ratchet.drill.guardian_draw import draw_guardian
from ratchet.drill.judge import Verdict, judge
from ratchet.drill.market import drill_market
from ratchet.drill.play import SignalsFor, Stage, play
from ratchet.drill.scenarios import MINUTES, SEED, Scenario
from ratchet.drill.script import ScriptedSignals
from ratchet.drill.trouble import Trouble
from ratchet.drill.venue import ACCOUNT, Venue
from ratchet.drill.world import World

SYMBOLS = (Symbol("BTCUSDC"), Symbol("ETHUSDC"), Symbol("SOLUSDC"), Symbol("DOGEUSDC"))
BALANCE = Decimal(400)  # USDC
LATENCY_MS = 10.0  # of one way
PAUSE_S = 45.0  # between two signals, on average
TROUBLES_MAX = 7
QUIET_EVERY = 8  # each eighth seed has no troubles: what is measured there is the trader's alone
PANIC_EVERY = 4  # in each fourth seed an operator panics as well
CHUNK = 5  # seeds a task
NOBODYS = {  # address and keys: nothing is ever sent there, the network is simulated
    "http_url": "http://127.0.0.1:1",
    "ws_url": "ws://127.0.0.1:1",
    "api_key": ACCOUNT,
    "api_secret": ACCOUNT,
}
REPLY_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillOptions:
    """What all seeds of a drill have in common."""

    settings: Settings  # the operator's: bracket, risk limits, policies. Address and keys are not used
    minutes: float  # of exchange time, a seed
    only: tuple[int, ...] | None = None  # of each seed's troubles, by number; None: all


def troubles_of(options: DrillOptions, seed: int) -> list[Trouble]:
    """What happens in a seed."""
    random_ = random.Random(f"troubles of {seed}")  # noqa: S311 - a simulation, and to be repeatable
    count = 0 if seed % QUIET_EVERY == 0 else random_.randint(1, TROUBLES_MAX)
    length_ms = round(options.minutes * 60_000)
    drawn = draw_troubles(random_, SYMBOLS, length_ms, count)
    if seed % PANIC_EVERY == 1:
        drawn.append(draw_panic(random_, length_ms))
    # Of its own, and last: what is drawn besides is the same with it and without it.
    of_guardian = random.Random(f"guardian of {seed}")  # noqa: S311 - as above
    drawn += draw_guardian(of_guardian, SYMBOLS, length_ms, is_quiet=count == 0)
    return drawn if options.only is None else [drawn[number] for number in options.only if number < len(drawn)]


def run(
    options: DrillOptions,
    seed: int,
    troubles: Sequence[Trouble],
    log: EventLog | None = None,
    signals: SignalsFor | None = None,
) -> Verdict:
    """One run of a trader through its troubles, judged. Args: signals, drawn by the seed unless given."""
    log = log or EventLog()
    try:
        return _run(options, seed, troubles, log, signals)
    except Exception as error:
        error.add_note(f"in seed {seed} of the drill")
        raise


def _run(
    options: DrillOptions, seed: int, troubles: Sequence[Trouble], log: EventLog, signals: SignalsFor | None
) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="drill-") as folder, logging_into(log):
        stage = _stage(options, Path(folder))
        played = play(stage, seed, troubles, log, signals)
        try:
            return judge(stage, seed, played)
        finally:
            played.disk.close()


def run_scenario(options: DrillOptions, scenario: Scenario, log: EventLog | None = None) -> Verdict:
    """One scenario, judged."""
    verdict = run(
        replace(options, minutes=MINUTES),
        SEED,
        scenario.troubles,
        log,
        lambda venue, _random: ScriptedSignals(venue, scenario.entries),
    )
    longest_ms = max((*verdict.naked_ms, *verdict.naked_in_trouble_ms), default=0.0)
    if longest_ms <= scenario.naked_ms_max:
        return verdict
    too_long = f"a position was without cover for {longest_ms:.0f} ms; {scenario.naked_ms_max:.0f} may be"
    return replace(verdict, violations=(*verdict.violations, too_long))


def run_seeds(options: DrillOptions, seeds: Sequence[int], jobs: int) -> Iterator[Verdict]:
    """All of them, each as it is done."""
    if jobs == 1:
        yield from (run(options, seed, troubles_of(options, seed)) for seed in seeds)
        return
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=settle) as pool:
        for future in as_completed([pool.submit(_run_chunk, options, chunk) for chunk in chunks]):
            yield from future.result()


def jobs_default() -> int:
    """As many processes as there are cores for us."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_chunk(options: DrillOptions, seeds: Sequence[int]) -> list[Verdict]:
    return [run(options, seed, troubles_of(options, seed)) for seed in seeds]


def settle() -> None:
    """Make ready for many runs. What is loaded stays: every burial of a process looks through all that may go."""
    _rules()
    gc.collect()
    gc.freeze()


@cache
def _rules() -> tuple[MarketRules, Mapping[Symbol, SymbolRules]]:
    """The venue's rules, and as a client reads them."""
    market_rules = load_market_rules()
    return market_rules, Venue(World(), market_rules, drill_market(market_rules, SYMBOLS, 0), BALANCE, 0).symbol_rules()


def _stage(options: DrillOptions, folder: Path) -> Stage:
    market_rules, rules = _rules()
    own: dict[str, object] = {
        "reply_timeout_s": REPLY_TIMEOUT_S,
        "rate_limit": False,  # what a ban asks for is kept all the same
        "budget_folder": folder,
    }
    exchange = ExchangeSettings.model_validate(NOBODYS | own)
    return Stage(
        settings=options.settings.model_copy(update={"exchange": exchange}),
        market_rules=market_rules,
        rules=rules,
        symbols=SYMBOLS,
        balance=BALANCE,
        folder=folder,
        length_ms=round(options.minutes * 60_000),
        latency_ms=LATENCY_MS,
        pause_s=PAUSE_S,
    )
