"""Frames held back: each passes exactly once, behind as many as it was told to."""

from hypothesis import given
from hypothesis import strategies as st

from localbinance.server.held_frames import HELD_MAX, HeldFrames


def passed(behinds: list[int]) -> tuple[list[int], HeldFrames[int]]:
    held: HeldFrames[int] = HeldFrames()
    return [each for number, behind in enumerate(behinds) for each in held.pass_on(number, behind)], held


def test_a_frame_goes_once_so_many_further_ones_have() -> None:
    assert passed([2, 0, 0, 0])[0] == [1, 2, 0, 3]
    assert passed([1, 1, 0, 0])[0] == [2, 0, 1, 3]
    assert passed([3, 0, 0])[0] == [1, 2]


@given(behinds=st.lists(st.integers(0, 5), max_size=60))
def test_none_is_lost_and_none_comes_early(behinds: list[int]) -> None:
    going, held = passed(behinds)
    assert len(going) == len(set(going)) == len(behinds) - len(held)
    for place, number in enumerate(going):
        after = [each for each in going[:place] if each > number or behinds[each]]
        assert len(after) >= behinds[number] or not behinds[number]
    unharmed = [number for number in going if not behinds[number]]
    assert unharmed == [number for number, behind in enumerate(behinds) if not behind]


def test_only_so_many_are_held() -> None:
    going, held = passed([1_000_000] * (HELD_MAX + 3))
    assert going == [0, 1, 2]
    assert len(held) == HELD_MAX
