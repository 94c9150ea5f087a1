"""Answers to operators: facts, a table, notes; and the same as plain data. Each face draws them in its own way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headings. `numeric`: which columns are right-aligned, by their place."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an operator gets."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()  # name and value, in the order in which they matter
    table: Table | None = None
    notes: tuple[str, ...] = ()  # whole sentences
    data: Mapping[str, Json] = field(default_factory=dict)  # the same for machines: money is text, times are ms
    picture: bytes | None = None  # a PNG
