import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ratchet.observe.systemd import Systemd


@pytest.fixture(params=["a path", "an abstract name"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """The service manager's end, and its address as it tells it."""
    if request.param == "a path":
        bound = told = str(tmp_path / "notify")
    else:
        bound, told = f"\0{tmp_path}", f"@{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(5)
        listener.bind(bound)
        yield listener, told


def test_the_service_manager_is_told_line_by_line(manager: tuple[socket.socket, str]) -> None:
    listener, address = manager
    Systemd({"NOTIFY_SOCKET": address}).tell("READY=1", "STATUS=2 positions")
    assert listener.recv(1_000) == b"READY=1\nSTATUS=2 positions"


def test_what_is_quoted_in_a_status_cannot_become_an_assignment(manager: tuple[socket.socket, str]) -> None:
    listener, address = manager
    Systemd({"NOTIFY_SOCKET": address}).tell("STATUS=an error\nSTOPPING=1")
    assert listener.recv(1_000) == b"STATUS=an error STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_nobody_to_tell_is_no_fault(environ: dict[str, str]) -> None:
    Systemd(environ).tell("READY=1")


def test_a_manager_that_does_not_read_holds_nobody_up(manager: tuple[socket.socket, str]) -> None:
    _, address = manager
    systemd = Systemd({"NOTIFY_SOCKET": address})
    for _ in range(5_000):
        systemd.tell("WATCHDOG=1")
