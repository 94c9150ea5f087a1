"""Limits: simulated days of each profile on a rough market, over real sockets, judged from the exchange's side alone.

Not among the benchmarks that run by themselves: `python -m benchmarks limits [--hours 24] [--profile balanced]`.
The day begins at 16:00 UTC, so that midnight, at which limits of the day are over, is within it. The market is the
synthetic one, thrown about in one hour, and with traps seven times, in which many who follow a move are stopped.
Telegram is the tests' own server.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.end_to_end.limits_run import LimitsRun, run_limits
from tests.end_to_end.rough_market import shakes, traps

from ratchet.cli.event_loop import run

HOURS_DEFAULT = 24.0
START = "2026-01-05T16:00"
SEED = 8
TRAPS = tuple(first + number for first in (24, 60, 132, 162, 192, 222, 252) for number in range(4))
SHAKES = range(118, 132)  # in these 5-minute candles; traps are at the ends of theirs
TURN = (0.01, 0.03)  # some stops are reached, some are not
PROFILES = ("conservative", "balanced", "aggressive")
TOLD = {  # what Telegram says of a limit that acts
    "pause after stop losses": "stop streak:",
    "limit of the day": "day limit:",
    "drawdown of the day": "day drawdown:",
    "positions to be closed for it": "a limit of the day is reached",
    "positions closed for it": "closed by day_limit",
    "maximum hold": "closed by hold",
}
EXCERPTS_MAX = 2  # of each


def main(arguments: Sequence[str]) -> int:
    """Run it; returns the exit status: 1 where a limit was broken, or one did not act."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks limits")
    parser.add_argument("--hours", type=float, default=HOURS_DEFAULT, help="of exchange time, a profile")
    parser.add_argument("--profile", choices=PROFILES, action="append", help="may be repeated; all of them without it")
    asked = parser.parse_args(arguments)
    console = Console()
    runs: dict[str, LimitsRun] = {}
    for profile in asked.profile or PROFILES:
        console.print(f"{profile}: {asked.hours:g} simulated hours …")
        with tempfile.TemporaryDirectory() as folder:
            runs[profile] = run(_day(Path(folder), profile, asked.hours))
        _show_told(console, runs[profile])
    console.print(_table(runs, asked.hours))
    return 0 if all(_is_well(each) for each in runs.values()) else 1


async def _day(folder: Path, profile: str, hours: float) -> LimitsRun:
    script = [*traps(TRAPS, SEED, TURN), *shakes(SHAKES, SEED)]
    return await run_limits(folder, hours=hours, start=START, script=script, overrides={"profile": profile})


def _is_well(found: LimitsRun) -> bool:
    verdict = found.verdict
    have_acted = bool(verdict.pauses) and bool(verdict.day_limits) and verdict.held_to_the_end > 0
    return have_acted and not verdict.violations


def _show_told(console: Console, found: LimitsRun) -> None:
    for name, words in TOLD.items():
        lines = found.lines(words)
        console.print(f"  Telegram, {name}: {len(lines)} lines", highlight=False)
        for line in lines[:EXCERPTS_MAX]:
            console.print(f"    {line}", highlight=False, markup=False, soft_wrap=True)
    for violation in found.verdict.violations:
        console.print(f"  BROKEN: {violation}", highlight=False, markup=False, soft_wrap=True)


def _table(runs: Mapping[str, LimitsRun], hours: float) -> Table:
    table = Table("", *runs, title=f"{hours:g} simulated hours of each profile", title_justify="left")
    for name in ("trades", "stop losses", "pauses after stop losses", "limits of the day", "maximum hold"):
        table.add_row(name, *(str(_figures(each)[name]) for each in runs.values()))
    table.add_row("closed for the day", *(str(each.verdict.flattened) for each in runs.values()))
    table.add_row("Telegram messages", *(str(len(each.messages)) for each in runs.values()))
    table.add_row("net", *(f"{each.demo.report.net_pnl:.2f} USDC" for each in runs.values()))
    table.add_row("broken limits", *(str(len(each.verdict.violations)) for each in runs.values()))
    table.add_row("real time", *(f"{each.wall_s:.0f} s" for each in runs.values()))
    return table


def _figures(found: LimitsRun) -> Mapping[str, int]:
    verdict = found.verdict
    return {
        "trades": verdict.trades,
        "stop losses": verdict.stop_losses,
        "pauses after stop losses": len(verdict.pauses),
        "limits of the day": len(verdict.day_limits),
        "maximum hold": verdict.held_to_the_end,
    }
