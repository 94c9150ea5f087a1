"""The door: a running process answers operators of this machine over HTTP, on loopback, to whoever has its token."""

import asyncio
import json
import os
import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web

from ratchet.config.bad_settings import BadSettings
from ratchet.control.answer import Answer
from ratchet.control.desk import Asker, ConfirmationWanted, Desk, Refused, Role
from ratchet.control.door_file import PATH, DoorPlate, read_plate, remove_plate, write_plate

HOST = "127.0.0.1"
BODY_BYTES_MAX = 64_000
TOKEN_BYTES = 32
READ_TIMEOUT_S = 5.0  # for the whole body of a request
RETRY_S = 30.0
END_TIMEOUT_S = 5.0  # for answers that are under way

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, read."""

    words: tuple[str, ...]
    token: str | None  # of a confirmation


class Door:
    """Open while `run` runs. Whatever goes wrong with it is logged and tried again: nothing else notices."""

    def __init__(self, file: Path, desk: Callable[[], Desk | None], asker: str = "cli", behind: str = "trader") -> None:
        """Args: file, where word of it is left; desk, None while nobody is behind it; asker, who comes in; behind, who
        answers, for people.
        """
        self._file = file
        self._desk = desk
        self._behind = behind
        self._asker = Asker(asker, Role.OPERATOR)
        self._token = secrets.token_urlsafe(TOKEN_BYTES)
        self._hosts: frozenset[str] = frozenset()  # as a request may name it

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._open()
            except (OSError, BadSettings) as error:
                log.warning("door_closed", file=str(self._file), error=str(error), retry_s=RETRY_S)
            except Exception:
                log.exception("door_failed", file=str(self._file), retry_s=RETRY_S)
            await asyncio.sleep(RETRY_S)

    async def _open(self) -> None:
        found = read_plate(self._file)
        if found is not None and found.pid != os.getpid() and not found.is_stale() and await _answers(found):
            raise BadSettings(str(self._file), f"it is the door of process {found.pid}: name another in control.file")
        application = web.Application(client_max_size=BODY_BYTES_MAX)
        application.router.add_post(PATH, self._answer)
        runner = web.AppRunner(
            application, access_log=None, handle_signals=False, shutdown_timeout=END_TIMEOUT_S, keepalive_timeout=5.0
        )
        await runner.setup()
        plate: DoorPlate | None = None
        try:
            site = web.TCPSite(runner, HOST, 0)
            await site.start()
            port = int(runner.addresses[0][1])
            self._hosts = frozenset({f"{HOST}:{port}", f"localhost:{port}"})
            plate = DoorPlate(HOST, port, self._token, os.getpid())
            await asyncio.to_thread(write_plate, self._file, plate)
            log.info("door_open", file=str(self._file), port=port)
            await asyncio.Event().wait()
        finally:
            if plate is not None:
                remove_plate(self._file, plate)
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if request.host not in self._hosts:  # a page that had its own name point here
            return _told(403, {"refused": "this door is for this machine"})
        given = request.headers.get("Authorization", "").encode()
        if not secrets.compare_digest(given, f"Bearer {self._token}".encode()):
            return _told(401, {"refused": "the token of this door is wanted"})
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                asked = _asked(await request.read())
        except (TimeoutError, ValueError):
            return _told(400, {"refused": 'a body like {"words": ["status"]} is wanted'})
        desk = self._desk()
        if desk is None:
            return _told(
                503, {"refused": f"the {self._behind} is starting, or the exchange cannot be reached; ask again"}
            )
        return await self._ask(desk, asked)

    async def _ask(self, desk: Desk, asked: Asked) -> web.Response:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await desk.ask(self._asker, asked.words, asked.token)
        except Refused as no:
            return _told(422, {"refused": str(no)})
        except Exception:
            log.exception("operator_not_answered", command=asked.words[:1])
            return _told(500, {"refused": "it failed, and the log says why"})
        took_ms = (loop.time() - began) * 1_000
        if isinstance(answer, ConfirmationWanted):
            return _told(200, {"question": answer.question, "token": answer.token})
        return _told(200, {"answer": answer_json(answer), "took_ms": took_ms})


async def _answers(plate: DoorPlate) -> bool:
    """Whether somebody listens there: the process may be another one by now that was given the same number."""
    try:
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(plate.host, plate.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as it goes through the door."""
    table = answer.table
    return {
        "title": answer.title,
        "facts": [list(fact) for fact in answer.facts],
        "table": None
        if table is None
        else {
            "headings": list(table.headings),
            "rows": [list(row) for row in table.rows],
            "numeric": sorted(table.numeric),
        },
        "notes": list(answer.notes),
        "data": answer.data,
        "picture": None if answer.picture is None else b64encode(answer.picture).decode(),
    }


def _asked(body: bytes) -> Asked:
    """Raises: ValueError."""
    try:
        told = json.loads(body)
    except RecursionError:
        raise ValueError("tables in tables without end") from None
    if not isinstance(told, Mapping) or set(told) - {"words", "token"}:
        raise ValueError("an object of words and token is wanted")
    words, token = told.get("words"), told.get("token")
    if not isinstance(words, Sequence) or isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise ValueError("words are a list of texts")
    if token is not None and not isinstance(token, str):
        raise ValueError("a token is a text")
    return Asked(tuple(words), token)


def _told(status: int, body: Mapping[str, Any]) -> web.Response:
    text = json.dumps(body, ensure_ascii=True, default=str)
    return web.Response(
        status=status, text=text, content_type="application/json", headers={"Cache-Control": "no-store"}
    )
