"""Run all benchmarks, or those named: `python -m benchmarks core http scan`. `limits` is one for itself."""

import os
import platform
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import core_events, entry_latency, http_orders, limits, naked_time, operator_answers, scan, simulation
from benchmarks.figure import Figure
from benchmarks.yardstick import additions_a_second
from ratchet.cli.event_loop import run

BENCHMARKS = {
    "core": core_events.measure,
    "http": http_orders.measure,
    "entry": entry_latency.measure,
    "naked": naked_time.measure,
    "scan": scan.measure,
    "operators": operator_answers.measure,
    "simulation": simulation.measure,
}


async def main(names: list[str]) -> None:
    console = Console()
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        console.print(f"benchmarks: there is no {', '.join(unknown)}; known are {', '.join(BENCHMARKS)}")
        sys.exit(2)
    yardstick = additions_a_second()
    console.print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.machine()}; "
        f"yardstick: {yardstick / 1e6:.1f} million Decimal additions a second"
    )
    table = Table("what", "figure", "aim", "per million additions", title="Benchmarks", title_justify="left")
    for name in names or list(BENCHMARKS):
        console.print(f"measuring {name} …")
        for figure in await BENCHMARKS[name]():
            table.add_row(figure.what, figure.shown, figure.aim, _ratio(figure, yardstick))
    console.print(table)


def _ratio(figure: Figure, yardstick: float) -> str:
    """Rates as events per million additions; durations as thousands of additions that fit into them."""
    if figure.is_rate:
        return f"{figure.value / yardstick * 1e6:,.0f}"
    return f"{figure.value / 1e3 * yardstick / 1e3:,.0f} thousand fit in"


if __name__ == "__main__":
    if sys.argv[1:2] == ["limits"]:
        sys.exit(limits.main(sys.argv[2:]))
    run(main(sys.argv[1:]))
