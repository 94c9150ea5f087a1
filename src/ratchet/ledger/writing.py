"""A transaction that is being written: by statements, which is quick, or as rows of a session, where that says more."""

from collections.abc import Callable, Sequence
from itertools import groupby
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session

from ratchet.ledger.tables import Base

Result = TypeVar("Result")


class Writing:
    """What pieces of work share. Its session is made for the first that asks for one: most do not."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._session: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        if self._session is not None:
            if kind is not None:
                self._session.rollback()  # its rows are new again: their work may be done once more
            self._session.close()

    def with_rows(self, work: Callable[[Session], Result]) -> Result:
        """Have rows looked at and changed; statements that follow find them so."""
        if self._session is None:
            self._session = Session(self.connection, expire_on_commit=False)
        result = work(self._session)
        self._session.flush()
        return result

    def add(self, rows: Sequence[Base]) -> None:
        """Write new rows, in this order: those of one table that follow each other in one statement."""
        for (kind, _), alike in groupby(rows, key=lambda row: (type(row), row.told().keys())):
            self.connection.execute(insert(kind), [row.told() for row in alike])
