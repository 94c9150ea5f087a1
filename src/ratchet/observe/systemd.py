"""systemd: readiness, watchdog and status by its notification socket; nothing where there is none."""

import socket
from collections.abc import Mapping
from contextlib import suppress


class Systemd:
    """Tells the service manager that started this process, if one did."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address

    def beat(self, *lines: str) -> None:
        """Tell again and again how it is, and that it is ready: a manager that reloads may have missed that."""
        self.tell("READY=1", *lines)

    def tell(self, *lines: str) -> None:
        """Send assignments such as READY=1, one line each. Never fails: no one may be there to listen."""
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(" ".join(line.splitlines()) for line in lines).encode(), self._address)
