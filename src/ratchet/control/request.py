"""A request: what an operator wants, understood, and not done yet."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ratchet.control.answer import Answer
from ratchet.control.desk import Asker, Role
from ratchet.control.words import Words


@dataclass(frozen=True, slots=True)
class Request:
    """One of them."""

    do: Callable[[Asker], Awaitable[Answer]]
    role: Role = Role.VIEWER  # the least that may have it done
    question: str = ""  # what must be confirmed first; empty: nothing


Understand: TypeAlias = Callable[[Words], Awaitable[Request]]  # raises Refused
Commands: TypeAlias = Mapping[str, Understand]  # by the command's name
