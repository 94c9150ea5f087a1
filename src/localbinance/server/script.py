"""A script: faults and acts that come at their times after the start, read from a file."""

from collections import deque
from dataclasses import dataclass
from typing import Any

import orjson

from localbinance.server.acts import Act, BadAct, read_act
from localbinance.server.fault import Fault
from localbinance.server.faults import read_fault

ENTRIES_MAX = 10_000
AT_MS_MAX = 10 * 365 * 86_400_000


class BadScript(ValueError):
    """What was given is no script. One line: what, where, how to mend."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that is done once the exchange's clock has come so far from its start."""

    at_ms: int
    what: Act | Fault


class Script:
    """The entries that are still to come, in the order of their times; those of one time as they stand in the file."""

    def __init__(self, entries: tuple[Entry, ...], start_ms: int) -> None:
        self._start_ms = start_ms
        self._left = deque(sorted(entries, key=lambda entry: entry.at_ms))

    def due(self, now_ms: int) -> list[Act | Fault]:
        """What is to be done now; it is off the script then."""
        come: list[Act | Fault] = []
        while self._left and self._start_ms + self._left[0].at_ms <= now_ms:
            come.append(self._left.popleft().what)
        return come


def read_script(text: bytes) -> tuple[Entry, ...]:
    """A JSON list of faults and acts, each with an `at_ms` if it is to come later than at the start.

    Raises: BadScript.
    """
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadScript(f"no JSON: {error}") from None
    if not isinstance(found, list):
        raise BadScript("a list of faults and acts is wanted")
    if len(found) > ENTRIES_MAX:
        raise BadScript(f"{len(found)} entries; {ENTRIES_MAX} are the most")
    return tuple(_read_entry(number, each) for number, each in enumerate(found, start=1))


def _read_entry(number: int, found: object) -> Entry:
    if not isinstance(found, dict) or ("fault" in found) is ("act" in found):
        raise BadScript(f"entry {number}: an object with either a fault or an act is wanted")
    fields: dict[str, Any] = {name: value for name, value in found.items() if name != "at_ms"}
    at_ms = found.get("at_ms", 0)
    if not isinstance(at_ms, int) or isinstance(at_ms, bool) or not 0 <= at_ms <= AT_MS_MAX:
        raise BadScript(f"entry {number}: at_ms is {at_ms!r}; milliseconds after the start are wanted, 0 or more")
    try:
        return Entry(at_ms, read_fault(fields) if "fault" in fields else read_act(fields))
    except (BadAct, ValueError) as error:
        raise BadScript(f"entry {number}: {error}") from None
