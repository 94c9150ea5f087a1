"""The question for the log: its last lines, as it stands on the disk, where secrets are masked already."""

import asyncio
import json
import os
from pathlib import Path

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.desk import Refused
from ratchet.control.request import Commands, Request
from ratchet.control.words import Words

LINES = 20
LINES_MAX = 200
BYTES_READ_MAX = 400_000
WORDS_MAX = 200  # characters of a line's details
SHOWN_ELSEWHERE = frozenset({"timestamp", "level", "event", "logger"})


class LogQuestion:
    """logs."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def commands(self) -> Commands:
        """By name."""
        return {"logs": self._logs}

    async def _logs(self, words: Words) -> Request:
        count = words.count("N", default=LINES, most=LINES_MAX)
        words.end()
        return Request(lambda _asker: self._tell(count))

    async def _tell(self, count: int) -> Answer:
        try:
            lines = await asyncio.to_thread(last_lines, self._file, count)
        except OSError as error:
            raise Refused(f"logs: {self._file} cannot be read: {error.strerror}") from None
        records = [_record(line) for line in lines]
        return Answer(
            title="Log",
            table=Table(headings=("at", "level", "what", "details"), rows=tuple(map(_row, records))),
            notes=(f"The whole of it is in {self._file}.",),
            data={"lines": records},
        )


def last_lines(file: Path, count: int) -> list[str]:
    """The last lines of a file, oldest first; fewer where they are very long. Raises: OSError."""
    with file.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - BYTES_READ_MAX))
        text = stream.read().decode(errors="replace")
    lines = text.splitlines()
    return (lines[1:] if size > BYTES_READ_MAX else lines)[-count:]


def _record(line: str) -> dict[str, Json]:
    try:
        record = json.loads(line)
    except ValueError:
        return {"event": line}
    return record if isinstance(record, dict) else {"event": line}


def _row(record: dict[str, Json]) -> tuple[str, ...]:
    details = " ".join(f"{name}={value}" for name, value in record.items() if name not in SHOWN_ELSEWHERE)
    shown = details if len(details) <= WORDS_MAX else f"{details[:WORDS_MAX]}…"
    at = str(record.get("timestamp", ""))[:19].replace("T", " ")
    return at, str(record.get("level", "")), str(record.get("event", "")), shown
