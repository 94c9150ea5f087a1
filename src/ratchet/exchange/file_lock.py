"""A file that the operating system locks for one process, and unlocks when that process ends, however it ends."""

import os
import sys

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

BYTE = 1 << 20  # that is locked on Windows, which locks bytes against reading: none that anybody reads


def try_lock(descriptor: int) -> bool:
    """Whether the file is ours now, or was before. At once.

    Args: descriptor, of the open file; who closes it lets go of it.
    """
    try:
        if sys.platform == "win32":
            os.lseek(descriptor, BYTE, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def unlock(descriptor: int) -> None:
    """Let go of it, and keep it open."""
    if sys.platform == "win32":
        os.lseek(descriptor, BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
