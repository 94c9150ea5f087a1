"""The drill of the spot companion: many seeds, on every core of the machine."""

import gc
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from ratchet.drill.drill import CHUNK
from ratchet.drill.event_log import EventLog, logging_into
from ratchet.drill.rebound_draw import ReboundTrouble, draw_rebound
from ratchet.drill.rebound_judge import ReboundVerdict, judge_rebound
from ratchet.drill.rebound_play import SYMBOLS, play_rebound

LENGTH_MS = 600_000  # of exchange time, in which things happen


def troubles_of(seed: int) -> list[ReboundTrouble]:
    """What happens in a seed."""
    return draw_rebound(seed, SYMBOLS, LENGTH_MS)


def run_rebound(
    seed: int, log: EventLog | None = None, troubles: Sequence[ReboundTrouble] | None = None
) -> ReboundVerdict:
    """One seed, judged. Args: troubles, those of the seed unless given."""
    log = log or EventLog()
    with tempfile.TemporaryDirectory(prefix="drill-") as folder, logging_into(log):
        drawn = troubles_of(seed) if troubles is None else troubles
        played = play_rebound(seed, drawn, LENGTH_MS, log, Path(folder))
        try:
            return judge_rebound(seed, played)
        finally:
            played.disk.close()
            if played.rival is not None:
                played.rival.close()


def run_rebound_seeds(seeds: Sequence[int], jobs: int) -> Iterator[ReboundVerdict]:
    """All of them, each as it is done."""
    chunks = [seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_settle) as pool:
        for future in as_completed([pool.submit(_run_chunk, chunk) for chunk in chunks]):
            yield from future.result()


def _run_chunk(seeds: Sequence[int]) -> list[ReboundVerdict]:
    return [run_rebound(seed) for seed in seeds]


def _settle() -> None:
    """What is loaded stays: every burial of a process looks through all that may go."""
    gc.collect()
    gc.freeze()
