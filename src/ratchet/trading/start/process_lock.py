"""The process lock: on this machine one process trades with a ledger. The kernel keeps it, and lets go of it when the
process dies, however it dies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from ratchet.exchange.file_lock import try_lock
from ratchet.ledger.errors import LedgerError

SUFFIX = ".lock"


class LedgerInUse(LedgerError):
    """Another process trades with this ledger: which one."""


@contextmanager
def lock_ledger(url: str) -> Iterator[None]:
    """Keep other processes from trading with a ledger. One in memory is nobody else's anyway.

    Args: url, of its database, as `Ledger.open` takes it.
    Raises: LedgerInUse; LedgerError when the lock's file cannot be written.
    """
    database = make_url(url).database
    if not database or database == ":memory:":
        yield
        return
    ledger = Path(database).resolve()  # one file, by whatever name
    path = ledger.with_name(ledger.name + SUFFIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LedgerError(f"{path} cannot be written: {error.strerror}; name a ledger in a folder that can") from None
    try:
        if not try_lock(file):
            pid = path.read_text(errors="replace").strip()
            raise LedgerInUse(f"{ledger}: process {pid or 'unknown'} trades with this ledger; end it first")
        os.truncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(file)  # and with it the lock; the file stays: removing it would let two processes lock two files
