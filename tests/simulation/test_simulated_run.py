"""The whole trader in virtual time: the same run again and again, and over the wire but for named differences."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from ratchet.config.sections import SQLITE
from ratchet.ledger.database import open_database
from ratchet.research.differences import Cause, compare
from ratchet.research.run_trades import Run, read_run
from ratchet.research.simulated_run import simulate
from tests.end_to_end.test_demo import ratchet
from tests.simulation.simulated import the_demo

FEW = 12  # symbols


async def run_of(file: Path) -> Run:
    engine = await open_database(f"{SQLITE}{file}")
    try:
        async with AsyncSession(engine) as session:
            return await read_run(session)
    finally:
        await engine.dispose()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return simulate(the_demo(1, tmp_path_factory.mktemp("usual"), FEW))


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of a demo."""
    folder = tmp_path_factory.mktemp("wire")
    code, _, errors = asyncio.run(ratchet("demo", "--hours", "0.5", "--json", folder=folder))
    assert code == 0, errors
    (file,) = folder.glob("var/demo/*/ledger.db")
    return file


def test_a_simulation_is_the_same_run_every_time(usual: Run, tmp_path: Path) -> None:
    again = simulate(the_demo(1, tmp_path, FEW))
    assert len(usual.trades) >= 2
    assert compare(usual, again).differences == ()


def test_other_settings_make_differences_and_each_has_its_cause(usual: Run, tmp_path: Path) -> None:
    halved = simulate(the_demo(1, tmp_path, FEW, risk={"risk_per_trade_fraction": "0.003"}))
    found = compare(usual, halved)
    assert found.unexplained == 0
    assert Cause.SIZE in found.by_cause


async def test_the_wire_and_the_simulation_differ_only_for_named_reasons(wire: Path, tmp_path: Path) -> None:
    over_the_wire = await run_of(wire)
    found = compare(over_the_wire, await asyncio.to_thread(simulate, the_demo(0.5, tmp_path)))
    assert len(over_the_wire.trades) >= 3
    assert found.unexplained == 0
    # Market, strategy and exchange are the same, but what happens within one instant takes real time over the wire:
    # a trade may be over before the next signal of its symbol, or after. No signal and no price is another for that.
    assert set(found.by_cause) <= {Cause.MISSED, Cause.SIZE, Cause.EXIT, Cause.FEE}


async def test_the_command_says_of_two_ledgers_whether_they_differ(wire: Path, tmp_path: Path) -> None:
    code, out, errors = await ratchet("compare", str(wire), str(wire), "--json", folder=tmp_path)
    assert (code, json.loads(out)["differences"]) == (0, []), errors
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(wire)) as source, closing(sqlite3.connect(other)) as copy:
        source.backup(copy)
        copy.execute("UPDATE fills SET fee = '0' WHERE trade_id = 1")
        copy.commit()
        (fees,) = copy.execute("SELECT count(*) FROM fills WHERE trade_id = 1").fetchone()
    assert fees > 0
    code, out, errors = await ratchet("compare", str(wire), str(other), "--json", folder=tmp_path)
    answer = json.loads(out)
    assert (code, answer["unexplained"], list(answer["by_cause"])) == (1, "0", ["fee"]), errors


async def test_a_ledger_that_is_not_there_is_one_line(wire: Path, tmp_path: Path) -> None:
    code, out, errors = await ratchet("compare", str(wire), "nowhere.db", folder=tmp_path)
    assert (code, out, errors.count("\n")) == (2, "", 1)
    assert "nowhere.db is not there" in errors
