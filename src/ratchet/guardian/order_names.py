"""The names of the guardian's orders: `rg-<4 letters>-<number>`, the letters drawn anew by every process."""

import secrets
from string import ascii_lowercase

from ratchet.domain.identity import GUARDIANS, ClientOrderId

LETTERS = 4


class OrderNames:
    """Gives out names. The trader knows the prefix: it counts such stops as cover and books their fills."""

    def __init__(self, letters: str | None = None) -> None:
        """`letters`: of this process, drawn unless given."""
        self._stem = GUARDIANS + (letters or "".join(secrets.choice(ascii_lowercase) for _ in range(LETTERS)))
        self._given = 0

    def next(self) -> ClientOrderId:
        """A name that no order had before."""
        self._given += 1
        return ClientOrderId(f"{self._stem}-{self._given}")
