"""Long looks into the ledger: in a thread of their own, with a connection of their own. Trading goes on meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from ratchet.ledger.ledger import Ledger

Result = TypeVar("Result")


class Aside:
    """One look at a time; the others wait for their turn."""

    def __init__(self, ledger_url: str) -> None:
        self._url = ledger_url
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="operators")

    async def look(self, question: Callable[[Ledger], Awaitable[Result]]) -> Result:
        """What comes of a question to the ledger. Raises: LedgerError, and whatever the question raises."""
        work = partial(_answered, self._url, question)
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def close(self) -> None:
        """Nothing more is asked."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _answered(url: str, question: Callable[[Ledger], Awaitable[Result]]) -> Result:
    async def ask() -> Result:
        ledger = await Ledger.open(url)
        try:
            return await question(ledger)
        finally:
            await ledger.close()

    return asyncio.run(ask())
