"""The selection: which recordings of a folder are served, over which range, and what is left and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from localbinance.market.bad_recording import BadRecording
from localbinance.market.candle_files import FileName, Recording, read_name, read_recording, said

HOUR_MS = 3_600_000
HISTORY_MS = 13 * HOUR_MS  # 150 candles of five minutes, and some


@dataclass(slots=True)
class Selection:
    """What is served. All recordings are of one interval and cover [history_ms, end_ms)."""

    recordings: list[Recording]
    history_ms: int  # where the history begins
    start_ms: int
    end_ms: int
    taken: list[str] = field(default_factory=list)  # lines for the user
    left: list[str] = field(default_factory=list)


def select(paths: Sequence[Path], *, quote: str, from_ms: int | None, to_ms: int | None) -> Selection:
    """Choose: perpetuals of the quote, of the finest interval, over the range that most of them share.

    A file that was named has to be in order. One that lies in a folder is left, and said, when it is not.
    Raises: BadRecording.
    """
    left: list[str] = []
    names = [name for path in paths for name in _names_at(path, quote, left)]
    if not names:
        raise BadRecording(f"{_said(paths)}: no candles of {quote} perpetuals; --quote USDT takes recordings of those")
    finest_ms = min(name.interval_ms for name in names)
    chosen = [name for name in names if name.interval_ms == finest_ms]
    others = len(names) - len(chosen)
    if others:
        left.append(f"{others} files of a longer interval than {chosen[0].interval}")
    recordings = _joined(_read(chosen, {path for path in paths if path.is_file()}, left))
    if not recordings:
        raise BadRecording(f"{_said(paths)}: none of {len(chosen)} files can be served; the first: {left[-1]}")
    return _ranged(recordings, from_ms, to_ms, left)


def _names_at(path: Path, quote: str, left: list[str]) -> Iterable[FileName]:
    if not path.exists():
        raise BadRecording(f"{path}: there is no such file or folder")
    if path.is_file():
        name = read_name(path)
        if name is None:
            raise BadRecording(f"{path}: the name does not say what it is; call it like BTCUSDC-1m.parquet")
        if not _is_quoted_in(name.symbol, quote):
            raise BadRecording(f"{path}: it is not a {quote} perpetual; --quote says which quote is served")
        return [name]
    names = [name for file in sorted(path.iterdir()) if (name := read_name(file)) is not None]
    wanted = [name for name in names if _is_quoted_in(name.symbol, quote)]
    if len(names) > len(wanted):
        left.append(f"{len(names) - len(wanted)} files of another quote than {quote}")
    return wanted


def _is_quoted_in(symbol: str, quote: str) -> bool:
    return symbol.endswith(quote) and symbol != quote


def _read(names: Iterable[FileName], insisted: set[Path], left: list[str]) -> list[Recording]:
    recordings = []
    for name in names:
        try:
            recording = read_recording(name)
        except BadRecording as error:
            if name.path in insisted:
                raise
            left.append(str(error))
            continue
        if recording.volume_quote.any():
            recordings.append(recording)
        else:
            left.append(f"{name.path.name}: nothing was traded in it")
    return recordings


def _joined(recordings: list[Recording]) -> dict[str, list[Recording]]:
    """By symbol. Several files of a symbol stay apart: each is a range of its own."""
    ordered = sorted(recordings, key=lambda each: (each.name.symbol, each.start_ms))
    return {symbol: list(group) for symbol, group in groupby(ordered, key=lambda each: each.name.symbol)}


def _ranged(
    by_symbol: dict[str, list[Recording]], from_ms: int | None, to_ms: int | None, left: list[str]
) -> Selection:
    everything = [each for group in by_symbol.values() for each in group]
    begin_ms, end_ms = _shared_range(everything, len(by_symbol), from_ms, to_ms)
    end_ms = min(end_ms, to_ms or end_ms)
    start_ms = begin_ms + min(HISTORY_MS, (end_ms - begin_ms) // 2) if from_ms is None else from_ms
    interval_ms = everything[0].name.interval_ms
    grid_ms = max(interval_ms, 300_000)  # five minutes: the first candle that a strategy sees is whole
    start_ms = -(-start_ms // grid_ms) * grid_ms
    if not begin_ms < start_ms < end_ms:
        raise BadRecording(
            f"from {said(start_ms)} to {said(end_ms)} there is nothing to serve: the recordings have "
            f"{said(begin_ms)} to {said(max(each.end_ms for each in everything))}, and some of it is the history"
        )
    served: list[Recording] = []
    for symbol, group in by_symbol.items():
        fits = [each for each in group if each.start_ms <= begin_ms and each.end_ms >= end_ms]
        if fits:
            served.append(fits[0])
        else:
            spans = ", ".join(f"{said(each.start_ms)} to {said(each.end_ms)}" for each in group)
            left.append(f"{symbol}: it has {spans}")
    selection = Selection(served, begin_ms, start_ms, end_ms, left=left)
    selection.taken.append(
        f"{len(served)} symbols, {served[0].name.interval} candles, {said(start_ms)} to {said(end_ms)} UTC, "
        f"history from {said(begin_ms)}"
    )
    return selection


def _shared_range(recordings: list[Recording], symbols: int, from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
    """The range with the most candles in it among those that more than half of the symbols have wholly.

    Where no range has so many, the one with the most. `from_ms` and `to_ms` must lie in it, when given.
    """
    starts = sorted({each.start_ms for each in recordings if from_ms is None or each.start_ms < from_ms})
    ends = sorted({each.end_ms for each in recordings if to_ms is None or each.end_ms >= to_ms})
    best, best_score = None, (False, 0)
    for start_ms in starts:
        for end_ms in ends:
            lasts_ms = (to_ms or end_ms) - (from_ms or start_ms)
            if lasts_ms <= 0 or end_ms <= start_ms:
                continue
            having = {each.name.symbol for each in recordings if each.start_ms <= start_ms and each.end_ms >= end_ms}
            score = (2 * len(having) > symbols, len(having) * lasts_ms)
            if having and score > best_score:
                best, best_score = (start_ms, end_ms), score
    if best is None:
        first, last = min(each.start_ms for each in recordings), max(each.end_ms for each in recordings)
        raise BadRecording(
            f"no recording has {said(from_ms or first)} to {said(to_ms or last)} with history before it; "
            f"they lie within {said(first)} and {said(last)} UTC"
        )
    return best


def _said(paths: Sequence[Path]) -> str:
    return ", ".join(str(path) for path in paths)
