"""The database behind the ledger: opened, set up for durability, brought to the newest schema."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, event, inspect, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ratchet.ledger.errors import LedgerError

BUSY_TIMEOUT_MS = 5_000
VERSION_TABLE = "alembic_version"
NOT_A_LEDGER = "it is not a ledger; name another file"
WRITES = "ratchet_writes"  # the option of connections that are going to write


async def open_database(url: str) -> AsyncEngine:
    """Connect and migrate.

    Raises: LedgerError.
    """
    try:
        address = make_url(url)
    except ArgumentError:
        raise LedgerError(
            f"{url!r} is not the address of a database; one like sqlite+aiosqlite:///x.db is wanted"
        ) from None
    name = address.database or address.render_as_string()  # without its password
    is_sqlite = address.get_backend_name() == "sqlite"
    if is_sqlite and address.database and address.database != ":memory:":
        _make_folder(Path(address.database))
    engine = create_async_engine(address)
    if is_sqlite:
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    try:
        # One that is new enough is not written to: it can be opened while another process writes, or the disk is full.
        async with engine.connect() as connection:
            is_newest = await connection.run_sync(_is_newest)
        if not is_newest:
            async with for_writing(engine).begin() as connection:
                await connection.run_sync(_migrate)
    except (DBAPIError, CommandError, ResolutionError) as error:
        await engine.dispose()
        raise LedgerError(f"{name}: {reason(error)}") from None
    except LedgerError as error:
        await engine.dispose()
        raise LedgerError(f"{name}: {error}") from None
    return engine


def for_writing(engine: AsyncEngine) -> AsyncEngine:
    """The same database, for transactions that write: another process that writes is waited for at their beginning."""
    return engine.execution_options(**{WRITES: True})


def migrations() -> Config:
    """Alembic's configuration of the migrations that come with the package."""
    config = Config()
    config.set_main_option("script_location", str(files("ratchet.ledger") / "migrations"))
    return config


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(f"{path.parent} cannot be made: {error.strerror}") from None


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    """WAL and full synchronisation: what was committed survives the process and the power."""
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, nowhere else
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """Readers see one state throughout; a writer has the only right to write, or waits for it.

    Changes of tables are inside as well: by itself the driver would commit each on its own, and a kill in the middle
    of a migration would leave a ledger that is neither old nor new.
    """
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _is_newest(connection: Connection) -> bool:
    newest = ScriptDirectory.from_config(migrations()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision() == newest


def _migrate(connection: Connection) -> None:
    tables = inspect(connection).get_table_names()
    if tables and VERSION_TABLE not in tables:
        raise LedgerError(NOT_A_LEDGER)
    config = migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def reason(error: Exception) -> str:
    """What a database's error means, in one line."""
    text = str(getattr(error, "orig", None) or error).splitlines()[0]
    if "locked" in text:
        return "another process is writing to it; end that one first"
    if "not a database" in text:
        return NOT_A_LEDGER
    if "unable to open" in text:
        return "it cannot be opened; name a file in a folder that can be written"
    if "locate revision" in text:
        return "it was written by a newer version of this program; use that one"
    return text
