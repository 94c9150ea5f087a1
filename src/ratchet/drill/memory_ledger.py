"""A ledger on a database in memory that outlives the process that writes to it. Its disk may be full or locked."""

import errno
import sqlite3
from functools import cache
from itertools import count
from typing import Any

from sqlalchemy import Connection, ExecutableDDLElement, create_mock_engine, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from ratchet.ledger.database import WRITES
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import OperatorEvent
from ratchet.ledger.tables import Base

_NUMBERS = count()
_COMPILED: dict[object, object] = {}  # statements of the ledger, by what SQLAlchemy knows them by


class AtOnce(SQLiteDialect_pysqlite):
    """SQLite whose work is done at once, for asyncio all the same: a thread would have a time of its own.

    One is like another, so that statements which were compiled for one ledger are so for all.
    """

    driver = "at_once"
    is_async = True
    supports_statement_cache = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AtOnce)

    def __hash__(self) -> int:
        return hash(AtOnce)


registry.register(f"sqlite.{AtOnce.driver}", __name__, AtOnce.__name__)


class DiskFlag:
    """The flag of an emergency on a disk, which may be full or locked."""

    def __init__(self, disk: "Disk") -> None:
        self._disk = disk
        self.panic: OperatorEvent | None = None

    def stands(self) -> bool:
        """See `Flag`."""
        return self.panic is not None

    def read(self) -> OperatorEvent | None:
        """See `Flag`."""
        return self.panic

    async def leave(self, panic: OperatorEvent) -> None:
        """See `Flag`."""
        self._write(panic)

    async def take_away(self) -> None:
        """See `Flag`."""
        self._write(None)

    def _write(self, panic: OperatorEvent | None) -> None:
        if self._disk.trouble:
            raise OSError(errno.EIO, self._disk.trouble)
        self.panic = panic


class Disk:
    """One database. `trouble` is what it answers to whoever wants to write; empty while it is well."""

    def __init__(self) -> None:
        self.trouble = ""
        self.flag = DiskFlag(self)
        self._address = f"file:drill{next(_NUMBERS)}?mode=memory&cache=shared"
        self._own = self._connected()  # while it is open the database is there
        self._own.executescript(_tables())
        self._processes: sqlite3.Connection | None = None

    async def open_ledger(self) -> Ledger:
        """The ledger on it, as a new process finds it: what was not committed is gone."""
        self._hang_up()
        connection = self._processes = self._connected()
        engine = create_async_engine(
            f"sqlite+{AtOnce.driver}://",
            creator=lambda: connection,
            poolclass=StaticPool,
            execution_options={"compiled_cache": _COMPILED},
        )
        event.listen(engine.sync_engine, "begin", self._begin)
        return await Ledger.on(engine)

    def read(self, query: str) -> list[tuple[Any, ...]]:
        """What is written on it."""
        return self._own.execute(query).fetchall()

    def close(self) -> None:
        """Gone."""
        self._hang_up()
        self._own.close()

    def _connected(self) -> sqlite3.Connection:
        return sqlite3.connect(self._address, uri=True, check_same_thread=False, isolation_level=None)

    def _hang_up(self) -> None:
        """Whatever the dead process left open is taken back. Its connection is its own: what is left of it in memory
        may close it at any time."""
        if self._processes is not None:
            self._processes.close()

    def _begin(self, connection: Connection) -> None:
        if self.trouble and connection.get_execution_options().get(WRITES, False):
            raise OperationalError("BEGIN", None, sqlite3.OperationalError(self.trouble))
        if self._processes is not None:
            if self._processes.in_transaction:
                # Of one that has read all it wanted, and whose session is closed a turn later: there is one connection.
                self._processes.execute("ROLLBACK")
            self._processes.execute("BEGIN")


@cache
def _tables() -> str:
    """The statements that make every table of the ledger: found once, for there are many disks."""
    found: list[str] = []

    def take(statement: ExecutableDDLElement, *_: object, **__: object) -> None:
        found.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine("sqlite://", take)
    Base.metadata.create_all(engine, checkfirst=False)
    return ";".join(found)
