"""Opening a ledger: whose file it is, who else has it, and what a kill in the middle leaves."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from ratchet.ledger import database
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from tests.unit.ratchet.ledger.test_ledger import a_trade, url_of


async def opened_and_closed(path: Path) -> str:
    ledger = await Ledger.open(url_of(path))
    await ledger.close()
    return ledger.run


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


async def test_another_programs_database_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "contacts.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE contacts (name TEXT)")
    with pytest.raises(LedgerError, match=r"contacts\.db: it is not a ledger; name another file$"):
        await Ledger.open(url_of(path))
    assert tables(path) == {"contacts"}


async def test_a_newer_programs_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    await opened_and_closed(path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="written by a newer version of this program"):
        await Ledger.open(url_of(path))


async def test_a_ledger_that_another_process_writes_to_is_read_and_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    path = tmp_path / "ledger.db"
    run = await opened_and_closed(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger = await Ledger.open(url_of(path))
        assert ledger.run == run
        with pytest.raises(LedgerError, match="another process is writing to it"):
            await ledger.record_equity(1, Decimal(400), Decimal(400))
        await ledger.close()


async def test_two_that_open_a_new_ledger_at_once_share_it(tmp_path: Path) -> None:
    first, second = await asyncio.gather(*(opened_and_closed(tmp_path / "ledger.db") for _ in range(2)))
    assert first == second


KILLED_WHILE_MAKING_TABLES = """
import asyncio, os, signal, sys
from sqlalchemy import Engine, event
from ratchet.ledger.database import open_database

made = []

@event.listens_for(Engine, "after_cursor_execute")
def count(connection, cursor, statement, *rest):
    made.extend([statement] if "CREATE TABLE" in statement else [])
    if len(made) == 4:
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(open_database(sys.argv[1]))
"""


async def test_a_kill_while_the_tables_are_made_leaves_a_file_that_opens(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED_WHILE_MAKING_TABLES, url_of(path))
    async with asyncio.timeout(30):
        assert await process.wait() == -9
    ledger = await Ledger.open(url_of(path))
    trade = await a_trade(ledger)
    assert [row.id for row in await ledger.open_trades()] == [trade]
    await ledger.close()
