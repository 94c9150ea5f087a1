"""`ratchet drill`: the operator's own settings through everything that can go wrong, in simulated time, and judged."""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ratchet.cli.drill_rebound import drill_rebound
from ratchet.cli.refusal import Refusal
from ratchet.config.bad_settings import BadSettings
from ratchet.config.settings import Settings, load_settings
from ratchet.domain.money import plain
from ratchet.drill.drill import (
    LATENCY_MS,
    NOBODYS,
    DrillOptions,
    jobs_default,
    run,
    run_scenario,
    run_seeds,
    settle,
    troubles_of,
)
from ratchet.drill.event_log import EventLog
from ratchet.drill.figures import Failure, Figures, Spread, figures_of
from ratchet.drill.judge import Verdict
from ratchet.drill.scenarios import SCENARIOS, Scenario, scenario
from ratchet.drill.shrink import shrink
from ratchet.drill.trouble import describe

SEEDS_DEFAULT = 100
MINUTES_DEFAULT = 20.0
MINUTES_MIN, MINUTES_MAX = 5.0, 1_440.0
SHRUNK_MAX = 3  # failing seeds that are shrunk; the others are named
EXIT_FAILED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was asked for, as far as a replay has to say it again."""

    config: Path | None
    profile: str | None
    minutes: float

    def replay(self, rest: str) -> str:
        """The command that does it again."""
        config = f" --config {self.config}" if self.config is not None else ""
        profile = f" --profile {self.profile}" if self.profile is not None else ""
        minutes = f" --minutes {self.minutes:g}" if self.minutes != MINUTES_DEFAULT else ""
        return f"ratchet drill{config}{profile}{minutes} {rest} --log"


def drill(
    config: Annotated[Path | None, typer.Option(help="A runtime file with settings to drill.")] = None,
    profile: Annotated[str | None, typer.Option(help="conservative, balanced or aggressive.")] = None,
    seeds: Annotated[int, typer.Option(help="How many runs with drawn troubles, after the scenarios.")] = SEEDS_DEFAULT,
    minutes: Annotated[float, typer.Option(help="Of exchange time, a run.")] = MINUTES_DEFAULT,
    jobs: Annotated[int | None, typer.Option(help="Processes at once; none: one a core.")] = None,
    scenario_name: Annotated[str | None, typer.Option("--scenario", help="One scenario alone, or 'list'.")] = None,
    seed: Annotated[int | None, typer.Option(help="One seed alone, to replay it.")] = None,
    troubles: Annotated[str | None, typer.Option(help="Of that seed: only the troubles of these numbers: 0,3.")] = None,
    log: Annotated[
        bool, typer.Option("--log", help="With --seed or --scenario: print what happened, in order.")
    ] = False,
    rebound: Annotated[
        bool, typer.Option("--rebound", help="The spot companion instead; with --seeds, --seed, --jobs, --log alone.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it, on stdout.")] = False,
) -> None:
    """Drill the trader: crashes, lost replies, silent streams, refused stops. Nothing leaves this machine."""
    if rebound:
        others = {"--config": config, "--profile": profile, "--scenario": scenario_name, "--troubles": troubles}
        if named := [name for name, value in others.items() if value is not None]:
            raise Refusal(f"--rebound has no {named[0]}")
        drill_rebound(seeds, jobs or jobs_default(), seed, shows_log=log, as_json=json)
        return
    if scenario_name == "list":
        _print_scenarios()
        return
    asked = _Asked(config=config, profile=profile, minutes=minutes)
    options = DrillOptions(settings=_settings(asked), minutes=_minutes(minutes), only=_numbers(troubles, seed))
    if seeds < 0 or (jobs is not None and jobs < 1):
        raise Refusal("--seeds is 0 or more, --jobs 1 or more")
    began = time.monotonic()
    verdicts, failures = _run(asked, options, seeds, jobs or jobs_default(), scenario_name, seed, shows_log=log)
    figures = figures_of(verdicts, failures, latency_ms=LATENCY_MS, wall_seconds=time.monotonic() - began)
    if json:
        print(orjson.dumps(figures.as_json(), option=orjson.OPT_INDENT_2).decode())
    else:
        _print_card(figures)
    if not figures.has_passed:
        raise typer.Exit(EXIT_FAILED)


def _run(
    asked: _Asked,
    options: DrillOptions,
    seeds: int,
    jobs: int,
    scenario_name: str | None,
    seed: int | None,
    *,
    shows_log: bool,
) -> tuple[list[Verdict], list[Failure]]:
    event_log = EventLog(wants_lines=shows_log)
    if scenario_name is not None:
        verdicts = [run_scenario(options, _scenario(scenario_name), event_log)]
        failures = _failed_scenarios(asked, (_scenario(scenario_name),), verdicts)
    elif seed is not None:
        verdicts = [run(options, seed, troubles_of(options, seed), event_log)]
        failures = _failures(asked, options, verdicts)
    else:
        return _run_all(asked, options, seeds, jobs)
    if shows_log:
        Console(stderr=True, highlight=False, soft_wrap=True).print("\n".join(event_log.lines), markup=False)
    return verdicts, failures


def _run_all(asked: _Asked, options: DrillOptions, seeds: int, jobs: int) -> tuple[list[Verdict], list[Failure]]:
    settle()
    with _progress(len(SCENARIOS) + seeds) as advance:
        of_scenarios: list[Verdict] = []
        for each in SCENARIOS:
            of_scenarios.append(run_scenario(options, each))
            advance()
        drawn: list[Verdict] = []
        for verdict in run_seeds(options, range(seeds), jobs):
            drawn.append(verdict)
            advance()
    failures = _failed_scenarios(asked, SCENARIOS, of_scenarios)
    return of_scenarios + drawn, failures + _failures(asked, options, drawn)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, a line for every tenth elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("drill", total=total)
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            progress.advance(task)
            if not console.is_terminal and done * 10 // total > (done - 1) * 10 // total:
                console.print(f"drill: {done} of {total} runs", highlight=False)

        yield advance


def _failed_scenarios(asked: _Asked, found: Sequence[Scenario], verdicts: Iterable[Verdict]) -> list[Failure]:
    return [
        Failure(
            seed=verdict.seed,
            violations=verdict.violations,
            troubles=tuple(describe(trouble) for trouble in each.troubles),
            replay=asked.replay(f"--scenario {each.name}"),
        )
        for each, verdict in zip(found, verdicts, strict=True)
        if verdict.violations
    ]


def _failures(asked: _Asked, options: DrillOptions, verdicts: Iterable[Verdict]) -> list[Failure]:
    failed = sorted((verdict for verdict in verdicts if verdict.violations), key=lambda verdict: verdict.seed)
    return [_failure(asked, options, verdict, shrinks=number < SHRUNK_MAX) for number, verdict in enumerate(failed)]


def _failure(asked: _Asked, options: DrillOptions, verdict: Verdict, *, shrinks: bool) -> Failure:
    """What failed, with the fewest troubles under which it does."""
    drawn = troubles_of(options, verdict.seed)
    numbers: Sequence[int] = range(len(drawn))
    if shrinks:
        numbers = shrink(
            numbers, lambda part: bool(run(options, verdict.seed, [drawn[each] for each in part]).violations)
        )
    only = ",".join(str(number) for number in numbers)
    part = f" --troubles {only}" if len(numbers) < len(drawn) and only else ""
    return Failure(
        seed=verdict.seed,
        violations=verdict.violations,
        troubles=tuple(describe(drawn[number]) for number in numbers),
        replay=asked.replay(f"--seed {verdict.seed}{part}"),
    )


# What was asked for --------------------------------------------------------------------------------------------------


def _settings(asked: _Asked) -> Settings:
    """The operator's settings, with neither their keys nor their addresses: nothing here is of any use to them."""
    if asked.config is not None and not asked.config.is_file():
        raise Refusal(f"--config: there is no file {asked.config}")
    overrides: dict[str, object] = {"exchange": NOBODYS}
    if asked.profile is not None:
        overrides["profile"] = asked.profile
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RATCHET_EXCHANGE__")}
    try:
        if asked.config is not None:
            return load_settings(runtime_file=asked.config, environ=environ, overrides=overrides)
        return load_settings(environ=environ, overrides=overrides)
    except BadSettings as error:
        raise Refusal(str(error)) from None


def _minutes(minutes: float) -> float:
    if not MINUTES_MIN <= minutes <= MINUTES_MAX:
        raise Refusal(f"--minutes is {minutes:g}; from {MINUTES_MIN:g} to {MINUTES_MAX:g} are wanted")
    return minutes


def _numbers(text: str | None, seed: int | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    if seed is None:
        raise Refusal("--troubles goes with --seed")
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise Refusal(f"--troubles is {text!r}; numbers like 0,3 are wanted")
    return tuple(int(part) for part in parts)


def _scenario(name: str) -> Scenario:
    try:
        return scenario(name)
    except LookupError as error:
        raise Refusal(str(error)) from None


# The card ------------------------------------------------------------------------------------------------------------


def _print_scenarios() -> None:
    table = Table("scenario", "what it shows", box=None, pad_edge=False)
    for each in SCENARIOS:
        table.add_row(each.name, each.protects)
    Console(width=140).print(table)


def _print_card(figures: Figures) -> None:
    console = Console()
    table = Table(title="Drill", title_justify="left", show_header=False, box=None, pad_edge=False)
    rows = (
        ("runs", f"{figures.seeds} of {figures.simulated_days:.2f} simulated days, {figures.wall_seconds:.0f} s"),
        ("trades, orders, kills", f"{figures.trades}, {figures.orders}, {figures.kills}"),
        ("network, simulated", f"{figures.latency_ms:g} ms one way, and up to 30 % more"),
        ("naked", _told(figures.naked_ms)),
        ("naked while dead or out of reach", _told(figures.naked_in_trouble_ms)),
        ("from restart to protected", _told(figures.restart_to_protected_ms)),
        ("naked while the guardian stood alone", _told(figures.guarded_naked_ms)),
        ("stops and closes of the guardian", f"{figures.guardian_stops}, {figures.guardian_closes}"),
        ("orders doubled", str(figures.duplicate_orders)),
        ("fills lost", str(figures.lost_fills)),
        ("not explained", f"{plain(figures.unexplained_pnl)} USDC"),
        ("promises broken", str(figures.violations)),
    )
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)
    for failure in figures.failures:
        console.print(f"\n[red]seed {failure.seed}[/red]  replay: {failure.replay}", soft_wrap=True)
        for text in (*failure.troubles, *(f"→ {violation}" for violation in failure.violations)):
            console.print(f"  {text}", markup=False, highlight=False, soft_wrap=True)
    console.print("[green]PASSED[/green]" if figures.has_passed else "[red]FAILED[/red]")


def _told(spread: Spread) -> str:
    if spread.count == 0:
        return "-"
    return f"p50 {spread.p50:.0f} ms, p99 {spread.p99:.0f} ms, max {spread.max:.0f} ms, of {spread.count}"
