"""The backlog: notices that wait to be told in one chat. Bounded: what matters least goes first."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from ratchet.observe.notices import Notice, Weight

WEIGHTIEST_FIRST = (Weight.ALARM, Weight.WARNING, Weight.INFO)


class Backlog:
    """When it is full, the oldest of the least weight is dropped, and counted."""

    def __init__(self, notices_max: int) -> None:
        self._by_weight: dict[Weight, deque[tuple[int, Notice]]] = {weight: deque() for weight in WEIGHTIEST_FIRST}
        self._notices_max = notices_max
        self._dropped = 0
        self._later, self._earlier = count(), count(-1, -1)  # places in the order

    def __len__(self) -> int:
        return sum(len(notices) for notices in self._by_weight.values())

    @property
    def has_alarm(self) -> bool:
        """Whether one waits."""
        return bool(self._by_weight[Weight.ALARM])

    @property
    def dropped(self) -> int:
        """How many were, and nobody said so yet."""
        return self._dropped

    def put(self, notice: Notice) -> None:
        """Add the newest."""
        self._by_weight[notice.weight].append((next(self._later), notice))
        self._make_room()

    def put_back(self, notices: Sequence[Notice]) -> None:
        """What was taken and not told: it comes before all that came since."""
        for notice in reversed(notices):
            self._by_weight[notice.weight].appendleft((next(self._earlier), notice))
        self._make_room()

    def dropped_is_said(self, count_said: int) -> None:
        """So many were spoken of."""
        self._dropped -= count_said

    def take(self, room: int, size_of: Callable[[Notice], int]) -> tuple[Notice, ...]:
        """Take as many as there is room for, the weightiest first if not for all. Returns them oldest first.

        Args: room, in whatever `size_of` measures; one is taken even if it is larger.
        """
        taken: list[tuple[int, Notice]] = []
        for notices in self._weightiest_first():
            room -= size_of(notices[0][1])
            if room < 0 and taken:
                break
            taken.append(notices.popleft())
        return tuple(notice for _, notice in sorted(taken, key=lambda placed: placed[0]))

    def _weightiest_first(self) -> Iterator[deque[tuple[int, Notice]]]:
        for weight in WEIGHTIEST_FIRST:
            while self._by_weight[weight]:
                yield self._by_weight[weight]

    def _make_room(self) -> None:
        while len(self) > self._notices_max:
            next(self._by_weight[weight] for weight in reversed(WEIGHTIEST_FIRST) if self._by_weight[weight]).popleft()
            self._dropped += 1
