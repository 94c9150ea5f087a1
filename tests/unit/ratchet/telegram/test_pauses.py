"""Pauses grow, and begin anew when it worked."""

from ratchet.telegram.pauses import Pauses


def test_they_grow_up_to_the_longest_and_are_never_quite_the_same() -> None:
    pauses = Pauses(1.0, 5.0)
    for longest in (1.0, 2.0, 4.0, 5.0, 5.0):
        assert longest / 2 <= pauses.next_s() <= longest
    pauses.reset()
    assert pauses.next_s() <= 1.0
    assert len({Pauses(1.0, 5.0).next_s() for _ in range(10)}) > 1
