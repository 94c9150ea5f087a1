"""Confirmations: a dangerous command is asked twice, the second time with a token that is good for nothing else."""

import secrets
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from ratchet.control.desk import Asker
from ratchet.domain.clock import Clock

GOOD_MS = 60_000
WAITING_MAX = 100  # the oldest goes first


@dataclass(frozen=True, slots=True)
class _Wanted:
    who: str
    words: tuple[str, ...]
    until_ms: float  # real time


class Confirmations:
    """The tokens that are out. A restart forgets them all."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wanted: OrderedDict[str, _Wanted] = OrderedDict()

    def ask(self, asker: Asker, words: Sequence[str]) -> str:
        """A token for these words of this asker, good once and for a minute."""
        token = secrets.token_urlsafe(12)
        self._wanted[token] = _Wanted(asker.name, tuple(words), self._clock.elapsed_ms() + GOOD_MS)
        while len(self._wanted) > WAITING_MAX:
            self._wanted.popitem(last=False)
        return token

    def is_good(self, token: str, asker: Asker, words: Sequence[str]) -> bool:
        """Whether it was given for exactly this, and not long ago. It is used up by that, also by a wrong use."""
        wanted = self._wanted.pop(token, None)
        if wanted is None or self._clock.elapsed_ms() > wanted.until_ms:
            return False
        return (wanted.who, wanted.words) == (asker.name, tuple(words))
