"""The runtime file on the disk: read whole, and written so that nobody ever reads half of it."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from ratchet.config.bad_settings import BadSettings

BYTES_MAX = 1_000_000


def read_content(file: Path) -> bytes | None:
    """What is in it; None if there is no such file. Never waits, not for a pipe either.

    Raises: BadSettings if it is no file, is too large or cannot be read.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with open(descriptor, "rb") as stream:  # noqa: PTH123 - of a descriptor
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise BadSettings(str(file), "not a file, a text file in UTF-8 is wanted")
            content = stream.read(BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadSettings(str(file), f"cannot be read: {error.strerror or type(error).__name__}") from None
    if len(content) > BYTES_MAX:
        raise BadSettings(str(file), f"more than {BYTES_MAX} bytes, settings are wanted")
    return content


def decode(content: bytes, file: Path) -> str:
    """Its text, with or without a byte order mark. Raises: BadSettings."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadSettings(str(file), f"byte {error.start} is not UTF-8, a text file in UTF-8 is wanted") from None


def write_content(file: Path, text: str) -> bytes:
    """Put a text in its place, all at once and on the disk, readable by its owner alone. Returns: what was written.

    Raises: BadSettings if it cannot be written; the file is as it was then.
    """
    content = text.encode()
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # made with 0600
        try:
            with open(descriptor, "wb") as stream:  # noqa: PTH123 - of a descriptor
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(file)
        except BaseException:
            with suppress(OSError):
                Path(name).unlink()
            raise
        _sync_folder(file.parent)
    except OSError as error:
        raise BadSettings(str(file), f"cannot be written: {error.strerror or type(error).__name__}") from None
    return content


def _sync_folder(folder: Path) -> None:
    """The new name is on the disk as well. Not every system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
