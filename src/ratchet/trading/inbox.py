"""The inbox: a bounded queue whose items count as work in hand from the moment they are put until they are done."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Generic, TypeVar

from ratchet.domain.clock import Clock

Item = TypeVar("Item")


class Inbox(Generic[Item]):
    """What one task is to react to, in order. Holds the clock for every item that waits or is being worked on."""

    def __init__(self, clock: Clock, *, size_max: int) -> None:
        self._clock = clock
        self._queue: asyncio.Queue[tuple[Item, ExitStack]] = asyncio.Queue(maxsize=size_max)

    def put(self, item: Item) -> bool:
        """Add an item without waiting. False when full: the caller must see to it that the truth is asked for."""
        hold = ExitStack()
        hold.enter_context(self._clock.working())
        try:
            self._queue.put_nowait((item, hold))
        except asyncio.QueueFull:
            hold.close()
            return False
        return True

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Item]:
        """The next item, once there is one; it is done when the context ends."""
        item, hold = await self._queue.get()
        with hold:
            yield item

    @asynccontextmanager
    async def take_all(self) -> AsyncIterator[list[Item]]:
        """Everything that waits, once there is something."""
        taken = [await self._queue.get()]
        while not self._queue.empty():
            taken.append(self._queue.get_nowait())
        with ExitStack() as holds:
            for _, hold in taken:
                holds.enter_context(hold)
            yield [item for item, _ in taken]

    def discard_all(self) -> None:
        """Let go of everything that waits, at the end of the reader's life."""
        while not self._queue.empty():
            _, hold = self._queue.get_nowait()
            hold.close()
