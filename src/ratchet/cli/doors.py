"""The doors: which of our processes an operator asks, how it is found, and how it is asked."""

import http.client
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ratchet.cli.refusal import Refusal
from ratchet.config.bad_settings import BadSettings
from ratchet.config.mode import Mode
from ratchet.config.settings import Settings, load_settings
from ratchet.control import commands
from ratchet.control.companion import menu
from ratchet.control.desk import CommandHelp
from ratchet.control.door_file import (
    FILE_NAME,
    PATH,
    REBOUND_FILE_NAME,
    VAR,
    DoorPlate,
    door_file,
    read_plate,
    rebound_door_file,
)

UNKNOWN_KEYS = {"api_key": "unknown", "api_secret": "unknown"}  # this process asks no exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """A kind of process that operators ask."""

    name: str  # for people
    command: str  # that starts one
    menu: Mapping[str, CommandHelp]
    file_name: str  # of the word that it leaves
    file_of: Callable[[Settings], Path]


TRADER = Answerer(name="trader", command="ratchet trade", menu=commands.HELP, file_name=FILE_NAME, file_of=door_file)
COMPANION = Answerer(
    name="spot companion",
    command="ratchet rebound",
    menu=menu.HELP,
    file_name=REBOUND_FILE_NAME,
    file_of=rebound_door_file,
)


class NobodyAnswers(Exception):
    """Nobody is behind the door, or nobody who answers. One line: which door."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back through the door."""

    status: int
    body: dict[str, Any]


def find_door(of: Answerer, mode: str | None) -> DoorPlate:
    """The door of that mode; without one, of the settings' mode, or of the only one that runs.

    Raises: NobodyAnswers; Refusal for several.
    """
    file = _file_of(of, mode)
    plate = _standing(file)
    if plate is not None:
        return plate
    others = {other: found for other in _others(of, file) if (found := _standing(other)) is not None}
    if mode is None and len(others) == 1:
        return next(iter(others.values()))
    if mode is None and others:
        raise Refusal(f"several {of.name}s run ({', '.join(map(str, others))}): say which with --mode")
    raise NobodyAnswers(f"no {of.name} is running here (nobody is behind {file}): start one with {of.command}")


def is_there(of: Answerer, mode: str | None) -> bool:
    """Whether one seems to run."""
    try:
        find_door(of, mode)
    except NobodyAnswers:
        return False
    except Refusal:  # several
        return True
    return True


def knock(of: Answerer, plate: DoorPlate, words: Sequence[str], token: str | None, *, timeout_s: float) -> Reply:
    """Ask through a door. Raises: NobodyAnswers."""
    body = json.dumps({"words": list(words), "token": token}).encode()
    headers = {"Authorization": f"Bearer {plate.token}", "Content-Type": "application/json"}
    try:
        with closing(http.client.HTTPConnection(plate.host, plate.port, timeout=timeout_s)) as connection:
            connection.request("POST", PATH, body, headers)
            response = connection.getresponse()
            status, told = response.status, json.loads(response.read())
    except ConnectionRefusedError:
        raise NobodyAnswers(f"no {of.name} is running here (its door is shut): start one with {of.command}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NobodyAnswers(f"the {of.name} does not answer ({str(error) or type(error).__name__})") from None
    if not isinstance(told, dict):
        raise NobodyAnswers(f"the {of.name}'s answer is not understood (HTTP {status})")
    if status == http.client.UNAUTHORIZED:
        raise NobodyAnswers(f"no {of.name} of ours is behind this door: it does not take our token")
    return Reply(status, told)


def _file_of(of: Answerer, mode: str | None) -> Path:
    try:
        # What the runtime file says changes nothing here, and it may be broken: who runs goes on without it.
        overrides = {} if mode is None else {"mode": mode}
        settings = load_settings(runtime_file=os.devnull, overrides=overrides, defaults={"exchange": UNKNOWN_KEYS})
    except BadSettings as error:
        raise Refusal(str(error)) from None
    return of.file_of(settings)


def _others(of: Answerer, file: Path) -> list[Path]:
    """Where those of other modes leave word, unless they are told to do it elsewhere."""
    return [other for each in Mode if (other := VAR / each.value / of.file_name) != file]


def _standing(file: Path) -> DoorPlate | None:
    plate = read_plate(file)
    return None if plate is None or plate.is_stale() else plate
