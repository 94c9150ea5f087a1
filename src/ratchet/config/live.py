"""The settings in force while it runs: those of the start, and over them what the runtime file says now."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from ratchet.config.bad_settings import BadSettings
from ratchet.config.complaint import complaint
from ratchet.config.entry import Entries, Path, Tree, dotted, entries_of, tree_of
from ratchet.config.environment import read_env_file, read_environment
from ratchet.config.profile import read_profile
from ratchet.config.runtime import SECTIONS, parse_runtime, runtime_entries, write_tree
from ratchet.config.runtime_file import decode
from ratchet.config.settings import Settings, setting_paths


@dataclass(frozen=True, slots=True)
class Change:
    """The settings that differ, by their names in a file: `risk.leverage`. Values are as JSON has them."""

    before: Mapping[str, Any]
    after: Mapping[str, Any]

    def __bool__(self) -> bool:
        return bool(self.after)


class LiveSettings:
    """Whoever decides asks for `now` at that moment, and keeps no section of it."""

    def __init__(
        self,
        start: Settings,
        *,
        runtime_file: FilePath | str = "runtime.json",
        env_file: FilePath | str = ".env",
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        """Args: start, in force until the file says otherwise; the rest is as `load_settings` had it.

        Raises: BadSettings when environment or `.env` cannot be read any more.
        """
        self._known = setting_paths(Settings)
        spoken = read_env_file(FilePath(env_file), self._known)
        spoken |= read_environment(os.environ if environ is None else environ, self._known)
        self._spoken = _changeable(spoken)
        self._overrides = _changeable(entries_of(overrides or {}, "command line", self._known))
        # What cannot change while it runs is taken over as it is: no file reaches it.
        self._fixed = {name: getattr(start, name) for name in Settings.model_fields if name not in SECTIONS}
        self._secrets = start.secrets()
        self._now = start
        self.file = FilePath(runtime_file)

    @property
    def now(self) -> Settings:
        """All of them, valid as a whole."""
        return self._now

    def put(self, settings: Settings) -> Change:
        """Have these in force from now on. Args: settings, as `weigh` gave them."""
        change = difference(self._now, settings)
        self._now = settings
        return change

    def tree(self, content: bytes | None) -> Tree:
        """The tables in a content of the runtime file. None: there is no file. Raises: BadSettings."""
        if content is None:
            return {}
        text = decode(content, self.file)
        if not text.strip():
            # An editor may have emptied it to write it anew: nothing is undone by that.
            raise BadSettings(str(self.file), "it is empty: {} is wanted where nothing is set, or no file")
        tree = parse_runtime(text, self.file)
        try:
            write_tree(tree).encode()
        except UnicodeEncodeError:
            raise BadSettings(
                str(self.file), "half of a surrogate pair is in it, whole characters are wanted"
            ) from None
        return tree

    def weigh(self, content: bytes | None) -> Settings:
        """What would be in force with this in the runtime file. Changes nothing.

        Args: content, of the file, whatever is in it; None: there is no file.
        Raises: BadSettings, one line on the first thing that is wrong, without secrets.
        """
        try:
            return self._valid(runtime_entries(self.tree(content), self.file, self._known))
        except BadSettings as error:
            found = error
        raise self._masked(found)

    def _valid(self, runtime: Entries) -> Settings:
        spoken = self._spoken | runtime | self._overrides
        entries = read_profile(spoken.get(("profile",)), self._known) | spoken
        try:
            return Settings.model_validate(self._fixed | tree_of(entries))
        except ValidationError as error:
            found = error
        raise complaint(found, entries, ())

    def _masked(self, error: BadSettings) -> BadSettings:
        """A key that was pasted into the wrong place is not shown."""
        line = str(error).removeprefix(f"{error.where}: ")
        for secret in self._secrets:
            line = line.replace(secret, "***")
        return BadSettings(error.where, line)


def changeable_paths() -> frozenset[Path]:
    """The settings that may change while it runs."""
    return frozenset(path for path in setting_paths(Settings) if path[0] in SECTIONS)


def difference(before: Settings, after: Settings) -> Change:
    """The settings that are not alike, of those that may change while it runs."""
    old, new = leaves(before), leaves(after)
    differing = [name for name in new if old[name] != new[name]]
    return Change({name: old[name] for name in differing}, {name: new[name] for name in differing})


def leaves(settings: Settings) -> dict[str, Any]:
    """Every setting that may change while it runs, by its name in a file: `risk.leverage`."""
    tree = settings.model_dump(mode="json", include=set(SECTIONS))
    return {dotted(path): _at(tree, path) for path in sorted(changeable_paths())}


def _at(tree: Tree, path: Path) -> Any:
    value: Any = tree
    for name in path:
        value = value[name]
    return value


def _changeable(entries: Entries) -> Entries:
    return {path: entry for path, entry in entries.items() if path[0] in SECTIONS}
