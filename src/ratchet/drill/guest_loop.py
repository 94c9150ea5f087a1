"""The guest loop: the event loop of a second process in a world.

The main process has its turns by running; a guest is given its turns by the world, whatever the main process does
meanwhile: it lives on while that one is dead, stopped or busy.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import TypeVarTuple

from ratchet.drill.world import RESOLUTION_S, ProcessLoop, World

Arguments = TypeVarTuple("Arguments")


class GuestLoop(ProcessLoop):
    """`on_turn` is called before each turn, and may bury the loop. It must not fail."""

    def __init__(self, world: World, on_turn: Callable[[], None]) -> None:
        super().__init__(world, on_turn)
        self._next_ms: float | None = None  # when the world calls next

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        """See `asyncio`."""
        handle = super().call_soon(callback, *args, context=context)
        self._ask_for_turns(self._world.now_ms)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See `asyncio`."""
        handle = super().call_at(when, callback, *args, context=context)
        self._ask_for_turns(when * 1_000)
        return handle

    def bury(self) -> None:
        """See `ProcessLoop`: also from within the world, while the main process lives."""
        with self._as_running():
            super().bury()

    def _ask_for_turns(self, at_ms: float) -> None:
        if self._next_ms is None or at_ms < self._next_ms:
            self._next_ms = at_ms
            self._world.at(at_ms, lambda: self._take_turns(at_ms))

    def _take_turns(self, at_ms: float) -> None:
        """As many as there is something to do in now."""
        if self.is_closed() or at_ms != self._next_ms:
            return  # another call has come before
        with self._as_running():
            while self._is_due():
                self._turn()
        self._next_ms = None
        if not self.is_closed() and (due_s := self._next_due_s()) is not None:
            self._ask_for_turns(due_s * 1_000)

    def _is_due(self) -> bool:
        if self._due:
            return True
        due_s = self._next_due_s()
        return due_s is not None and due_s < self._world.now_ms / 1_000 + RESOLUTION_S

    def _as_running(self) -> "_Running":
        return _Running(self)


class _Running:
    """While it lasts this loop is the running one, in place of the main process's, if that is running."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._other: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> None:
        self._other = asyncio._get_running_loop()
        asyncio._set_running_loop(self._loop)

    def __exit__(self, *_: object) -> None:
        asyncio._set_running_loop(self._other)
