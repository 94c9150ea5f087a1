"""Shrinking keeps what makes a run fail, and little else."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from ratchet.drill.shrink import shrink


@given(st.integers(min_value=1, max_value=12), st.data())
def test_what_is_left_still_fails_and_nothing_of_it_can_go(count: int, data: st.DataObject) -> None:
    needed = set(data.draw(st.sets(st.integers(min_value=0, max_value=count - 1), max_size=3)))

    def fails(part: Sequence[int]) -> bool:
        return needed <= set(part)

    assert set(shrink(range(count), fails)) == needed


def test_a_failure_that_does_not_repeat_is_left_whole() -> None:
    assert shrink(range(4), lambda _part: False) == (0, 1, 2, 3)
