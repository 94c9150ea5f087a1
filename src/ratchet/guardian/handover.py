"""The handover: a trader's settings for the guardian it starts, as one line, so that both go by the same ones.

By a pipe rather than in arguments or environment, for those can be read by others and the keys are among them.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from ratchet.config.bad_settings import BadSettings
from ratchet.config.settings import Settings

SECTIONS = ("profile", "exchange", "risk", "bracket", "guard", "log_dir")


def written(settings: Settings) -> bytes:
    """What the guardian needs of the settings, with the keys."""
    tree = settings.model_dump(include=set(SECTIONS))
    return json.dumps(tree, default=_plain).encode() + b"\n"


def read(line: bytes) -> dict[str, Any]:
    """The overrides for `load_settings`. Raises: BadSettings if it is not such a line."""
    try:
        tree = json.loads(line)
    except ValueError:
        tree = None
    if not isinstance(tree, dict):
        raise BadSettings("standard input", "the settings of a trader are wanted: alone it needs no --child")
    return _without_nothing(tree)


def _plain(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _without_nothing(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nothing(value) if isinstance(value, dict) else value
        for name, value in tree.items()
        if value is not None
    }
