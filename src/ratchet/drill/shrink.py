"""Shrinking: the fewest troubles of a seed under which it still fails.

Source: Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input (2002), the algorithm ddmin.
"""

from collections.abc import Callable, Sequence

RUNS_MAX = 100


def shrink(numbers: Sequence[int], still_fails: Callable[[Sequence[int]], bool]) -> tuple[int, ...]:
    """A part of the numbers of which nothing can be left out, or what has come of it after 100 tries.

    Args: numbers, under which it fails; still_fails, tries a part of them.
    """
    left, parts, runs = list(numbers), 2, 0
    while len(left) >= 1 and runs < RUNS_MAX:
        size = -(-len(left) // parts)
        pieces = [left[start : start + size] for start in range(0, len(left), size)]
        for number, _ in enumerate(pieces):
            rest = [each for other, piece in enumerate(pieces) if other != number for each in piece]
            runs += 1
            if still_fails(rest):
                left, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(left):
                break
            parts = min(2 * parts, len(left))
    return tuple(left)
