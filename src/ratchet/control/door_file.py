"""The door's file: how this user's other processes find the door of a running one, and may come in."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ratchet.config.bad_settings import BadSettings
from ratchet.config.runtime_file import read_content, write_content
from ratchet.config.sections import SQLITE
from ratchet.config.settings import Settings

FILE_NAME = "control.json"
REBOUND_FILE_NAME = "rebound.json"
PATH = "/ask"  # behind the door
VAR = Path("var")  # where a process keeps what is not given a place


@dataclass(frozen=True, slots=True, repr=False)
class DoorPlate:
    """What is in it. Has no repr: the token is a secret."""

    host: str
    port: int
    token: str
    pid: int  # of who is behind the door

    def is_stale(self) -> bool:
        """Whether the process that wrote it is gone for certain."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # it lives, and is another user's; on Windows: it cannot be told
            return False
        return False


def door_file(settings: Settings) -> Path:
    """Where the trader's is."""
    if settings.control.file is not None:
        return settings.control.file
    if "url" in settings.ledger.model_fields_set:
        return Path(settings.ledger.url.removeprefix(SQLITE)).with_name(FILE_NAME)
    return VAR / settings.mode.value / FILE_NAME


def rebound_door_file(settings: Settings) -> Path:
    """Where the spot companion's is: beside the trader's."""
    return door_file(settings).with_name(REBOUND_FILE_NAME)


def write_plate(file: Path, plate: DoorPlate) -> None:
    """Leave word, for this user alone. Raises: BadSettings."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
    write_content(file, json.dumps(asdict(plate)) + "\n")


def read_plate(file: Path) -> DoorPlate | None:
    """The word that was left; None where there is none that can be read."""
    try:
        content = read_content(file)
        told = json.loads(content or b"null")
        return DoorPlate(host=str(told["host"]), port=int(told["port"]), token=str(told["token"]), pid=int(told["pid"]))
    except (BadSettings, ValueError, TypeError, KeyError, RecursionError):
        return None


def remove_plate(file: Path, plate: DoorPlate) -> None:
    """Take it away again, if it is still this one."""
    with suppress(OSError):
        if (found := read_plate(file)) is not None and found.token == plate.token:
            file.unlink()
