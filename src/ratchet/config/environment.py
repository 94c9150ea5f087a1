"""The environment: settings from RATCHET_ variables, and from a `.env` file of them."""

import io
from collections.abc import Collection, Mapping
from pathlib import Path as FilePath

from dotenv.parser import Binding, parse_stream

from ratchet.config.bad_settings import BadSettings
from ratchet.config.entry import Entries, Entry, Path, suggestion
from ratchet.config.text_file import read_text

PREFIX = "RATCHET_"
BETWEEN_NAMES = "__"
NOT_SETTINGS = frozenset({"RATCHET_RECORDED_DATA"})  # where the tests find recorded market data


def variable_of(path: Path) -> str:
    """The variable that sets it: `RATCHET_RISK__LEVERAGE`."""
    return PREFIX + BETWEEN_NAMES.join(path).upper()


def read_environment(environ: Mapping[str, str], known: Collection[Path]) -> Entries:
    """The settings among the process's environment variables; case does not matter, as on Windows it cannot.

    Raises: BadSettings for a RATCHET_ variable that is no setting.
    """
    entries: Entries = {}
    for name, value in environ.items():
        if name.upper().startswith(PREFIX) and name.upper() not in NOT_SETTINGS:
            entries[_path(name, "environment", known)] = Entry(value=value, where="environment", key=name)
    return entries


def read_env_file(file: FilePath, known: Collection[Path]) -> Entries:
    """The settings in a `.env` file; none when there is no file. Variables of other programs in it are let be.

    Raises: BadSettings for a line that is not NAME=value, a RATCHET_ variable that is no setting, one that is set
        twice, or one that looks like a misspelt prefix. What a bad line says is never shown: it may be a key.
    """
    text = read_text(file)
    entries: Entries = {}
    for binding in parse_stream(io.StringIO(text or "")):
        # The parser counts the blank lines above a binding as its own.
        blank = binding.original.string[: -len(binding.original.string.lstrip()) or None]
        where = f"{file} line {binding.original.line + blank.count(chr(10))}"
        name = _name(binding, where)
        if name is None or name.upper() in NOT_SETTINGS:
            continue
        if not name.upper().startswith(PREFIX):
            _refuse_misspelt_prefix(name, where, known)
            continue
        path = _path(name, where, known)
        if path in entries:
            raise BadSettings(where, f"{name} is set a second time, the first is at {entries[path].where}")
        entries[path] = Entry(value=binding.value, where=where, key=name)
    return entries


def _name(binding: Binding, where: str) -> str | None:
    """The variable's name, None for a comment or an empty line."""
    if binding.error or (binding.key is not None and binding.value is None):
        raise BadSettings(where, "NAME=value is wanted, with quotes closed where there are any")
    return binding.key


def _path(name: str, where: str, known: Collection[Path]) -> Path:
    path = tuple(name[len(PREFIX) :].lower().split(BETWEEN_NAMES))
    if path not in known:
        raise BadSettings(where, f"{name} is not a setting{suggestion(name.upper(), map(variable_of, known))}")
    return path


def _refuse_misspelt_prefix(name: str, where: str, known: Collection[Path]) -> None:
    tail = name.upper().partition("_")[2]
    if tail and BETWEEN_NAMES in tail and tail in {variable_of(path)[len(PREFIX) :] for path in known}:
        raise BadSettings(where, f"{name} is not a setting; is {PREFIX}{tail} meant?")
