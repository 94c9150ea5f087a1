"""The world: one virtual time for an exchange, a network and a process that may die, and the event loop in it.

Nothing waits for real: when the process has nothing to do, the world goes on to the next thing that happens. The same
seed gives the same run, event by event.
"""

import asyncio
import contextlib
import gc
import heapq
import selectors
import sys
import warnings
from collections.abc import Callable, Coroutine, Mapping
from itertools import count
from typing import Any

Action = Callable[[], None]


class Standstill(Exception):
    """The process waits for something that will never happen."""


class World:
    """What will happen, in order of time. Times are virtual ms since the world's beginning."""

    def __init__(self) -> None:
        self.now_ms = 0.0
        self._events: list[tuple[float, int, Action]] = []
        self._order = count()
        self._is_woken = False

    def at(self, at_ms: float, action: Action) -> None:
        """Have something happen; at once if the time has passed."""
        heapq.heappush(self._events, (max(at_ms, self.now_ms), next(self._order), action))

    def after(self, delay_ms: float, action: Action) -> None:
        """Have something happen later."""
        self.at(self.now_ms + delay_ms, action)

    def wake(self) -> None:
        """The process has got something to do."""
        self._is_woken = True

    def go_on(self, until_ms: float | None) -> None:
        """Let things happen up to a time (None: for ever), or until the process is woken.

        Raises: Standstill when nothing is left to happen.
        """
        while not self._is_woken:
            if not self._events or (until_ms is not None and self._events[0][0] > until_ms):
                if until_ms is None:
                    raise Standstill
                self.now_ms = max(self.now_ms, until_ms)
                break
            self.now_ms, _, action = heapq.heappop(self._events)
            action()
        self._is_woken = False

    def sleep(self, until_ms: float) -> None:
        """Let things happen up to a time without the process: it is dead, or stopped."""
        while self._events and self._events[0][0] <= until_ms:
            self.now_ms, _, action = heapq.heappop(self._events)
            action()
        self.now_ms = max(self.now_ms, until_ms)
        self._is_woken = False


class ProcessLoop(asyncio.SelectorEventLoop):
    """The event loop of a process in the world. `on_turn` is called before each turn; what it raises is its death."""

    def __init__(self, world: World, on_turn: Callable[[], None]) -> None:
        self._world = world
        super().__init__(_WorldSelector(world, on_turn))

    def time(self) -> float:
        """Seconds of the world."""
        return self._world.now_ms / 1_000

    def bury(self) -> None:
        """Throw the memory of a dead process away: nothing of it runs any more, and its last words are not heard."""
        self.set_exception_handler(lambda _loop, _context: None)
        heard, sys.unraisablehook = sys.unraisablehook, lambda _: None
        try:
            with warnings.catch_warnings(action="ignore"):
                for task in asyncio.all_tasks(self):
                    _forget(task)
                self.close()
                gc.collect()
        finally:
            sys.unraisablehook = heard


def _forget(task: "asyncio.Task[Any]") -> None:
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant to be lost
    coroutine = task.get_coro()
    if isinstance(coroutine, Coroutine):
        # It would wait for this or that on its way out, which ends in errors of every kind: the dead do not wait.
        with contextlib.suppress(BaseException):
            coroutine.close()


class _WorldSelector(selectors.BaseSelector):
    """Where the loop would wait for sockets, the world goes on."""

    def __init__(self, world: World, on_turn: Callable[[], None]) -> None:
        self._world = world
        self._on_turn = on_turn
        self._keys: dict[int, selectors.SelectorKey] = {}

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            until_ms = None if timeout is None else self._world.now_ms + timeout * 1_000
            self._world.go_on(until_ms)
        self._on_turn()
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = selectors.SelectorKey(fileobj, number, events, data)
        self._keys[number] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys
