"""The account lock: one guardian looks at an account from this machine, the next one waits for its end."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.config.state_folder import state_folder
from ratchet.exchange.file_lock import try_lock


class AccountLock:
    """A file that the operating system locks, and unlocks when its process ends, however it ends."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._descriptor: int | None = None

    def try_take(self) -> bool:
        """Whether it is ours now. Raises: OSError if there can be no such file."""
        if self._descriptor is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o600)
        return try_lock(self._descriptor)

    def release(self) -> None:
        """Let the next one have it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def lock_of(settings: ExchangeSettings, environ: Mapping[str, str], kind: str = "guard") -> AccountLock:
    """The lock of an account, named by a hash of exchange and key, in the user's state folder.

    Args: kind, of the process that there is to be one of.
    """
    account = f"{settings.http_url or ''} {settings.api_key.get_secret_value()}"
    name = hashlib.sha256(account.encode()).hexdigest()[:16]
    return AccountLock(state_folder(environ) / f"{kind}-{name}.lock")
