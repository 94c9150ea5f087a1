"""Pauses that grow with every failure, each a little different, so that many do not come back at once."""

from random import uniform


class Pauses:
    """From `first_s` doubled up to `most_s`."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = first_s

    def next_s(self) -> float:
        """How long to wait this time: between half of the pause and all of it."""
        pause_s, self._next_s = self._next_s, min(self._next_s * 2, self._most_s)
        return uniform(pause_s / 2, pause_s)  # noqa: S311 - nothing secret

    def reset(self) -> None:
        """It worked: begin with the shortest again."""
        self._next_s = self._first_s
