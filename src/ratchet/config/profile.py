"""The profile: a whole set of trading settings under one name."""

import tomllib
from collections.abc import Collection
from decimal import Decimal
from importlib import resources

from ratchet.config.bad_settings import BadSettings
from ratchet.config.entry import Entries, Entry, Path, entries_of

DEFAULT = "balanced"
SECTIONS = frozenset({"universe", "strategies", "risk", "bracket"})

_SHIPPED = resources.files("ratchet.config") / "profiles"
_SUFFIX = ".toml"


def profile_names() -> list[str]:
    """The profiles there are, sorted."""
    return sorted(file.name.removesuffix(_SUFFIX) for file in _SHIPPED.iterdir() if file.name.endswith(_SUFFIX))


def read_profile(chosen: Entry | None, known: Collection[Path]) -> Entries:
    """The settings of the chosen profile, or of the default one.

    Raises: BadSettings if there is no profile of that name.
    """
    name = DEFAULT if chosen is None else chosen.value
    names = profile_names()
    if chosen is not None and name not in names:
        raise BadSettings(chosen.where, f"{chosen.key} is {name!r}, one of {', '.join(names)} is wanted")
    text = (_SHIPPED / f"{name}{_SUFFIX}").read_text(encoding="utf-8")
    here = {path for path in known if path[0] in SECTIONS}
    return entries_of(tomllib.loads(text, parse_float=Decimal), f"profile {name}", here)
