"""The picture of a run: the equity curve as a PNG file, with the drawdown below it if wanted."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np


def draw_equity(points: Sequence[tuple[int, Decimal]], path: Path, title: str, *, with_drawdown: bool = False) -> None:
    """Draw equity (USDC) over exchange time (UTC). `points` are (ms, equity), oldest first."""
    # Imported here: it takes longer than all the rest of the command line together.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.5 if with_drawdown else 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    ratios = [3, 1] if with_drawdown else [1]
    panels = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": ratios})[:, 0]
    times = np.array([at_ms for at_ms, _ in points], dtype="datetime64[ms]")
    equity = np.array([float(value) for _, value in points])
    axes = panels[0]
    axes.plot(times, equity, color="#1f6f8b", linewidth=1.4)
    if len(equity):
        axes.axhline(equity[0], color="#999999", linewidth=0.8, linestyle="--")
        axes.fill_between(times, equity, equity[0], color="#1f6f8b", alpha=0.12)
    axes.set_title(title)
    axes.set_ylabel("equity, USDC")
    if with_drawdown:
        fallen = -100 * (1 - equity / np.maximum.accumulate(equity))
        panels[1].fill_between(times, fallen, 0, color="#a23b3b", alpha=0.35)
        panels[1].set_ylabel("drawdown, %")
    panels[-1].set_xlabel("exchange time, UTC")
    for panel in panels:
        panel.grid(alpha=0.25)
    figure.autofmt_xdate()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
