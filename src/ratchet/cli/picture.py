"""The picture of a run: the equity curve as a PNG file."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np


def draw_equity(points: Sequence[tuple[int, Decimal]], path: Path, title: str) -> None:
    """Draw equity (USDC) over exchange time (UTC). `points` are (ms, equity), oldest first."""
    # Imported here: it takes longer than all the rest of the command line together.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    times = np.array([at_ms for at_ms, _ in points], dtype="datetime64[ms]")
    equity = [float(value) for _, value in points]
    axes.plot(times, equity, color="#1f6f8b", linewidth=1.4)
    if equity:
        axes.axhline(equity[0], color="#999999", linewidth=0.8, linestyle="--")
        axes.fill_between(times, equity, equity[0], color="#1f6f8b", alpha=0.12)
    axes.set_title(title)
    axes.set_ylabel("equity, USDC")
    axes.set_xlabel("exchange time, UTC")
    axes.grid(alpha=0.25)
    figure.autofmt_xdate()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
