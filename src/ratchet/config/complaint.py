"""The complaint: what pydantic found wrong, said in one line of the project's own words."""

import json
import re
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from pydantic import ValidationError

from ratchet.config.bad_settings import BadSettings
from ratchet.config.entry import Entries, Entry, Path
from ratchet.config.environment import variable_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

VALUE_LENGTH_SHOWN = 60
SECRET_LENGTH_MIN = 8  # shorter ones would blot out half of the words

_WANTED = {  # by pydantic's error type, with its context
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
    "string_too_short": "a text",
    "string_type": "a text",
    "decimal_parsing": "a number",
    "decimal_type": "a number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of sane size",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "path_type": "a path",
    "enum": "{expected}",
}
_NUMBERS_BOUNDED = frozenset({"greater_than", "greater_than_equal", "less_than", "less_than_equal"})
_KEY_LIKE = re.compile(
    r"-----BEGIN.*|[A-Za-z0-9]{40,}"
)  # pasted into the wrong place; a part of it is too much as well
_URL_USER = re.compile(r"//[^/@]*@")


def complaint(error: ValidationError, entries: Entries, secret: Collection[Path]) -> BadSettings:
    """Say the first thing that is wrong, and how many more there are.

    Args: error, of the whole settings; entries, what was read, with its places; secret, paths never to be shown.
    """
    details = error.errors(include_url=False)
    first, location = details[0], _location(details[0])
    path = tuple(part for part in location if isinstance(part, str))
    entry = next((entries[path[:length]] for length in range(len(path), 0, -1) if path[:length] in entries), None)
    key = _key(location, entry, entries)
    match first["type"]:
        case "missing":
            problem = f"{key} is missing"
        case "extra_forbidden":
            problem = f"{key} is not a setting"
        case _ if path in secret:
            problem = f"{key} is {'not usable' if first['input'] else 'empty'}, {_wanted(first, path)}"
        case _:
            value = first["ctx"]["value"] if _is_conflict(first) else first["input"]
            problem = f"{key} is {_shown(value)}, {_wanted(first, path)}{_place_of_other(first, entries)}"
    for hidden in (str(entries[one].value) for one in secret if one in entries):
        if len(hidden) >= SECRET_LENGTH_MIN:
            problem = problem.replace(hidden, "***")
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return BadSettings(entry.where if entry else "environment or .env", problem + more)


def _is_conflict(detail: "ErrorDetails") -> bool:
    return detail["type"] == "conflict"


def _location(detail: "ErrorDetails") -> tuple[str | int, ...]:
    """Where it is: of a conflict the setting, not only its section."""
    return (*detail["loc"], *detail["ctx"]["key"].split(".")) if _is_conflict(detail) else detail["loc"]


def _key(location: tuple[str | int, ...], entry: Entry | None, entries: Entries) -> str:
    """The setting as it is written where it stands, with the place in its list: `risk.leverage`, `rungs[1]`."""
    path: list[str] = []
    rest = ""
    for part in location:
        if isinstance(part, int):
            rest += f"[{part}]"
        elif rest or (entry is not None and entries.get(tuple(path)) is entry):
            rest += f".{part}"
        else:
            path.append(part)
    return (entry.key if entry else variable_of(tuple(path))) + rest


def _shown(value: object) -> str:
    """A value on one line, not too long, and without the user of an address and what may be a key."""
    if isinstance(value, list | tuple):
        text = f"[{', '.join(_shown(one) for one in value)}]"
    elif isinstance(value, Decimal):
        text = str(value)
    else:
        text = json.dumps(value, default=str, ensure_ascii=False)
    text = _KEY_LIKE.sub("***", _URL_USER.sub("//***@", text))
    return text if len(text) <= VALUE_LENGTH_SHOWN else f"{text[:VALUE_LENGTH_SHOWN]}…"


def _wanted(detail: "ErrorDetails", path: Path) -> str:
    """What would be right: `a fraction below 1 is wanted: 5 % is 0.05`."""
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind not in _WANTED:  # the project's own words, or a rare one of pydantic's
        return detail["msg"]
    wanted = _WANTED[kind].format(**detail.get("ctx", {}))
    if kind in _NUMBERS_BOUNDED and "fraction" in path[-1]:
        return f"a fraction {wanted} is wanted{_as_fraction(detail['input'])}"
    return f"{wanted} is wanted"


def _as_fraction(value: object) -> str:
    """The hint for a per cent that was written as such."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return ""
    if not 1 <= number <= 100:
        return ""
    return f": {number:f} % is {number / 100:f}"


def _place_of_other(detail: "ErrorDetails", entries: Entries) -> str:
    """Where the other one of two settings in conflict stands."""
    if not _is_conflict(detail):
        return ""
    other = (*detail["loc"], *detail["ctx"]["other"].split("."))
    return f" ({entries[other].key} stands in {entries[other].where})" if other in entries else ""
