"""The database behind the ledger: opened, set up for durability, brought to the newest schema."""

from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError
from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ratchet.ledger.errors import LedgerError

BUSY_TIMEOUT_MS = 5_000


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
    is_sqlite = address.get_backend_name() == "sqlite"
    if is_sqlite and address.database and address.database != ":memory:":
        _make_folder(Path(address.database))
    engine = create_async_engine(address)
    if is_sqlite:
        event.listen(engine.sync_engine, "connect", _set_up_sqlite)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
    except (DBAPIError, CommandError, ResolutionError) as error:
        await engine.dispose()
        raise LedgerError(f"{address.database or url}: {_reason(error)}") from None
    return engine


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
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(connection: Connection) -> None:
    config = migrations()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def newest_version() -> str | None:
    """The newest schema version that this program knows."""
    return ScriptDirectory.from_config(migrations()).get_current_head()


def _reason(error: Exception) -> str:
    text = str(getattr(error, "orig", None) or error).splitlines()[0]
    if "locked" in text:
        return "another process is writing to it; end that one first"
    if "not a database" in text:
        return "it is not a ledger; name another file"
    if "unable to open" in text:
        return "it cannot be opened; name a file in a folder that can be written"
    if "locate revision" in text:
        return "it was written by a newer version of this program; use that one"
    return text
