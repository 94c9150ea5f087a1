"""`ratchet drill --rebound`: the spot companion through seeds of people, crashes, lost replies and silences."""

import time
from collections.abc import Sequence
from dataclasses import asdict

import orjson
import typer
from rich.console import Console
from rich.table import Table

from ratchet.cli.refusal import Refusal
from ratchet.drill.event_log import EventLog
from ratchet.drill.rebound_drill import run_rebound, run_rebound_seeds
from ratchet.drill.rebound_judge import ReboundVerdict

EXIT_FAILED = 1
MS_A_DAY = 86_400_000


def drill_rebound(seeds: int, jobs: int, seed: int | None, *, shows_log: bool, as_json: bool) -> None:
    """Run `seeds` seeds, or one alone. Raises: Refusal; typer.Exit when a promise was broken."""
    if seeds < 0 or jobs < 1:
        raise Refusal("--seeds is 0 or more, --jobs 1 or more")
    if shows_log and seed is None:
        raise Refusal("--log goes with --seed")
    began = time.monotonic()
    verdicts = _run(seeds, jobs) if seed is None else _run_one(seed, shows_log=shows_log)
    failed = sorted((each for each in verdicts if each.violations), key=lambda each: each.seed)
    if as_json:
        print(orjson.dumps({"seeds": len(verdicts), "failed": [asdict(each) for each in failed]}).decode())
    else:
        _print_card(verdicts, failed, time.monotonic() - began)
    if failed:
        raise typer.Exit(EXIT_FAILED)


def _run(seeds: int, jobs: int) -> list[ReboundVerdict]:
    console = Console(stderr=True)
    verdicts: list[ReboundVerdict] = []
    for verdict in run_rebound_seeds(range(seeds), jobs):
        verdicts.append(verdict)
        if len(verdicts) * 10 // seeds > (len(verdicts) - 1) * 10 // seeds:
            console.print(f"drill: {len(verdicts)} of {seeds} runs", highlight=False)
    return verdicts


def _run_one(seed: int, *, shows_log: bool) -> list[ReboundVerdict]:
    log = EventLog(wants_lines=shows_log)
    verdict = run_rebound(seed, log)
    if shows_log:
        Console(stderr=True, highlight=False, soft_wrap=True).print("\n".join(log.lines), markup=False)
    return [verdict]


def _print_card(verdicts: Sequence[ReboundVerdict], failed: Sequence[ReboundVerdict], seconds: float) -> None:
    console = Console()
    days = sum(each.end_ms for each in verdicts) / MS_A_DAY
    table = Table(
        title="Drill of the spot companion", title_justify="left", show_header=False, box=None, pad_edge=False
    )
    rows = (
        ("runs", f"{len(verdicts)} of {days:.2f} simulated days, {seconds:.0f} s"),
        ("lives, kills", f"{sum(each.lives for each in verdicts)}, {sum(each.kills for each in verdicts)}"),
        ("fills bought by hand, to be sold", str(sum(each.bought for each in verdicts))),
        ("fills to be left alone", str(sum(each.left_alone for each in verdicts))),
        ("SELLs, BUYs back", f"{sum(each.sells for each in verdicts)}, {sum(each.backs for each in verdicts)}"),
        ("cases that no exchange would take", str(sum(each.refused for each in verdicts))),
        ("promises broken", str(sum(len(each.violations) for each in verdicts))),
    )
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)
    for each in failed:
        console.print(f"\n[red]seed {each.seed}[/red]  replay: ratchet drill --rebound --seed {each.seed} --log")
        for violation in each.violations:
            console.print(f"  → {violation}", markup=False, highlight=False, soft_wrap=True)
    console.print("[red]FAILED[/red]" if failed else "[green]PASSED[/green]")
