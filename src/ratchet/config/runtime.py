"""The runtime file: settings that an operator changed while it ran, as JSON."""

import json
from collections.abc import Collection
from decimal import Decimal
from pathlib import Path as FilePath

from ratchet.config.bad_settings import BadSettings
from ratchet.config.entry import Entries, Path, Tree, entries_of
from ratchet.config.text_file import read_text

# Addresses, keys, files: not from here.
SECTIONS = frozenset({"profile", "universe", "strategies", "risk", "bracket", "rebound"})


def read_runtime(file: FilePath, known: Collection[Path]) -> Entries:
    """The settings in a runtime file; none when there is no file or it is empty.

    Raises: BadSettings if it is not a JSON object, names a key twice or one that may not stand there.
    """
    text = read_text(file)
    return runtime_entries(parse_runtime(text or "", file), file, known)


def parse_runtime(text: str, file: FilePath) -> Tree:
    """The tables in the text of a runtime file; none in an empty one. Raises: BadSettings."""
    return _parse(text, file) if text.strip() else {}


def runtime_entries(tree: Tree, file: FilePath, known: Collection[Path]) -> Entries:
    """The settings in the tables of a runtime file. Raises: BadSettings for a key that may not stand there."""
    here = {path for path in known if path[0] in SECTIONS}
    for section in tree:
        if section not in SECTIONS and any(path[0] == section for path in known):
            raise BadSettings(str(file), f"{section} is not taken from here, set it in .env or the environment")
    return entries_of(tree, str(file), here)


def write_tree(tree: Tree) -> str:
    """A runtime file's text. Reading it gives the same tables: a number that JSON readers would round is a text."""
    return json.dumps(tree, indent=2, ensure_ascii=False, default=_number) + "\n"


def _number(value: object) -> object:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} does not go into a runtime file")
    nearest = float(value)
    return nearest if Decimal(repr(nearest)) == value else str(value)


def _parse(text: str, file: FilePath) -> Tree:
    def no_number(name: str) -> object:
        raise BadSettings(str(file), f"{name} is not a number, a finite number is wanted")

    def no_twins(pairs: list[tuple[str, object]]) -> Tree:
        tree: Tree = {}
        for key, value in pairs:
            if key in tree:
                raise BadSettings(str(file), f"{key!r} is set twice in one table")
            tree[key] = value
        return tree

    try:
        tree = json.loads(text, parse_float=Decimal, parse_constant=no_number, object_pairs_hook=no_twins)
    except json.JSONDecodeError as error:
        raise BadSettings(
            f"{file} line {error.lineno}", f"not JSON at column {error.colno}: {error.msg.lower()}"
        ) from None
    except (RecursionError, ValueError):  # tables in tables without end, a number of thousands of digits
        raise BadSettings(str(file), "not JSON that settings can be read from") from None
    if not isinstance(tree, dict):
        raise BadSettings(str(file), 'a JSON object is wanted: {"risk": {"leverage": 3}}')
    return tree
