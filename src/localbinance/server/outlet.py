"""The outlet of a disturbed connection: frames go out late, several times or behind others, as faults say."""

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush

from localbinance.server.faults import Deliveries
from localbinance.server.held_frames import HeldFrames

LATE_MAX = 20_000  # frames that wait for their time; what is more is sent at once


class Outlet:
    """Delays are real time. Of two frames with the same delay the first stays the first."""

    def __init__(self, send: Callable[[bytes], None], on_late: Callable[[], None]) -> None:
        self._send = send
        self._on_late = on_late  # told when frames went out at a time of their own
        self._held: HeldFrames[bytes] = HeldFrames()
        self._late: list[tuple[float, int, bytes, int]] = []  # (due, number, frame, behind), a heap
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    def take(self, frame: bytes, deliveries: Deliveries) -> None:
        """Send a frame so often and when the deliveries say."""
        for delivery in deliveries:
            if delivery.delay_ms and len(self._late) < LATE_MAX:
                due_s = asyncio.get_running_loop().time() + delivery.delay_ms / 1_000
                heappush(self._late, (due_s, self._number, frame, delivery.behind))
                self._number += 1
                self._set_timer()
            else:
                self._pass(frame, delivery.behind)

    def close(self) -> None:
        """What is still to come never comes."""
        self._late.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _pass(self, frame: bytes, behind: int) -> None:
        for each in self._held.pass_on(frame, behind):
            self._send(each)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(self._late[0][0], self._on_time) if self._late else None

    def _on_time(self) -> None:
        now_s = asyncio.get_running_loop().time()
        while self._late and self._late[0][0] <= now_s:
            _, _, frame, behind = heappop(self._late)
            self._pass(frame, behind)
        self._on_late()
        self._set_timer()
