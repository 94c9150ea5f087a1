"""The keeper of the settings in force: it watches the runtime file and takes what an operator changes."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import structlog

from ratchet.config.bad_settings import BadSettings
from ratchet.config.entry import Tree
from ratchet.config.live import Change, LiveSettings
from ratchet.config.runtime import write_tree
from ratchet.config.runtime_file import read_content, write_content
from ratchet.config.settings import Settings
from ratchet.domain.clock import Clock
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed, OperatorEvent
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight

LOOK_S = 1.0  # real time: operators and files live in it
SHOWN_MAX = 6  # settings of a change that are named in its notice

Check: TypeAlias = Callable[[Settings], None]  # raises BadSettings: what only who uses them can know

log = structlog.get_logger(__name__)


class SettingsKeeper:
    """One look or change at a time. What cannot be in force changes nothing, and is complained about once."""

    def __init__(
        self,
        live: LiveSettings,
        ledger: Ledger,
        board: Noticeboard,
        clock: Clock,
        check: Check = lambda _settings: None,
        on_change: Callable[[Change], None] = lambda _change: None,
    ) -> None:
        """Args: check, asked before anything is put in force; on_change, told after it is."""
        self._live = live
        self._ledger = ledger
        self._board = board
        self._clock = clock
        self._check = check
        self._on_change = on_change
        self._one_at_a_time = asyncio.Lock()
        self._seen: bytes | str | None = None  # the content that was last judged, or why there was none
        self._is_gone = False  # at the last look; once may be an editor that moves a new one there
        self._is_first = True
        self.complaint = ""  # about the file as it is; empty while it holds what is in force

    @property
    def now(self) -> Settings:
        """The settings in force."""
        return self._live.now

    @property
    def file(self) -> Path:
        """Where they are watched."""
        return self._live.file

    async def run(self) -> None:
        """Watch the file until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:  # whatever a disk or a file can think of: trading goes on with what is in force
                log.exception("settings_not_looked_at")
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Take what the file says, if it is new and can be."""
        async with self._one_at_a_time:
            try:
                content = await asyncio.to_thread(read_content, self._live.file)
            except BadSettings as error:
                self._complain(str(error), error)
                return
            is_gone, self._is_gone = self._is_gone, content is None
            if content is None and not is_gone and not self._is_first:
                return
            if content == self._seen and not self._is_first:
                return
            self._is_first = False
            try:
                settings = await self._weigh(content)
            except BadSettings as error:
                self._complain(content, error)
                return
            self._seen, self.complaint = content, ""
            await self._put(settings, str(self._live.file.name))

    async def change(self, who: str, edit: Callable[[Tree], Tree]) -> Change:
        """Have the file's tables changed, written and in force, or nothing of it.

        Args: who, as it is written down; edit, the tables as they are into those wanted.
        Raises: BadSettings, also when what stands in the file cannot be read: it is not written over.
        """
        async with self._one_at_a_time:
            content = await asyncio.to_thread(read_content, self._live.file)
            text = write_tree(edit(self._live.tree(content)))
            return await self._write(who, text)

    async def reset(self, who: str) -> Change:
        """Have nothing in the file, whatever is in it now. Raises: BadSettings."""
        async with self._one_at_a_time:
            return await self._write(who, write_tree({}))

    async def preview(self, edit: Callable[[Tree], Tree]) -> Settings:
        """What a change would put in force. Raises: BadSettings."""
        content = await asyncio.to_thread(read_content, self._live.file)
        return await self._weigh(write_tree(edit(self._live.tree(content))).encode())

    async def _write(self, who: str, text: str) -> Change:
        settings = await self._weigh(text.encode())
        self._seen = await asyncio.to_thread(write_content, self._live.file, text)
        self._is_gone, self._is_first, self.complaint = False, False, ""
        return await self._put(settings, who)

    async def _weigh(self, content: bytes | None) -> Settings:
        settings = self._live.weigh(content)
        await asyncio.to_thread(self._check, settings)
        return settings

    async def _put(self, settings: Settings, who: str) -> Change:
        change = self._live.put(settings)
        if not change:
            return change
        words = _words(change)
        log.info("settings_changed", who=who, before=change.before, after=change.after)
        self._on_change(change)
        self._post(f"{who} changed settings: {words}", Weight.INFO)
        event = OperatorEvent(
            at_ms=self._clock.now_ms(),
            who=who,
            what=Deed.SETTINGS,
            detail=words,
            before=change.before,
            after=change.after,
        )
        try:
            await self._ledger.record_operator_event(event)
        except LedgerError as error:
            log.error("settings_change_not_recorded", who=who, detail=words, error=str(error))
        return change

    def _complain(self, seen: bytes | str | None, error: BadSettings) -> None:
        if seen == self._seen and not self._is_first:
            return
        self._seen, self._is_first, self.complaint = seen, False, str(error)
        text = f"the settings in force stay: {error}"
        log.warning("settings_refused", reason=str(error))
        self._post(text, Weight.WARNING)

    def _post(self, text: str, weight: Weight) -> None:
        self._board.post(Notice(kind=Kind.SETTINGS, at_ms=self._clock.now_ms(), text=text, weight=weight))


def _words(change: Change) -> str:
    """`risk.leverage 5 → 3, …`."""
    named = [f"{name} {shown(change.before[name])} → {shown(change.after[name])}" for name in change.after]
    more = f" and {len(named) - SHOWN_MAX} more" if len(named) > SHOWN_MAX else ""
    return ", ".join(named[:SHOWN_MAX]) + more


def shown(value: object) -> str:
    """A setting's value on one line."""
    return f"[{', '.join(map(shown, value))}]" if isinstance(value, list) else str(value)
