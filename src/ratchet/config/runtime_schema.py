"""The JSON schema of the runtime file, for editors and for whoever writes it with a program."""

from typing import Any

from ratchet.config.profile import profile_names
from ratchet.config.runtime import SECTIONS
from ratchet.config.settings import Settings

TITLE = "Ratchet's runtime settings"
DESCRIPTION = (
    "What is said here goes over profile, .env and environment. It is watched while a trader or the spot companion"
    " runs: taken whole, or not at all. What is left out is as they say."
)


_BOUNDS = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
}  # as pydantic left them


def runtime_schema() -> dict[str, Any]:
    """As plain data. What two settings want of each other is beyond a schema; the trader checks it."""
    whole = Settings.model_json_schema()
    properties = {name: _said(whole["properties"][name]) for name in sorted(SECTIONS)}
    properties["profile"] |= {"enum": profile_names()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "description": DESCRIPTION,
        "type": "object",
        "additionalProperties": False,
        "properties": properties,
        "$defs": {name: _said(part) for name, part in sorted(whole["$defs"].items()) if name in _used(whole)},
    }


def _used(whole: dict[str, Any]) -> set[str]:
    """The definitions that the runtime file's sections need."""
    found: set[str] = set()
    waiting = [whole["properties"][name] for name in SECTIONS]
    while waiting:
        for name in _references(waiting.pop()) - found:
            found.add(name)
            waiting.append(whole["$defs"][name])
    return found


def _references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"].removeprefix("#/$defs/")} if "$ref" in part else set()
        return own.union(*map(_references, part.values()))
    return set().union(*map(_references, part)) if isinstance(part, list) else set()


def _said(part: Any) -> Any:
    """Without defaults and generated titles: what is left out is as the profile says."""
    if isinstance(part, list):
        return [_said(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        _BOUNDS.get(name, name): {key: _said(value) for key, value in each.items()}
        if name == "properties"
        else _said(each)
        for name, each in part.items()
        if name not in ("default", "title")
    }
