"""Endurance: a simulated day over real sockets, something going wrong every ten minutes, and what memory it takes.

Not among the benchmarks that run by themselves: `python -m benchmarks.endurance [hours]`.
"""

import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.table import Table

HOURS_DEFAULT = 24.0
EVERY_MS = 600_000
SAMPLE_S = 0.5
OVER_MS_MAX = 120_000  # of a close that is held up by troubles
REPLY_LOST = ({"fault": "lose_reply"}, {"fault": "lose_request"})
UNKNOWN = tuple({"fault": "answer_after", "status": status} for status in (500, 502, 503))
UNKNOWN_CODES = tuple({"fault": "answer_after", "code": code} for code in (-1001, -1006, -1007))
REFUSED = tuple({"fault": "reject", "code": code, "type": "STOP_MARKET"} for code in (-2021, -2019))
STREAM = (
    {"fault": "drop_frame", "route": "user"},
    {"fault": "duplicate_frame", "route": "user"},
    {"fault": "reorder_frame", "route": "user", "behind": 3},
    {"fault": "delay_frame", "route": "user", "ms": 20},
    {"fault": "cut", "route": "user"},
    {"fault": "cut", "route": "market"},
    {"fault": "expire_listen_key"},
)
LIMITS = ({"fault": "answer", "code": -1008}, {"fault": "answer", "code": -1015}, {"fault": "latency", "ms": 30})
KINDS = (REPLY_LOST, UNKNOWN, UNKNOWN_CODES, REFUSED, STREAM, LIMITS)
ENDLESS = frozenset({"cut", "expire_listen_key"})  # these strike once, by themselves


def script(hours: float, seed: int) -> list[dict[str, object]]:
    """What goes wrong, and when."""
    random_ = random.Random(seed)  # noqa: S311 - a simulation, and to be repeatable
    entries: list[dict[str, object]] = []
    for at_ms in range(EVERY_MS, int(hours * 3_600_000), EVERY_MS):
        kind: dict[str, object] = dict(random_.choice(random_.choice(KINDS)))
        often: dict[str, object] = {} if kind["fault"] in ENDLESS else {"times": random_.randint(1, 5)}
        entries.append(kind | often | {"at_ms": at_ms})
    return entries


def main(hours: float) -> int:
    """Run it; returns the exit status."""
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        faults = Path(folder) / "faults.json"
        faults.write_text(json.dumps(script(hours, seed=11)))
        began = time.monotonic()
        samples, output, status = _run(hours, faults, Path(folder))
        logs = list(Path(folder).glob("*/ratchet.jsonl*"))
        over_ms = max(_over_ms(ledger) for ledger in Path(folder).glob("*/ledger.db"))
        errors = sum(line.count('"exception"') for log in logs for line in log.read_text().splitlines())
    if status:
        console.print(f"the run ended with status {status}: {output[-500:]}", markup=False)
        return 1
    found = json.loads(output)
    fifth = len(samples) // 5  # the last one has the report and its picture in it
    early, late = (statistics.median(samples[number * fifth : (number + 1) * fifth]) for number in (1, 3))
    table = Table("what", "figure", title=f"{hours:g} simulated hours, {EVERY_MS // 60_000} minutes a fault")
    rows = (
        ("faults", str(len(script(hours, seed=11)))),
        ("real time", f"{time.monotonic() - began:.0f} s"),
        ("trades", str(found["trades"])),
        ("exceptions in the log", str(errors)),
        ("longest trade beyond its hold", f"{over_ms / 1_000:.0f} s"),
        ("unexplained", f"{found['unexplained_pnl']} USDC"),
        ("naked, longest", f"{found['naked_ms']['max']:.0f} ms"),
        ("resident memory, second fifth of the run", f"{early / 1_024:.1f} MiB"),
        ("resident memory, fourth fifth", f"{late / 1_024:.1f} MiB, {late / early - 1:+.1%}"),
    )
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)
    return 0 if errors == 0 and found["unexplained_pnl"] == "0" and over_ms <= OVER_MS_MAX else 1


def _over_ms(ledger: Path) -> int:
    """How long the trade that was open longest beyond its hold was so: one that nobody ends any more takes a place for
    good."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        [(over_ms,)] = database.execute("SELECT max(closed_ms - opened_ms - hold_ms_max) FROM trades")
    return int(over_ms or 0)


def _run(hours: float, faults: Path, folder: Path) -> tuple[list[int], str, int]:
    """Returns resident memory every half second, KiB; what was printed; the status."""
    command = [sys.executable, "-m", "ratchet", "demo", "--hours", str(hours), "--json"]
    samples: list[int] = []
    with (
        (folder / "errors").open("w+") as errors,
        subprocess.Popen(
            [*command, "--faults", str(faults), "--out", str(folder)], stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        while process.poll() is None:
            samples.append(_resident_kib(process.pid))
            time.sleep(SAMPLE_S)
        output = process.stdout.read() if process.stdout is not None else ""
        if process.returncode:
            errors.seek(0)
            output = errors.read()
        return samples, output, process.returncode


def _resident_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else HOURS_DEFAULT))
