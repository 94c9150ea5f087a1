"""The world: one virtual time for an exchange, a network and a process that may die, and the event loop in it.

Nothing waits for real: when the process has nothing to do, the world goes on to the next thing that happens. The same
seed gives the same run, event by event.
"""

import asyncio
import contextlib
import gc
import heapq
import sys
import warnings
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from itertools import count
from typing import Any, TypeVarTuple

WAIT_MAX_S = 86_400.0  # of one turn
RESOLUTION_S = 1e-9  # what is due so soon is due now

Action = Callable[[], None]
Arguments = TypeVarTuple("Arguments")


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


class _Call(asyncio.TimerHandle):
    """A call that is to come, with as little around it as can be."""

    __slots__ = ("arguments", "at_s", "callback", "context", "is_cancelled")

    def __init__(self, callback: Callable[..., object], arguments: tuple[Any, ...], context: Context, at_s: float):
        self.callback = callback
        self.arguments = arguments
        self.context = context
        self.at_s = at_s
        self.is_cancelled = False

    def cancel(self) -> None:
        """It does not come."""
        self.is_cancelled = True
        self.callback, self.arguments = _nothing, ()  # what they hold is let go of at once

    def cancelled(self) -> bool:
        """See `asyncio`."""
        return self.is_cancelled

    def when(self) -> float:
        """See `asyncio`."""
        return self.at_s


class _At(float):
    """When a call is to come, in seconds of the world: numbers are compared quickest."""

    __slots__ = ("call",)
    call: _Call


def _nothing() -> None:
    """What is left of a call that was cancelled."""


class ProcessLoop(asyncio.BaseEventLoop):
    """The event loop of a process in the world. `on_turn` is called before each turn; what it raises is its death.

    Turns are those of any event loop of asyncio. Without sockets and threads little is left of them to do, and a
    simulated day has half a million.
    """

    def __init__(self, world: World, on_turn: Callable[[], None]) -> None:
        super().__init__()
        self._world = world
        self._on_turn = on_turn
        self._due: deque[_Call] = deque()
        self._later: list[_At] = []  # a heap, in asyncio's own order also of what is due at the same time

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        """See `asyncio`."""
        call = _Call(callback, args, context or copy_context(), 0.0)
        self._due.append(call)
        return call

    def call_soon_threadsafe(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        """There is one thread."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See `asyncio`."""
        return self.call_at(self._world.now_ms / 1_000 + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See `asyncio`."""
        at = _At(when)
        at.call = _Call(callback, args, context or copy_context(), when)
        heapq.heappush(self._later, at)
        return at.call

    def _run_once(self) -> None:
        """Wait for something to do and take one turn, as the base class has them run."""
        world = self._world
        if not self._due:
            due_s = self._next_due_s()
            if due_s is None:
                world.go_on(None)
            elif (wait_s := min(due_s - world.now_ms / 1_000, WAIT_MAX_S)) > 0:
                world.go_on(world.now_ms + wait_s * 1_000)
        self._turn()

    def _next_due_s(self) -> float | None:
        """When the first of what is to come later is due, s of the world; None without any."""
        later = self._later
        while later and later[0].call.is_cancelled:
            heapq.heappop(later)
        return later[0] if later else None

    def _turn(self) -> None:
        """Call whatever is due now."""
        world, due, later = self._world, self._due, self._later
        self._on_turn()
        now_s = world.now_ms / 1_000 + RESOLUTION_S
        while later and later[0] < now_s:
            due.append(heapq.heappop(later).call)
        for _ in range(len(due)):  # what these calls add is of the next turn
            call = due.popleft()
            if not call.is_cancelled:
                try:
                    call.context.run(call.callback, *call.arguments)
                except Exception as error:  # noqa: BLE001 - as every loop does
                    self.call_exception_handler({"message": f"in {call.callback!r}", "exception": error})

    def close(self) -> None:
        """Nothing is called any more."""
        self._due.clear()
        self._later.clear()
        super().close()

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
