"""The entry: one setting as somebody wrote it, with the place where it stands."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias

from ratchet.config.bad_settings import BadSettings

Path: TypeAlias = tuple[str, ...]  # ("risk", "leverage")
Tree: TypeAlias = dict[str, Any]  # as JSON and TOML give it


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Entry:
    """One setting as written. Has no repr, for its value may be a secret."""

    value: object
    where: str  # ".env line 3"
    key: str  # as it is written there: "RATCHET_RISK__LEVERAGE" or "risk.leverage"


Entries: TypeAlias = dict[Path, Entry]


def entries_of(tree: Mapping[str, Any], where: str, known: Collection[Path]) -> Entries:
    """Flatten a tree of tables into entries.

    Args: tree, as read; where, its name for messages; known, the paths of the settings that may stand there.
    Raises: BadSettings for a key that is none of them, or a section that is no table.
    """
    found: Entries = {}
    _collect(tree, (), where, known, found)
    return found


def _collect(tree: Mapping[str, Any], above: Path, where: str, known: Collection[Path], found: Entries) -> None:
    for name, value in tree.items():
        path = (*above, str(name))
        key = dotted(path)
        if path in known:
            found[path] = Entry(value=value, where=where, key=key)
        elif not any(one[: len(path)] == path for one in known):
            raise BadSettings(where, f"{key!r} is not a setting here{suggestion(key, (dotted(one) for one in known))}")
        elif isinstance(value, Mapping):
            _collect(value, path, where, known, found)
        else:
            raise BadSettings(where, f"{key} is one value, a table of settings is wanted")


def tree_of(entries: Entries) -> Tree:
    """The entries as nested tables, for validation."""
    tree: Tree = {}
    for path, entry in entries.items():
        table = tree
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = entry.value
    return tree


def dotted(path: Path) -> str:
    """How a file would name it: `risk.leverage`."""
    return ".".join(path)


def suggestion(key: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown key: the known key that is nearest to it, or nothing."""
    near = get_close_matches(key, list(known), n=1, cutoff=0.8)
    return f"; is {near[0]} meant?" if near else ""
