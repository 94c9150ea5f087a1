"""The writer: many small writes in few commits. Whoever waits for his, waits for the disk."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from ratchet.ledger.errors import LedgerError

BATCH_MAX = 200
WAITING_MAX = 10_000

Result = TypeVar("Result")
Work = Callable[[AsyncSession], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    work: Work
    done: asyncio.Future[Any]


class Writer:
    """One task that writes. Work that waits when a commit ends goes into the next one together.

    Each piece of work is done wholly or not at all, whatever becomes of its neighbours.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._waiting: asyncio.Queue[_Waiting | None] = asyncio.Queue(maxsize=WAITING_MAX)
        self._task = asyncio.create_task(self._run(), name="ledger writer")
        self._closed = False

    async def write(self, work: Callable[[AsyncSession], Awaitable[Result]]) -> Result:
        """Have work done; returns, with its result, once it is on the disk.

        A caller that is cancelled meanwhile leaves its work to be done. Raises: what the work raises; LedgerError when
        the ledger is closed.
        """
        if self._closed:
            raise LedgerError("the ledger is closed")
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        await self._waiting.put(_Waiting(work, done))
        return await done

    async def close(self) -> None:
        """Write what waits, then end."""
        self._closed = True
        await self._waiting.put(None)
        await self._task

    async def _run(self) -> None:
        ended = False
        while not ended:
            batch = [await self._waiting.get()]
            while len(batch) < BATCH_MAX and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            ended = None in batch
            await self._commit([each for each in batch if each is not None])

    async def _commit(self, batch: list[_Waiting]) -> None:
        """All in one transaction; where one fails, each in its own, so that it fails alone."""
        try:
            async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
                results = [await each.work(session) for each in batch]
        except Exception as error:  # noqa: BLE001 - it is handed to the caller, who waits for it
            if len(batch) == 1:
                _tell(batch[0], error)
                return
            for each in batch:
                await self._commit([each])
            return
        for each, result in zip(batch, results, strict=True):
            if not each.done.done():
                each.done.set_result(result)


def _tell(waiting: _Waiting, error: Exception) -> None:
    if not waiting.done.done():
        waiting.done.set_exception(error)
