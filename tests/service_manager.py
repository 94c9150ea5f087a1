"""The service manager's end of NOTIFY_SOCKET, for tests: it reads at once, as systemd does, for the system keeps some
ten messages and drops what comes after them.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

PATIENCE_S = 60.0
LONGEST = 4_096


class ServiceManager:
    """Hears what processes tell it."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._news = threading.Condition()
        self.address = listener.getsockname()
        self.heard: list[list[str]] = []  # the lines of each message

    @classmethod
    @contextmanager
    def at(cls, file: Path) -> Iterator[Self]:
        """Listen there until the block is left."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(str(file))
            manager = cls(listener)
            reading = threading.Thread(target=manager._read, daemon=True)
            reading.start()
            try:
                yield manager
            finally:
                listener.shutdown(socket.SHUT_RD)
                reading.join(PATIENCE_S)

    @property
    def words(self) -> list[str]:
        """All lines, in the order in which they came."""
        with self._news:
            return [line for message in self.heard for line in message]

    def hears(self, word: str, *, times: int = 1) -> bool:
        """Wait for it. Blocks: from a coroutine, in a thread."""
        with self._news:
            return self._news.wait_for(
                lambda: sum(message.count(word) for message in self.heard) >= times, timeout=PATIENCE_S
            )

    def _read(self) -> None:
        while message := self._listener.recv(LONGEST):
            with self._news:
                self.heard.append(message.decode().splitlines())
                self._news.notify_all()
