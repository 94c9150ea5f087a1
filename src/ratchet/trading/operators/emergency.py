"""The emergency: a panic that no resume has followed. In memory at once, and on the disk beside the ledger."""

import asyncio
import json
import os
from pathlib import Path
from typing import Protocol

from sqlalchemy import make_url

from ratchet.ledger.operator_events import Deed, OperatorEvent

SUFFIX = ".EMERGENCY"
NOBODY = "whoever left the flag"


class Flag(Protocol):
    """What outlives a process, whatever becomes of the ledger."""

    def stands(self) -> bool:
        """Whether it is there: asked before every entry, so it takes no time."""

    def read(self) -> OperatorEvent | None:
        """The panic that it was left by; None where it does not stand."""

    async def leave(self, panic: OperatorEvent) -> None:
        """Have it stand, on the disk when this returns. Raises: OSError."""

    async def take_away(self) -> None:
        """Have it stand no more. Raises: OSError."""


class FlagFile:
    """A file. That it is there is all that counts: on a full disk it may be empty."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def stands(self) -> bool:
        """See `Flag`."""
        return self._path.exists()

    def read(self) -> OperatorEvent | None:
        """See `Flag`."""
        try:
            text = self._path.read_text(errors="replace")
        except FileNotFoundError:
            return None
        except OSError:
            text = ""
        try:
            said = json.loads(text)
            return OperatorEvent(at_ms=int(said["at_ms"]), who=str(said["who"]), what=Deed.PANIC)
        except (ValueError, KeyError, TypeError):
            return OperatorEvent(at_ms=0, who=NOBODY, what=Deed.PANIC)

    async def leave(self, panic: OperatorEvent) -> None:
        """See `Flag`."""
        await asyncio.to_thread(self._write, json.dumps({"at_ms": panic.at_ms, "who": panic.who}).encode())

    async def take_away(self) -> None:
        """See `Flag`."""
        await asyncio.to_thread(self._remove)

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            os.write(file, content)
            os.fsync(file)
        finally:
            os.close(file)
        self._settle_folder()

    def _remove(self) -> None:
        self._path.unlink(missing_ok=True)
        self._settle_folder()

    def _settle_folder(self) -> None:
        """The entry in the folder, too, is to survive the power."""
        if os.name == "nt":
            return  # folders cannot be opened there
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class NoFlag:
    """Where there is no place for one: the ledger alone remembers."""

    def stands(self) -> bool:
        """See `Flag`."""
        return False

    def read(self) -> OperatorEvent | None:
        """See `Flag`."""
        return None

    async def leave(self, panic: OperatorEvent) -> None:
        """See `Flag`."""
        raise OSError(f"there is no place for a flag of {panic.who}")

    async def take_away(self) -> None:
        """See `Flag`."""


def flag_beside(ledger_url: str) -> Flag:
    """The flag of a ledger: a file beside its own, where it has one. Args: ledger_url, as `Ledger.open` takes it."""
    database = make_url(ledger_url).database
    is_file = ledger_url.startswith("sqlite") and database and database != ":memory:"
    if not is_file or database is None:
        return NoFlag()
    ledger = Path(database).resolve()
    return FlagFile(ledger.with_name(ledger.name + SUFFIX))


class Emergency:
    """What this process knows of it."""

    def __init__(self, flag: Flag) -> None:
        self.flag = flag
        self.panic: OperatorEvent | None = None  # the first of those that no resume has followed

    @property
    def stands(self) -> bool:
        """Whether there is one."""
        return self.panic is not None

    def bars_entries(self) -> bool:
        """Whether an entry must not go out, by what this process knows or another one has left behind."""
        return self.stands or self.flag.stands()
