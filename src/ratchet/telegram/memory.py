"""What buttons stand for. They carry a short name; what it means is kept here, for a while and not for ever."""

from collections import OrderedDict
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Generic, TypeVar

Kept = TypeVar("Kept")

KEPT_MAX = 100
NAME_BYTES = 9  # random: nobody guesses one; twelve letters


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A confirmation that is wanted."""

    chat: int
    words: tuple[str, ...]
    text: str
    token: str  # the desk's
    until_ms: float  # elapsed


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """A long answer."""

    chat: int
    pages: tuple[str, ...]


class Memory(Generic[Kept]):
    """By name. When it is full, the oldest is forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def keep(self, one: Kept) -> str:
        """Returns its name."""
        name = token_urlsafe(NAME_BYTES)
        self._kept[name] = one
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return name

    def get(self, name: str) -> Kept | None:
        """None: forgotten."""
        return self._kept.get(name)

    def forget(self, name: str) -> None:
        """It is done with."""
        self._kept.pop(name, None)
