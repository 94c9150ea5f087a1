"""The recorded market: ticks add up to exactly the recorded candles; what cannot be served is said in one line."""

import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from localbinance.market.bad_recording import BadRecording
from localbinance.market.candle_files import ARCHIVE_COLUMNS
from localbinance.market.candles import CandleBook
from localbinance.market.recorded import RecordedMarket
from localbinance.rules.market_rules import load_market_rules
from tests.recorded import RECORDED, needs_recorded

RULES = load_market_rules()
DAY = datetime(2025, 6, 17, tzinfo=UTC)
MINUTE_MS = 60_000


def a_table(minutes: int = 120, start: datetime = DAY, price: float = 100_000.0) -> pl.DataFrame:
    """Candles with all kinds of bodies and wicks."""
    rows = []
    for number in range(minutes):
        opened = price + (number * 37 % 11) * 10
        close = price + (number * 53 % 13) * 10
        rows.append(
            {
                "timestamp": start + timedelta(minutes=number),
                "open": opened,
                "high": max(opened, close) + number % 3 * 5.1,
                "low": min(opened, close) - number % 4 * 3.3,
                "close": close,
                "volume": 1.5 + number % 5 * 0.123,
            }
        )
    return pl.DataFrame(rows)


def parquet(folder: Path, table: pl.DataFrame, name: str = "BTCUSDC-1m.parquet") -> Path:
    path = folder / name
    table.write_parquet(path)
    return path


def opened(*paths: Path, **choice: Any) -> RecordedMarket:
    return RecordedMarket(paths, rules=RULES, **choice)


def replayed(market: RecordedMarket, symbol: str, minutes: int) -> CandleBook:
    book = CandleBook(symbol, market.history(symbol), market.interval_ms, market.start_ms)
    for tick in market.advance(market.start_ms + minutes * MINUTE_MS):
        if tick.symbol == symbol:
            book.on_tick(tick)
    return book


def assert_replays(market: RecordedMarket, symbol: str, table: pl.DataFrame, minutes: int) -> None:
    now_ms = market.start_ms + minutes * MINUTE_MS
    book = replayed(market, symbol, minutes)
    candles = book.candles("1m", start_ms=market.start_ms, end_ms=now_ms - 1, limit=1_500, now_ms=now_ms)
    recorded = table.filter(pl.col("timestamp").dt.epoch("ms") >= market.start_ms).head(minutes)
    assert len(candles) == minutes
    for candle, row in zip(candles, recorded.iter_rows(named=True), strict=True):
        prices = [Decimal(repr(row[name])) for name in ("open", "high", "low", "close")]
        if row["volume"]:
            assert [candle.open, candle.high, candle.low, candle.close] == prices
        assert candle.volume == Decimal(repr(row["volume"]))


def test_ticks_add_up_to_exactly_the_recorded_candles(tmp_path: Path) -> None:
    table = a_table()
    assert_replays(opened(parquet(tmp_path, table)), "BTCUSDC", table, 60)


@needs_recorded
@pytest.mark.parametrize("symbol", ["BTCUSDC", "1000BONKUSDC", "ENAUSDC"])
def test_real_recordings_are_replayed_exactly(symbol: str) -> None:
    path = next((RECORDED / "binance-futures").glob(f"{symbol}-1m*.parquet"))
    assert_replays(opened(path), symbol, pl.read_parquet(path), 1_000)


@needs_recorded
def test_a_real_folder_gives_its_usdc_perpetuals_and_says_what_it_left() -> None:
    market = opened(RECORDED / "binance-futures")
    assert len(market.symbols) == 17
    assert market.taken[0].startswith("17 symbols, 1m candles, 2025-06-17")
    assert any("another quote" in line for line in market.left)
    assert all(rules.quote_asset == "USDC" for rules in market.rules.values())


@needs_recorded
def test_usdt_recordings_are_served_under_the_usdc_name() -> None:
    market = opened(RECORDED / "binance-futures-universe", quote="USDT")
    assert len(market.symbols) >= 95
    assert all(symbol.endswith("USDC") for symbol in market.symbols)
    tick = next(iter(market.advance(market.start_ms)))
    assert tick.last % market.rules[tick.symbol].price_tick == 0


def test_from_and_to_choose_the_range_and_what_lies_before_is_history(tmp_path: Path) -> None:
    path = parquet(tmp_path, a_table(600))
    begin = int(DAY.timestamp() * 1_000)
    market = opened(path, from_ms=begin + 300 * MINUTE_MS, to_ms=begin + 400 * MINUTE_MS)
    assert (market.start_ms, market.end_ms) == (begin + 300 * MINUTE_MS, begin + 400 * MINUTE_MS)
    assert len(market.history("BTCUSDC")) == 300
    assert [tick.time_ms for tick in market.advance(market.end_ms + 10**9)][-1] == market.end_ms


def test_a_recorded_symbol_is_no_new_listing(tmp_path: Path) -> None:
    for name in ("BTCUSDC", "NEVERHEARDOFUSDC"):
        market = opened(parquet(tmp_path, a_table(), f"{name}-1m.parquet"))
        assert market.start_ms - market.rules[name].onboard_ms >= 365 * 86_400_000


def test_of_a_folder_the_finest_interval_and_the_shared_range_are_taken(tmp_path: Path) -> None:
    for symbol in ("BTCUSDC", "ETHUSDC", "SOLUSDC"):
        parquet(tmp_path, a_table(300), f"{symbol}-1m.parquet")
    parquet(tmp_path, a_table(40), "XRPUSDC-1m.parquet")
    parquet(tmp_path, a_table(300), "ADAUSDC-5m.parquet")
    parquet(tmp_path, a_table(300), "BTCUSDT-1m.parquet")
    (tmp_path / "LTCUSDC-1m.csv").write_text("nonsense\n1\n")
    (tmp_path / "notes.txt").write_text("nothing")
    market = opened(tmp_path)
    assert set(market.symbols) == {"BTCUSDC", "ETHUSDC", "SOLUSDC"}
    said = "\n".join(market.left)
    assert all(word in said for word in ("XRPUSDC: it has", "longer interval", "another quote", "LTCUSDC-1m.csv"))


def archive_rows(table: pl.DataFrame, *, microseconds: bool = False) -> str:
    factor = 1_000 if microseconds else 1
    lines = []
    for row in table.iter_rows(named=True):
        at = int(row["timestamp"].timestamp() * 1_000)
        prices = ",".join(str(row[name]) for name in ("open", "high", "low", "close", "volume"))
        lines.append(f"{at * factor},{prices},{(at + 59_999) * factor},150000.5,3,0.7,70000,0")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("with_header", [True, False])
@pytest.mark.parametrize("microseconds", [True, False])
def test_binances_archives_are_read_as_csv_and_zip(tmp_path: Path, with_header: bool, microseconds: bool) -> None:
    header = ",".join(ARCHIVE_COLUMNS) + "\n"
    text = (header if with_header else "") + archive_rows(a_table(), microseconds=microseconds)
    (tmp_path / "BTCUSDC-1m-2025-06-17.csv").write_text(text)
    with zipfile.ZipFile(tmp_path / "BTCUSDC-1m-2025-06.zip", "w") as archive:
        archive.writestr("BTCUSDC-1m-2025-06.csv", text)
    for name in ("BTCUSDC-1m-2025-06-17.csv", "BTCUSDC-1m-2025-06.zip"):
        market = opened(tmp_path / name)
        assert_replays(market, "BTCUSDC", a_table(), 60)
        assert market.history("BTCUSDC")[0].volume_quote == Decimal("150000.5")


def without(table: pl.DataFrame, row: int) -> pl.DataFrame:
    return pl.concat([table.head(row), table.tail(len(table) - row - 1)])


def with_value(table: pl.DataFrame, row: int, column: str, value: float | None) -> pl.DataFrame:
    values = table.get_column(column).to_list()
    values[row] = value
    return table.with_columns(pl.Series(column, values))


TABLE = a_table()
BROKEN = {
    "gap": (without(TABLE, 50), "candles are missing between 2025-06-17 00:49 and 2025-06-17 00:51"),
    "unsorted": (TABLE.reverse(), "row 1 at 2025-06-17 01:58 comes after 2025-06-17 01:59; sort the file"),
    "duplicate": (pl.concat([TABLE.head(9), TABLE.tail(112)]), "row 9 at 2025-06-17 00:08 is there twice"),
    "off the grid": (a_table(start=DAY + timedelta(seconds=7)), "is not on the grid of 1m"),
    "not a number": (with_value(TABLE, 5, "close", float("nan")), "row 5 at 2025-06-17 00:05: close is nan"),
    "empty field": (with_value(TABLE, 5, "low", None), "column low has 1 empty fields"),
    "zero": (with_value(TABLE, 5, "low", 0.0), "row 5 at 2025-06-17 00:05: low is 0.0"),
    "upside down": (with_value(TABLE, 5, "high", 5.0), "high and low do not enclose open and close"),
    "no column": (TABLE.drop("volume"), "no column volume"),
    "no rows": (TABLE.head(0), "it has no candle"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_file_with_a_fault_is_refused_in_one_line_that_says_where(tmp_path: Path, case: str) -> None:
    table, complaint = BROKEN[case]
    path = parquet(tmp_path, table)
    with pytest.raises(BadRecording) as refused:
        opened(path)
    assert complaint in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_not_there_or_nothing_that_is_meant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRecording, match="there is no such file or folder"):
        opened(tmp_path / "nothing")
    with pytest.raises(BadRecording, match="no candles of USDC perpetuals; --quote USDT"):
        opened(tmp_path)
    wrong = tmp_path / "candles.parquet"
    wrong.write_bytes(b"no parquet")
    with pytest.raises(BadRecording, match="call it like BTCUSDC-1m"):
        opened(wrong)
    text = tmp_path / "BTCUSDC-1m.parquet"
    text.write_bytes(b"no parquet at all")
    with pytest.raises(BadRecording, match="it cannot be read as parquet"):
        opened(text)
    good = parquet(tmp_path, a_table(), "ETHUSDC-1m.parquet")
    with pytest.raises(BadRecording, match="with history before it"):
        opened(good, from_ms=10)


@needs_recorded
def test_really_dirty_files_are_refused_and_never_served_silently() -> None:
    for path in sorted((RECORDED / "dirty").glob("*-1m*.parquet")):
        quote = "USDC" if "USDC-" in path.name else "USDT"
        with pytest.raises(BadRecording) as refused:
            opened(path, quote=quote)
        assert "\n" not in str(refused.value)
