from collections.abc import Iterator
from contextlib import contextmanager

from ratchet.trading.inbox import Inbox


class CountingClock:
    """A clock that only counts what is in hand."""

    def __init__(self) -> None:
        self.in_hand = 0

    def now_ms(self) -> int:
        return 0

    def elapsed_ms(self) -> float:
        return 0.0

    async def sleep_until(self, at_ms: int) -> None:
        raise NotImplementedError

    @contextmanager
    def working(self) -> Iterator[None]:
        self.in_hand += 1
        try:
            yield
        finally:
            self.in_hand -= 1


async def test_an_item_counts_as_work_from_when_it_is_put_until_it_is_done() -> None:
    clock = CountingClock()
    inbox: Inbox[str] = Inbox(clock, size_max=10)
    inbox.put("fill")
    assert clock.in_hand == 1
    async with inbox.take() as item:
        assert (item, clock.in_hand) == ("fill", 1)
    assert clock.in_hand == 0


async def test_a_full_inbox_says_so_and_holds_nothing_for_what_it_did_not_take() -> None:
    clock = CountingClock()
    inbox: Inbox[int] = Inbox(clock, size_max=1)
    assert inbox.put(1) is True
    assert inbox.put(2) is False
    assert clock.in_hand == 1


async def test_what_nobody_will_read_any_more_is_let_go() -> None:
    clock = CountingClock()
    inbox: Inbox[int] = Inbox(clock, size_max=5)
    for number in range(3):
        inbox.put(number)
    inbox.discard_all()
    assert clock.in_hand == 0
