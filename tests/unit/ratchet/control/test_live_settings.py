"""The runtime file is watched: what it says is in force at once, or is complained about once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ratchet.config.bad_settings import BadSettings
from ratchet.config.entry import Tree
from ratchet.config.live import Change, LiveSettings
from ratchet.config.settings import Settings, load_settings
from ratchet.control import live_settings
from ratchet.control.live_settings import SettingsKeeper
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from tests.end_to_end.guarded import eventually
from tests.unit.ratchet.control.clock import StandingClock

KEYS = {"RATCHET_EXCHANGE__API_KEY": "public-key-abcdefgh", "RATCHET_EXCHANGE__API_SECRET": "private-secret-ijklmnop"}


@dataclass
class Kept:
    """A keeper with all that it tells."""

    keeper: SettingsKeeper
    ledger: Ledger
    notices: list[Notice]
    changes: list[Change]
    file: Path = field(default_factory=lambda: Path("runtime.json"))

    def write(self, content: object) -> None:
        self.file.write_text(content if isinstance(content, str) else json.dumps(content))

    async def events(self) -> list[tuple[str, object, object]]:
        found = await self.ledger.operator_events(0, deeds=[Deed.SETTINGS])
        return [(each.who, each.before, each.after) for each in found]

    @property
    def leverage(self) -> int:
        return self.keeper.now.risk.leverage


@asynccontextmanager
async def a_keeper(runtime: str | None = None) -> AsyncIterator[Kept]:
    if runtime is not None:
        Path("runtime.json").write_text(runtime)
    board, notices = Noticeboard(), list[Notice]()
    changes = list[Change]()
    board.listen(notices.append)
    ledger = await Ledger.open("sqlite+aiosqlite:///:memory:")
    try:
        live = LiveSettings(load_settings(environ=KEYS), environ=KEYS)
        keeper = SettingsKeeper(live, ledger, board, StandingClock(), check=_no_fours, on_change=changes.append)
        yield Kept(keeper, ledger, notices, changes)
    finally:
        await ledger.close()


def _no_fours(settings: Settings) -> None:
    if settings.risk.leverage == 4:
        raise BadSettings("runtime.json", "four is not liked here")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def leverage_of(value: int) -> Tree:
    return {"risk": {"leverage": value}}


async def test_a_file_that_is_written_by_hand_is_in_force_told_and_audited() -> None:
    async with a_keeper() as it:
        await it.keeper.look()
        it.write(leverage_of(2))
        await it.keeper.look()
        assert it.leverage == 2
        assert await it.events() == [("runtime.json", {"risk.leverage": 5}, {"risk.leverage": 2})]
        [notice] = it.notices
        assert (notice.kind, notice.weight) == (Kind.SETTINGS, Weight.INFO)
        assert notice.text == "runtime.json changed settings: risk.leverage 5 → 2"
        assert [change.after for change in it.changes] == [{"risk.leverage": 2}]
        await it.keeper.look()
        assert len(it.notices) == 1


@pytest.mark.parametrize(
    "content",
    ['{"risk": {"leverage"', '{"risk": {"leverage": 500}}', '{"exchange": {"api_key": "x"}}', "", "[]", '{"riks": {}}'],
)
async def test_what_cannot_be_in_force_is_complained_about_once_and_the_last_good_settings_stay(content: str) -> None:
    async with a_keeper() as it:
        it.write(leverage_of(2))
        await it.keeper.look()
        before, it.notices[:] = it.keeper.now, []
        it.write(content)
        for _ in range(3):
            await it.keeper.look()
        assert it.keeper.now is before
        [notice] = it.notices
        assert (notice.kind, notice.weight) == (Kind.SETTINGS, Weight.WARNING)
        assert notice.text == f"the settings in force stay: {it.keeper.complaint}"
        assert len(await it.events()) == 1

        it.write(leverage_of(3))
        await it.keeper.look()
        assert (it.leverage, it.keeper.complaint) == (3, "")
        it.write(content)
        await it.keeper.look()
        assert len(it.notices) == 3


async def test_what_is_no_file_is_complained_about_once_as_well() -> None:
    async with a_keeper() as it:
        it.file.mkdir()
        for _ in range(3):
            await it.keeper.look()
        [notice] = it.notices
        assert notice.text.startswith("the settings in force stay: runtime.json: ")
        it.file.rmdir()
        it.write(leverage_of(3))
        await it.keeper.look()
        assert it.leverage == 3


async def test_what_only_its_users_can_tell_is_asked_before_anything_is_in_force() -> None:
    async with a_keeper() as it:
        it.write(leverage_of(4))
        await it.keeper.look()
        assert (it.leverage, it.keeper.complaint) == (5, "runtime.json: four is not liked here")


async def test_a_file_that_is_gone_gives_back_what_the_others_say_unless_another_comes_at_once() -> None:
    async with a_keeper(json.dumps(leverage_of(2))) as it:
        await it.keeper.look()
        it.file.unlink()
        await it.keeper.look()
        it.write(leverage_of(2))
        await it.keeper.look()
        assert it.changes == []
        it.file.unlink()
        await it.keeper.look()
        await it.keeper.look()
        assert it.leverage == 5
        assert [change.after for change in it.changes] == [{"risk.leverage": 5}]


async def test_a_file_that_was_changed_between_start_and_first_look_is_taken() -> None:
    async with a_keeper(json.dumps(leverage_of(2))) as it:
        it.file.unlink()
        await it.keeper.look()
        assert it.leverage == 5


async def test_a_change_by_an_operator_is_in_the_file_in_force_and_audited_with_who_it_was() -> None:
    async with a_keeper('{"bracket": {"hold_minutes_max": 7}}') as it:
        change = await it.keeper.change("telegram 4711", lambda tree: tree | leverage_of(3))
        assert change.after == {"risk.leverage": 3}
        assert it.leverage == 3
        assert json.loads(it.file.read_text()) == {"bracket": {"hold_minutes_max": 7}} | leverage_of(3)
        await it.keeper.look()
        assert await it.events() == [("telegram 4711", {"risk.leverage": 5}, {"risk.leverage": 3})]
        assert len(it.changes) == 1
        assert load_settings(environ=KEYS) == it.keeper.now


async def test_a_change_that_cannot_be_in_force_is_not_written() -> None:
    async with a_keeper(json.dumps(leverage_of(2))) as it:
        with pytest.raises(BadSettings, match="leverage is 500"):
            await it.keeper.change("cli", lambda tree: tree | leverage_of(500))
        assert json.loads(it.file.read_text()) == leverage_of(2)
        assert (it.leverage, it.changes) == (2, [])


async def test_what_a_hand_has_broken_is_not_written_over_but_by_a_reset() -> None:
    async with a_keeper() as it:
        it.write('{"risk": ')
        with pytest.raises(BadSettings, match="not JSON"):
            await it.keeper.change("cli", lambda tree: tree | leverage_of(3))
        assert it.file.read_text() == '{"risk": '
        await it.keeper.reset("cli")
        assert json.loads(it.file.read_text()) == {}


async def test_a_file_that_cannot_be_written_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: Path, text: str) -> bytes:
        raise BadSettings(str(file), "cannot be written: No space left on device")

    async with a_keeper() as it:
        monkeypatch.setattr(live_settings, "write_content", full)
        with pytest.raises(BadSettings, match="No space left"):
            await it.keeper.change("cli", lambda tree: tree | leverage_of(3))
        assert (it.leverage, await it.events()) == (5, [])


async def test_it_is_watched_while_it_runs_whatever_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_settings, "LOOK_S", 0.001)
    async with a_keeper() as it:
        failing = True

        def read(file: Path) -> bytes | None:
            if failing:
                raise RuntimeError("a disk of its own mind")
            return file.read_bytes()

        monkeypatch.setattr(live_settings, "read_content", read)
        it.write(leverage_of(2))
        watching = asyncio.create_task(it.keeper.run())
        await asyncio.sleep(0)
        failing = False
        await eventually(lambda: bool(it.changes))
        watching.cancel()
        assert it.leverage == 2
