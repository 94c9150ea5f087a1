"""Changes of the settings in force: another profile, another value of one of them."""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from decimal import Decimal
from typing import Any

from ratchet.config.bad_settings import BadSettings
from ratchet.config.entry import Path, Tree, dotted
from ratchet.config.live import Change, changeable_paths, leaves
from ratchet.config.profile import profile_names
from ratchet.config.runtime import SECTIONS
from ratchet.config.runtime_schema import runtime_schema
from ratchet.config.settings import Settings, setting_paths
from ratchet.control.answer import Answer, Json, Table
from ratchet.control.desk import Asker, Refused, Role
from ratchet.control.live_settings import SettingsKeeper, shown
from ratchet.control.request import Commands, Request
from ratchet.control.words import Words, near
from ratchet.control.words import shown as quoted

RISKY = frozenset({"risk", "bracket", "rebound"})  # sections of which no value changes unasked
DOINGS = ("show", "set", "unset", "reset", "schema")


class SettingsChanges:
    """profile, config."""

    def __init__(self, settings: SettingsKeeper, of_what: str = "positions") -> None:
        """Args: of_what, what is decided by them: new ones are decided by what is changed."""
        self._settings = settings
        self._of_what = of_what

    def commands(self) -> Commands:
        """By name."""
        return {"profile": self._profile, "config": self._config}

    # Understanding ------------------------------------------------------------------------------------------------

    async def _profile(self, words: Words) -> Request:
        if not words.has_more():
            return Request(self._tell_profiles)
        name = words.one_of("NAME", profile_names())
        words.end()

        def edit(tree: Tree) -> Tree:
            return tree | {"profile": name}

        before, after = self._settings.now, await self._would_be(edit)
        question = ""
        if _is_riskier(after, before):
            question = f"Use profile {name}, which risks more than {before.profile}, for new {self._of_what}?"
        return Request(lambda asker: self._change(asker, edit, f"Profile {name}"), Role.OPERATOR, question)

    async def _config(self, words: Words) -> Request:
        match words.one_of("what to do", DOINGS) if words.has_more() else "show":
            case "set":
                return await self._set(words)
            case "unset":
                return await self._unset(words)
            case "reset":
                words.end()
                return Request(self._reset, Role.OPERATOR, "Forget every setting that was changed while it ran?")
            case "schema":
                words.end()
                return Request(_tell_schema)
            case _:
                section = words.one_of("SECTION", sorted(SECTIONS)) if words.has_more() else None
                words.end()
                return Request(lambda _asker: self._show(section))

    async def _set(self, words: Words) -> Request:
        path = _path(words)
        value = _value(words.rest("VALUE"))

        def edit(tree: Tree) -> Tree:
            return _with(tree, path, value)

        after = await self._would_be(edit)
        return Request(
            lambda asker: self._change(asker, edit, f"Set {dotted(path)}"),
            Role.OPERATOR,
            self._question(path, after),
        )

    async def _unset(self, words: Words) -> Request:
        path = _path(words)
        words.end()

        def edit(tree: Tree) -> Tree:
            return _without(tree, path)

        after = await self._would_be(edit)
        return Request(
            lambda asker: self._change(asker, edit, f"Unset {dotted(path)}"),
            Role.OPERATOR,
            self._question(path, after),
        )

    def _question(self, path: Path, after: Settings) -> str:
        if path[0] not in RISKY | {"profile"}:
            return ""
        before = leaves(self._settings.now)
        differing = [
            f"{name} from {shown(before[name])} to {shown(value)}"
            for name, value in leaves(after).items()
            if before[name] != value
        ]
        return f"Change {', '.join(differing[:6])}, for new {self._of_what}?" if differing else ""

    async def _would_be(self, edit: Callable[[Tree], Tree]) -> Settings:
        try:
            return await self._settings.preview(edit)
        except BadSettings as error:
            raise Refused(f"config: nothing is changed: {error}") from None

    # Doing --------------------------------------------------------------------------------------------------------

    async def _change(self, asker: Asker, edit: Callable[[Tree], Tree], title: str) -> Answer:
        try:
            return self._changed(title, await self._settings.change(asker.name, edit))
        except BadSettings as error:
            raise Refused(f"config: nothing is changed: {error}") from None

    async def _reset(self, asker: Asker) -> Answer:
        try:
            return self._changed("Settings as at the start", await self._settings.reset(asker.name))
        except BadSettings as error:
            raise Refused(f"config: nothing is changed: {error}") from None

    # Telling ------------------------------------------------------------------------------------------------------

    def _changed(self, title: str, change: Change) -> Answer:
        rows = tuple((name, shown(change.before[name]), shown(value)) for name, value in change.after.items())
        return Answer(
            title=title,
            table=Table(headings=("setting", "before", "now"), rows=rows, numeric=frozenset({1, 2})) if rows else None,
            notes=(f"In force from now on, for new {self._of_what}." if rows else "It was so already.",),
            data={"before": _json(change.before), "after": _json(change.after)},
        )

    async def _tell_profiles(self, _asker: Asker) -> Answer:
        now = self._settings.now.profile
        names = profile_names()
        return Answer(
            title="Profiles",
            facts=tuple((name, "in force" if name == now else f"profile {name} takes it") for name in names),
            data={"profile": now, "profiles": names},
        )

    async def _show(self, section: str | None) -> Answer:
        values = {
            name: value
            for name, value in leaves(self._settings.now).items()
            if section is None or name.partition(".")[0] == section
        }
        notes = [f"The runtime file is not taken: {self._settings.complaint}."] if self._settings.complaint else []
        return Answer(
            title="Settings in force" if section is None else f"Settings in force: {section}",
            table=Table(
                headings=("setting", "value", "meaning"),
                rows=tuple((name, shown(value), DESCRIPTIONS.get(name, "")) for name, value in values.items()),
                numeric=frozenset({1}),
            ),
            notes=(*notes, f"What is changed while it runs stands in {self._settings.file}."),
            data={"settings": values},
        )


def _is_riskier(after: Settings, before: Settings) -> bool:
    """Whether a position may lose or weigh more, or more of them may be open."""
    return any(
        getattr(after.risk, name) > getattr(before.risk, name)
        for name in ("risk_per_trade_fraction", "leverage", "open_positions_max", "day_loss_fraction_max")
    )


async def _tell_schema(_asker: Asker) -> Answer:
    return Answer(title="Schema of the runtime file", data=runtime_schema())


def _json(values: Mapping[str, Any]) -> dict[str, Json]:
    return dict(values)


def _path(words: Words) -> Path:
    """The next word as the name of a setting that may change while it runs. Raises: Refused."""
    word = words.text("KEY")
    path = tuple(word.lower().split("."))
    changeable = changeable_paths()
    if path in changeable:
        return path
    if path in setting_paths(Settings):
        raise Refused(f"config: {dotted(path)} does not change while it runs: set it in .env, and start it anew")
    raise Refused(f"config: {quoted(word)} is not a setting{near(word, [dotted(each) for each in changeable])}")


def _value(text: str) -> object:
    """As JSON where it is that, as the text itself where it is not: `0.02`, `[1, 2]`, `balanced`, `BTCUSDC,ETHUSDC`."""
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=lambda name: name)
    except (ValueError, RecursionError):
        return text


def _with(tree: Tree, path: Path, value: object) -> Tree:
    changed = deepcopy(tree)
    table = changed
    for name in path[:-1]:
        table = table.setdefault(name, {})
    table[path[-1]] = value
    return changed


def _without(tree: Tree, path: Path) -> Tree:
    """Tables that are left empty go with it."""
    changed = deepcopy(tree)
    table = changed.get(path[0]) if len(path) > 1 else changed
    if isinstance(table, dict):
        table.pop(path[-1], None)
        if not table and len(path) > 1:
            del changed[path[0]]
    return changed


def _descriptions() -> dict[str, str]:
    described = {}
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        fields = getattr(kind, "model_fields", None)
        if fields is None:
            described[section] = field.description or ""
        else:
            described |= {f"{section}.{name}": each.description or "" for name, each in fields.items()}
    return described


DESCRIPTIONS = _descriptions()
