"""The budget file: the counts of one exchange, shared by all processes of one user on this machine."""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import structlog
from pydantic import TypeAdapter, ValidationError

from ratchet.exchange.budget import Counts
from ratchet.exchange.file_lock import try_lock, unlock

SIZE_MAX = 65_536  # bytes; what is longer was not written by us, and is no JSON when cut off
FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)

_COUNTS = TypeAdapter(Counts)
_T = TypeVar("_T")

log = structlog.get_logger(__name__)


class Busy(Exception):
    """Another process has the file just now."""


class BudgetFile:
    """Read and written under a lock that is held for microseconds. Without a file that can be used, the counts are
    those of this process alone: requests do not fail for want of it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._seen = Counts()
        self._said: set[str] = set()

    @property
    def seen(self) -> Counts:
        """The counts as this process last saw or wrote them."""
        return self._seen

    def exists(self) -> bool:
        """Whether anything was ever noted."""
        return os.access(self._path, os.F_OK)

    def close(self) -> None:
        """Let the file go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def update(self, change: Callable[[Counts], tuple[Counts, _T]]) -> _T:
        """Change the counts and return what came of it. `change` may be called twice.

        Raises: Busy, at once.
        """
        try:
            with self.locked() as descriptor:
                before = self._read(descriptor)
                self._seen, answer = change(before)
                if self._seen is not before:
                    _write(descriptor, self._seen)
        except OSError as error:
            self._say_once("budget_not_shared", error=str(error))
            self._seen, answer = change(self._seen)
        return answer

    def imagine(self, change: Callable[[Counts], tuple[Counts, _T]]) -> _T:
        """The same on what this process knows, while others have the file."""
        self._seen, answer = change(self._seen)
        return answer

    @contextmanager
    def locked(self) -> Iterator[int]:
        """The file, open, and nobody else's. Raises: Busy; OSError when there can be none."""
        descriptor = self._opened()
        if not try_lock(descriptor):
            raise Busy
        try:
            yield descriptor
        finally:
            unlock(descriptor)

    def _opened(self) -> int:
        # A file that was swept away is still open here, and nobody else's any more.
        if self._descriptor is not None and not os.fstat(self._descriptor).st_nlink:
            self.close()
        if self._descriptor is None:
            _make_own(self._path.parent)
            self._descriptor = os.open(self._path, FLAGS, 0o600)
        return self._descriptor

    def _read(self, descriptor: int) -> Counts:
        os.lseek(descriptor, 0, os.SEEK_SET)
        content = os.read(descriptor, SIZE_MAX)
        if not content:
            return Counts()
        try:
            return _COUNTS.validate_json(content)
        except ValidationError as error:
            self._say_once("budget_file_begun_anew", path=str(self._path), error=error.errors()[0]["msg"])
            os.ftruncate(descriptor, 0)
            return Counts()

    def _say_once(self, event: str, **details: str) -> None:
        if event not in self._said:
            self._said.add(event)
            log.warning(event, **details)


def _write(descriptor: int, counts: Counts) -> None:
    # Filled up with blanks to what was there: one write, so that whoever is killed leaves no half of a file.
    content = _COUNTS.dump_json(counts).ljust(os.fstat(descriptor).st_size)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, content)


def _make_own(folder: Path) -> None:
    """Raises: OSError when others could write there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not hasattr(os, "getuid"):
        return
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"{folder} is not a folder of this user alone; choose another: exchange.budget_folder")
