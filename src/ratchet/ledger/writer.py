"""The writer: many small writes in few commits. Whoever waits for his, waits for the disk."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from ratchet.ledger.database import for_writing, reason
from ratchet.ledger.errors import LedgerError, LedgerUnavailable
from ratchet.ledger.writing import Writing

BATCH_MAX = 200
WAITING_MAX = 10_000
CLOSED = "the ledger is closed"

Result = TypeVar("Result")
Work = Callable[[Writing], Any]


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work
    done: asyncio.Future[Any]


class Writer:
    """One task that writes. Work that waits when a commit ends goes into the next one together.

    Each piece of work is done wholly or not at all, whatever becomes of its neighbours.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = for_writing(engine)
        self._waiting: asyncio.Queue[_Waiting | None] = asyncio.Queue(maxsize=WAITING_MAX)
        self._task = asyncio.create_task(self._run(), name="ledger writer")
        self._closed = False

    async def write(self, work: Callable[[Writing], Result]) -> Result:
        """Have work done; returns, with its result, once it is on the disk.

        A caller that is cancelled meanwhile leaves its work to be done. Raises: LedgerUnavailable when the database
        cannot be written, LedgerError when the ledger is closed or has a reason against the work.
        """
        if self._closed:
            raise LedgerError(CLOSED)
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        await self._waiting.put(_Waiting(work, done))
        if self._task.done():  # it ended while the queue was full
            raise LedgerError(CLOSED)
        return await done

    async def close(self) -> None:
        """Write what waits, then end."""
        if not self._closed:
            self._closed = True
            await self._waiting.put(None)
        await asyncio.wait({self._task})  # being cancelled here does not cancel what is being written

    async def _run(self) -> None:
        try:
            await self._write_all()
        finally:  # nobody waits for a writer that is no more
            self._closed = True
            while not self._waiting.empty():
                if left := self._waiting.get_nowait():
                    _tell(left, LedgerError(CLOSED))

    async def _write_all(self) -> None:
        ended = False
        while not ended:
            batch = [await self._waiting.get()]
            while len(batch) < BATCH_MAX and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            ended = None in batch
            await self._commit([each for each in batch if each is not None])

    async def _commit(self, batch: list[_Waiting]) -> None:
        """All in one transaction; where one fails, each in its own, so that it fails alone.

        What is the matter with the database itself (locked, full, gone) is so for all of them: none is tried again.
        """
        try:
            async with self._engine.connect() as connection:
                results = await connection.run_sync(_in_one, batch)
        except OperationalError as error:
            for each in batch:
                _tell(each, LedgerUnavailable(f"the ledger cannot be written: {reason(error)}"))
            return
        except asyncio.CancelledError:
            for each in batch:
                _tell(each, LedgerError(CLOSED))
            raise
        except Exception as error:  # noqa: BLE001 - it is handed to the caller, who waits for it
            if len(batch) == 1:
                _tell(batch[0], _in_one_line(error))
                return
            for each in batch:
                await self._commit([each])
            return
        for each, result in zip(batch, results, strict=True):
            if not each.done.done():
                each.done.set_result(result)


def _in_one(connection: Connection, batch: Sequence[_Waiting]) -> list[Any]:
    with connection.begin(), Writing(connection) as writing:
        return [each.work(writing) for each in batch]


def _tell(waiting: _Waiting, error: Exception) -> None:
    if not waiting.done.done():
        waiting.done.set_exception(error)


def _in_one_line(error: Exception) -> Exception:
    if isinstance(error, IntegrityError):
        return LedgerError(f"the ledger has it already, or lacks what it belongs to: {error.orig}")
    return error
