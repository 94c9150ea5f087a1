"""Live progress of a run: equity, positions with their stops, the last signals, naked time."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from ratchet.domain.money import plain
from ratchet.trading.status import Status

REFRESH_S = 0.25
LINES_EVERY_S = 10.0  # where there is no terminal to draw on


async def show_progress(
    status: Callable[[], Status], *, start_ms: int, end_ms: int, console: Console, stop: asyncio.Event
) -> None:
    """Draw until `stop` is set; without a terminal, a line every ten seconds instead of a picture."""
    if not console.is_terminal:
        await _print_lines(status, start_ms, end_ms, console, stop)
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
    )
    task = bar.add_task("exchange time", total=max(1, end_ms - start_ms))
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while not await _waited(stop, REFRESH_S):
            now = status()
            bar.update(task, completed=now.now_ms - start_ms, description=_time(now.now_ms))
            live.update(Group(bar, _summary(now), _positions(now), _signals(now)))


async def _print_lines(
    status: Callable[[], Status], start_ms: int, end_ms: int, console: Console, stop: asyncio.Event
) -> None:
    while not await _waited(stop, LINES_EVERY_S):
        now = status()
        done = (now.now_ms - start_ms) / max(1, end_ms - start_ms)
        naked = "-" if now.naked_ms_max is None else f"{now.naked_ms_max:.1f} ms"
        console.print(
            f"{_time(now.now_ms)} {done:4.0%}  equity {now.balance.equity:.2f} USDC, {len(now.positions)} open, "
            f"{now.trades_closed} closed, naked at most {naked}",
            highlight=False,
        )


async def _waited(stop: asyncio.Event, seconds: float) -> bool:
    """Wait that long in real time, or until told to stop: then True."""
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return False
    return True


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def _summary(now: Status) -> Text:
    naked = "-" if now.naked_ms_max is None else f"{now.naked_ms_max:.1f} ms"
    line = Text.assemble(
        ("equity ", "dim"),
        (f"{now.balance.equity:.2f} USDC", "bold"),
        ("   closed ", "dim"),
        str(now.trades_closed),
        ("   naked at most ", "dim"),
        naked,
    )
    if now.entries_halted:
        line.append(f"   no entries: {now.entries_halted}", style="yellow")
    return line


def _positions(now: Status) -> Table:
    table = Table(title="Positions and their stops", title_justify="left", expand=False)
    for name in ("symbol", "side", "quantity", "entry", "stop", "held", "naked ms"):
        table.add_column(name, justify="left" if name in ("symbol", "side") else "right")
    for line in now.positions:
        stop = "[bold red]none yet[/]" if line.price_stop is None else plain(line.price_stop)
        table.add_row(
            line.symbol,
            "long" if line.side.sign > 0 else "short",
            plain(line.quantity),
            f"{line.price_entry:.6g}",
            stop,
            f"{(now.now_ms - line.opened_ms) / 60_000:.1f} min",
            "-" if line.naked_ms is None else f"{line.naked_ms:.1f}",
        )
    return table


def _signals(now: Status) -> Table:
    table = Table(title="Last signals", title_justify="left", expand=False)
    for name in ("at", "symbol", "side", "why", "outcome"):
        table.add_column(name)
    for signal, outcome in now.signals:
        why = ", ".join(vote.name for vote in signal.breakdown if vote.side is signal.side)
        table.add_row(_time(signal.candle_close_ms)[11:16], signal.symbol, signal.side.lower(), why, outcome)
    return table
