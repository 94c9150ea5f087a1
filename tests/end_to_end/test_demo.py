"""The whole road on real parts: the command, localbinance as its process, sockets, SQLite."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.recorded import RECORDED, needs_recorded

LIMIT_S = 110
HOURS = 0.5
END_MS = round(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1_000 + HOURS * 3_600_000)  # of the demo's market
REPORT_KEYS = {
    "trades",
    "closed_trades",
    "win_rate",
    "net_pnl",
    "fees",
    "funding",
    "max_drawdown",
    "start_balance",
    "end_balance",
    "symbols",
    "signals",
    "naked_ms",
    "unexplained_pnl",
    "unprotected_positions",
    "exchange_orders",
    "simulated_hours",
    "wall_seconds",
}


async def ratchet(
    *arguments: str, folder: Path, environment: dict[str, str] | None = None, interrupt_after: str = ""
) -> tuple[int, str, str]:
    """Run the command in a folder of its own. Returns (exit code, stdout, stderr)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ratchet",
        *arguments,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    seen = b""
    try:
        async with asyncio.timeout(LIMIT_S):
            while interrupt_after and interrupt_after.encode() not in seen:
                line = await process.stderr.readline()
                assert line, seen.decode()
                seen += line
            if interrupt_after:
                process.send_signal(signal.SIGINT)
            out, error = await process.communicate()
    except TimeoutError:
        process.kill()
        raise
    return process.returncode or 0, out.decode(), (seen + error).decode()


def ledger_of(folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(next(folder.glob("var/demo/*/ledger.db")))


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = ledger_of(folder)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def assert_protected_and_accounted(report: dict[str, Any]) -> None:
    assert report["unexplained_pnl"] == "0"
    assert report["unprotected_positions"] == 0
    assert Decimal(report["end_balance"]) - Decimal(report["start_balance"]) == Decimal(report["net_pnl"])
    assert report["exchange_orders"]["rejected"] == 0


async def test_it_trades_protected_and_accounts_for_all_of_it(tmp_path: Path) -> None:
    code, out, error = await ratchet("demo", "--hours", "1", "--json", folder=tmp_path)
    assert code == 0, error
    report = json.loads(out)
    assert set(report) == REPORT_KEYS
    assert_protected_and_accounted(report)
    assert report["closed_trades"] >= 3
    assert report["symbols"] >= 25
    assert report["naked_ms"]["max"] < 2_000
    assert next(tmp_path.glob("var/demo/*/equity.png")).read_bytes().startswith(b"\x89PNG")
    open_orders = "SELECT count(*) FROM orders WHERE status IN ('INTENDED', 'SENT', 'UNKNOWN', 'NEW')"
    assert rows(tmp_path, open_orders) == [(0,)]
    assert rows(tmp_path, "SELECT count(*) FROM trades WHERE closed_ms IS NULL") == [(0,)]
    unstopped = """SELECT count(*) FROM trades t WHERE EXISTS (SELECT 1 FROM fills f WHERE f.trade_id = t.id)
                   AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.trade_id = t.id AND o.role = 'stop')"""
    assert rows(tmp_path, unstopped) == [(0,)]
    log = next(tmp_path.glob("var/demo/*/ratchet.jsonl")).read_text()
    assert "local-secret" not in log


async def test_the_same_seed_gives_the_same_signals(tmp_path: Path) -> None:
    # The last candle closes at the instant at which the run ends: whether it is still looked at is open.
    query = f"""SELECT candle_close_ms, symbol, side, breakdown FROM signals WHERE candle_close_ms < {END_MS}
                ORDER BY candle_close_ms, symbol, strategy"""
    said = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        code, _, error = await ratchet("demo", "--hours", str(HOURS), "--seed", "3", "--json", folder=folder)
        assert code == 0, error
        said.append(rows(folder, query))
    assert len(said[0]) > 100
    assert said[0] == said[1]


async def test_interrupted_it_leaves_positions_to_their_stops(tmp_path: Path) -> None:
    code, out, error = await ratchet(
        "demo", "--hours", "48", "--speed", "120", "--json", folder=tmp_path, interrupt_after="open,"
    )
    assert code == 130, error
    assert "Traceback" not in error
    report = json.loads(out)
    assert report["unprotected_positions"] == 0
    assert report["unexplained_pnl"] == "0"


@needs_recorded
async def test_it_trades_recorded_candles(tmp_path: Path) -> None:
    market = str(RECORDED / "binance-futures")
    code, out, error = await ratchet("demo", "--market", market, "--hours", "3", "--json", folder=tmp_path)
    assert code == 0, error
    report = json.loads(out)
    assert report["symbols"] == 17
    assert report["closed_trades"] >= 3
    assert_protected_and_accounted(report)


@needs_recorded
async def test_it_trades_usdt_recordings_under_the_usdc_name(tmp_path: Path) -> None:
    arguments = ("--market", str(RECORDED / "binance-futures-universe"), "--quote", "USDT", "--hours", "1", "--json")
    code, out, error = await ratchet("demo", *arguments, folder=tmp_path)
    assert code == 0, error
    report = json.loads(out)
    assert report["symbols"] == 35
    assert_protected_and_accounted(report)


async def test_a_users_strategy_runs_beside_the_built_in_one(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "bollinger.py"
    strategies = json.dumps(["scalping_v1", str(example)])
    code, _, error = await ratchet(
        "demo", "--hours", "0.5", "--json", folder=tmp_path, environment={"RATCHET_STRATEGIES": strategies}
    )
    assert code == 0, error
    assert rows(tmp_path, "SELECT DISTINCT strategy FROM signals ORDER BY 1") == [("bollinger",), ("scalping_v1",)]


BAD = {
    "unknown profile": (("--profile", "reckless"), {}, "", "reckless"),
    "missing market": (("--market", "nothing.parquet"), {}, "", "nothing.parquet: there is no such file"),
    "impossible hours": (("--hours", "-1"), {}, "", "--hours is -1"),
    "impossible speed": (("--speed", "fast"), {}, "", "--speed is 'fast'"),
    "impossible money": ((), {"RATCHET_RISK__RISK_PER_TRADE_FRACTION": "5"}, "", "RISK_PER_TRADE_FRACTION"),
    "not a number": ((), {"RATCHET_RISK__RISK_PER_TRADE_FRACTION": "NaN"}, "", "RISK_PER_TRADE_FRACTION"),
    "malformed runtime": ((), {}, '{"risk": {', "runtime.json"),
    "unknown setting": ((), {}, '{"risk": {"luck": 1}}', "luck"),
    "unknown strategy": ((), {"RATCHET_STRATEGIES": "scalping_v9"}, "", "there is no strategy scalping_v9"),
    "no symbol left": ((), {"RATCHET_UNIVERSE__WHITELIST": "NOPE*"}, "", "no symbol may be traded"),
}


@pytest.mark.parametrize("case", BAD)
async def test_bad_input_gets_one_line_and_a_non_zero_exit(tmp_path: Path, case: str) -> None:
    arguments, environment, runtime, complaint = BAD[case]
    if runtime:
        (tmp_path / "runtime.json").write_text(runtime)
    code, out, error = await ratchet("demo", *arguments, "--json", folder=tmp_path, environment=environment)
    assert code == 2, error
    assert out == ""
    last = error.strip().splitlines()[-1]
    assert complaint in last
    assert last.startswith("ratchet: ")
    assert "Traceback" not in error


async def test_a_malformed_env_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# fine\nRATCHET_RISK__LEVERAGE\n")
    code, _, error = await ratchet("demo", folder=tmp_path)
    assert code == 2
    assert ".env" in error
    assert "2" in error
    assert "Traceback" not in error
