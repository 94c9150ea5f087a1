"""Candle files: recordings as they lie on the disk, read and checked. Parquet, CSV, and Binance's public archives.

The name says what is in a file: `<SYMBOL>-<interval>`, anything after a `-` or `_`, then `.parquet`, `.csv` or `.zip`.
"""

import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from localbinance.market.bad_recording import BadRecording
from localbinance.market.candles import INTERVALS_MS

Floats = npt.NDArray[np.float64]
_NAME = re.compile(r"([A-Z0-9]+)-(\d+[mhdw])(?:[-_].*)?\.(parquet|csv|zip)")
ARCHIVE_COLUMNS = (
    "open_time",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "close_time",
    "quote_volume",
    "count",
    "taker_buy_volume",
    "taker_buy_quote_volume",
    "ignore",
)
TIME_COLUMNS = ("timestamp", "open_time", "date")
PRICES = ("open", "high", "low", "close")
MICROSECONDS_FROM = 10**14  # an instant this large is in µs: archives of spot are since 2025


@dataclass(frozen=True, slots=True)
class FileName:
    """What a file's name says."""

    path: Path
    symbol: str
    interval: str

    @property
    def interval_ms(self) -> int:
        """Of its candles."""
        return INTERVALS_MS[self.interval]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The candles of one file, checked: on the grid, rising, without a hole. Arrays of shape (n,)."""

    name: FileName
    open_ms: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats  # base asset
    volume_quote: Floats

    @property
    def start_ms(self) -> int:
        """When the first candle opens."""
        return int(self.open_ms[0])

    @property
    def end_ms(self) -> int:
        """When the last candle ends."""
        return int(self.open_ms[-1]) + self.name.interval_ms


def read_name(path: Path) -> FileName | None:
    """What the name says; None when it is not the name of a candle file."""
    found = _NAME.fullmatch(path.name)
    return FileName(path, found[1], found[2]) if found and found[2] in INTERVALS_MS else None


def said(at_ms: int) -> str:
    """An instant for a message."""
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M")


def read_recording(name: FileName) -> Recording:
    """Read and check a file. Raises: BadRecording."""
    table = _read_table(name.path)
    time_column = next((column for column in TIME_COLUMNS if column in table.columns), None)
    missing = [column for column in (*PRICES, "volume") if column not in table.columns]
    if time_column is None or missing:
        wanted = ", ".join([*([] if time_column else ["timestamp"]), *missing])
        raise BadRecording(f"{name.path}: no column {wanted}; wanted are timestamp, open, high, low, close, volume")
    if table.is_empty():
        raise BadRecording(f"{name.path}: it has no candle; remove it, or record it again")
    open_ms = _times(name.path, table.get_column(time_column))
    columns = {column: _numbers(name.path, table, column) for column in (*PRICES, "volume")}
    quote = (
        _numbers(name.path, table, "quote_volume")
        if "quote_volume" in table.columns
        else columns["volume"] * (columns["high"] + columns["low"] + columns["close"]) / 3
    )
    _check_times(name, open_ms)
    _check_prices(name, open_ms, columns)
    return Recording(name=name, open_ms=open_ms, volume_quote=quote, **columns)


def _read_table(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path.read_bytes())
        if path.suffix == ".zip":
            return _read_csv(_unpacked(path))
        return _read_csv(path.read_bytes())
    except FileNotFoundError:
        raise BadRecording(f"{path}: there is no such file") from None
    except (OSError, pl.exceptions.PolarsError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or ["nothing is in it"])[0]
        raise BadRecording(f"{path}: it cannot be read as {path.suffix[1:]}: {reason}") from None


def _unpacked(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        inside = [name for name in archive.namelist() if name.endswith(".csv")]
        if len(inside) != 1:
            raise BadRecording(f"{path}: it holds {len(inside)} CSV files, one is wanted")
        return archive.read(inside[0])


def _read_csv(content: bytes) -> pl.DataFrame:
    """With a header or, as in Binance's older archives, without one."""
    if not content[:1].isdigit():
        return pl.read_csv(content, infer_schema_length=None, try_parse_dates=True)
    return pl.read_csv(content, has_header=False, new_columns=list(ARCHIVE_COLUMNS), infer_schema_length=None)


def _times(path: Path, column: pl.Series) -> npt.NDArray[np.int64]:
    if column.null_count():
        raise BadRecording(f"{path}: {column.null_count()} candles have no time; remove or repair them")
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.epoch("ms").to_numpy().astype(np.int64)
    if not column.dtype.is_integer():
        raise BadRecording(f"{path}: times are {column.dtype}; timestamps or milliseconds since 1970 are wanted")
    times = column.to_numpy().astype(np.int64)
    return times // 1000 if times.size and times[0] >= MICROSECONDS_FROM else times


def _numbers(path: Path, table: pl.DataFrame, name: str) -> Floats:
    column = table.get_column(name)
    if not column.dtype.is_numeric():
        raise BadRecording(f"{path}: column {name} is {column.dtype}, numbers are wanted")
    if column.null_count():
        raise BadRecording(f"{path}: column {name} has {column.null_count()} empty fields; remove or repair these rows")
    return column.cast(pl.Float64).to_numpy()


def _check_times(name: FileName, open_ms: npt.NDArray[np.int64]) -> None:
    off = np.flatnonzero(open_ms % name.interval_ms)
    if off.size and name.interval_ms <= INTERVALS_MS["1d"]:
        row = int(off[0])
        raise BadRecording(
            f"{name.path}: row {row} at {said(int(open_ms[row]))} is not on the grid of {name.interval}; "
            "rename the file to the interval that it has, or remove the row"
        )
    steps = np.diff(open_ms)
    wrong = np.flatnonzero(steps != name.interval_ms)
    if not wrong.size:
        return
    row = int(wrong[0]) + 1
    before, after = said(int(open_ms[row - 1])), said(int(open_ms[row]))
    if steps[row - 1] == 0:
        raise BadRecording(f"{name.path}: row {row} at {after} is there twice; remove one of them")
    if steps[row - 1] < 0:
        raise BadRecording(f"{name.path}: row {row} at {after} comes after {before}; sort the file by time")
    raise BadRecording(
        f"{name.path}: candles are missing between {before} and {after} (row {row}); record it again, or split it there"
    )


def _check_prices(name: FileName, open_ms: npt.NDArray[np.int64], columns: dict[str, Floats]) -> None:
    for column, values in columns.items():
        least = 0.0 if column == "volume" else np.nextafter(0.0, 1.0)
        bad = np.flatnonzero(~(np.isfinite(values) & (values >= least)))
        if bad.size:
            row = int(bad[0])
            raise BadRecording(
                f"{name.path}: row {row} at {said(int(open_ms[row]))}: {column} is {values[row]}; remove or repair it"
            )
    inside = (columns["high"] >= np.maximum(columns["open"], columns["close"])) & (
        columns["low"] <= np.minimum(columns["open"], columns["close"])
    )
    bad = np.flatnonzero(~inside)
    if bad.size:
        row = int(bad[0])
        raise BadRecording(
            f"{name.path}: row {row} at {said(int(open_ms[row]))}: "
            "high and low do not enclose open and close; repair it"
        )
