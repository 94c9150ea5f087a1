"""After a demo: what `ratchet why` and `ratchet report` read from its ledger is what the demo itself told."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_demo import ratchet, rows

SAME = ("trades", "closed_trades", "win_rate", "net_pnl", "fees", "funding", "max_drawdown", "signals")


async def asked(folder: Path, *arguments: str) -> Any:
    """The JSON of a command."""
    code, out, error = await ratchet(*arguments, "--json", folder=folder)
    assert code == 0, error
    return json.loads(out)


@pytest.mark.timeout(300)  # a demo and four more commands
async def test_report_and_why_agree_with_the_demo_to_the_last_decimal(tmp_path: Path) -> None:
    demo = await asked(tmp_path, "demo", "--hours", "3")
    ledger = str(next(tmp_path.glob("var/demo/*/ledger.db")))
    picture = tmp_path / "pictures" / "report.png"

    report = await asked(tmp_path, "report", "--ledger", ledger, "--picture", str(picture))
    assert {name: report[name] for name in SAME} == {name: demo[name] for name in SAME}
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert report["running_hours"] == pytest.approx(3, abs=0.05)
    assert {each["name"]: each["value"] for each in report["targets"]}["longest loop"] < 3

    everything = await asked(tmp_path, "why", "--ledger", ledger)
    funnel = everything["funnel"]
    by_stage = Counter(stage for (stage,) in rows(tmp_path, "SELECT stage FROM signals"))
    assert funnel["total"] == sum(by_stage.values()) == sum(funnel[stage] for stage in by_stage)
    assert funnel["filled"] == demo["trades"]
    assert len(everything["decisions"]) == demo["symbols"]

    scans = rows(tmp_path, "SELECT candle_close_ms, symbols, missing FROM scans")
    for close_ms, symbols, missing in scans:
        seen = rows(tmp_path, f"SELECT count(DISTINCT symbol) FROM signals WHERE candle_close_ms = {close_ms}")
        assert seen == [(symbols + missing,)]
    assert len(scans) >= 34

    [[traded]] = rows(tmp_path, "SELECT symbol FROM signals WHERE stage = 'sent' ORDER BY id DESC LIMIT 1")
    one = await asked(tmp_path, "why", traded.removesuffix("USDC").lower(), "--ledger", ledger)
    assert one["symbol"] == traded
    assert one["funnel"]["filled"] >= 1
    code, out, _ = await ratchet("why", traded, "--ledger", ledger, folder=tmp_path)
    assert code == 0
    assert "candles fresh; votes: trend" in out


async def test_a_ledger_that_is_not_there_and_a_symbol_never_heard_of_get_one_line(tmp_path: Path) -> None:
    for arguments, complaint in (
        (("report",), "there is no ledger in var/paper: trade first"),
        (("report", "--ledger", "nowhere.db"), "nowhere.db is not there"),
        (("why", "BTCUSDC", "--ledger", "nowhere.db"), "nowhere.db is not there"),
        (("report", "--since", "yesterday"), "--since is 'yesterday'"),
    ):
        code, out, error = await ratchet(*arguments, folder=tmp_path)
        assert (code, out) == (2, "")
        assert error.strip().splitlines()[-1].startswith(f"ratchet: {complaint}")
    assert not (tmp_path / "nowhere.db").exists()
