"""The door lets in who has its token, on this machine, and is no trouble to anybody else."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ratchet.config.settings import load_settings
from ratchet.control import door as door_module
from ratchet.control.answer import Answer, Table
from ratchet.control.commands import COMMANDS
from ratchet.control.desk import Asker, CommandHelp, ConfirmationWanted, Refused, Role
from ratchet.control.door import BODY_BYTES_MAX, Door
from ratchet.control.door_file import PATH, DoorPlate, door_file, read_plate, remove_plate, write_plate
from tests.end_to_end.guarded import eventually


@dataclass
class Parrot:
    """A desk that says what it was asked."""

    asked: list[tuple[Asker, tuple[str, ...], str | None]] = field(default_factory=list)

    @property
    def commands(self) -> Sequence[CommandHelp]:
        return COMMANDS

    async def ask(self, asker: Asker, words: Sequence[str], token: str | None = None) -> Answer | ConfirmationWanted:
        self.asked.append((asker, tuple(words), token))
        match words[0]:
            case "panic" if token is None:
                return ConfirmationWanted("Really?", "one-time")
            case "fail":
                raise RuntimeError("the inside of it")
            case "refuse":
                raise Refused("not like this")
        table = Table(("a",), (("é \U0001f600",),), frozenset({0}))
        return Answer(title=words[0], facts=(("a", "b"),), table=table, notes=("n",), data={"x": 1}, picture=b"\x89")


@asynccontextmanager
async def an_open_door(file: Path, desk: Parrot | None) -> AsyncIterator[DoorPlate]:
    opened = asyncio.create_task(Door(file, lambda: desk).run())
    try:
        yield await plate_of(file, opened)
    finally:
        opened.cancel()
        await asyncio.wait([opened])


async def plate_of(file: Path, opened: "asyncio.Task[None]") -> DoorPlate:
    def is_open() -> bool:
        assert not opened.done()
        return (plate := read_plate(file)) is not None and plate.pid == os.getpid()

    await eventually(is_open, 10)
    plate = read_plate(file)
    assert plate is not None
    return plate


async def post(
    plate: DoorPlate, body: object, *, path: str = PATH, method: str = "POST", **headers: str
) -> tuple[int, dict[str, Any]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Authorization": f"Bearer {plate.token}"} | headers
    url = f"http://{plate.host}:{plate.port}{path}"
    async with aiohttp.ClientSession() as session, session.request(method, url, data=data, headers=sent) as reply:
        text = await reply.text()
        return reply.status, json.loads(text) if reply.content_type == "application/json" else {}


async def test_it_hands_words_to_the_desk_and_the_answer_back(tmp_path: Path) -> None:
    desk = Parrot()
    async with an_open_door(tmp_path / "control.json", desk) as plate:
        status, told = await post(plate, {"words": ["status", "now"]})
        assert status == 200
        assert told["took_ms"] < 1_000
        assert told["answer"] == {
            "title": "status",
            "facts": [["a", "b"]],
            "table": {"headings": ["a"], "rows": [["é \U0001f600"]], "numeric": [0]},
            "notes": ["n"],
            "data": {"x": 1},
            "picture": "iQ==",
        }
        assert await post(plate, {"words": ["panic"]}) == (200, {"question": "Really?", "token": "one-time"})
        assert (await post(plate, {"words": ["panic"], "token": "one-time"}))[1]["answer"]["title"] == "panic"
        assert await post(plate, {"words": ["refuse"]}) == (422, {"refused": "not like this"})
        assert await post(plate, {"words": ["fail"]}) == (500, {"refused": "it failed, and the log says why"})
    assert {asker for asker, _, _ in desk.asked} == {Asker("cli", Role.OPERATOR)}
    assert desk.asked[2][2] == "one-time"


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": ""}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer é"}, {"Host": "evil.example"}],
)
async def test_who_has_not_its_token_or_comes_by_another_name_is_turned_away(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    desk = Parrot()
    async with an_open_door(tmp_path / "control.json", desk) as plate:
        status, told = await post(plate, {"words": ["status"]}, **headers)
        assert status == (403 if "Host" in headers else 401)
        assert "refused" in told
    assert desk.asked == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 30_000,
        [],
        {},
        {"words": "status"},
        {"words": [1]},
        {"words": ["a"], "token": 5},
        {"words": ["a"], "who": "me"},
    ],
)
async def test_a_body_that_is_no_question_is_refused(tmp_path: Path, body: object) -> None:
    desk = Parrot()
    async with an_open_door(tmp_path / "control.json", desk) as plate:
        assert (await post(plate, body))[0] == 400
        assert (await post(plate, b"x" * (BODY_BYTES_MAX + 1)))[0] == 413
        assert (await post(plate, {"words": ["status"]}))[0] == 200
    assert len(desk.asked) == 1


async def test_there_is_nothing_else_behind_it(tmp_path: Path) -> None:
    async with an_open_door(tmp_path / "control.json", Parrot()) as plate:
        assert (await post(plate, b"", path="/"))[0] == 404
        assert (await post(plate, b"", method="GET"))[0] == 405


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "READ_TIMEOUT_S", 0.05)
    async with an_open_door(tmp_path / "control.json", Parrot()) as plate:
        reader, writer = await asyncio.open_connection(plate.host, plate.port)
        head = f"POST {PATH} HTTP/1.1\r\nHost: {plate.host}:{plate.port}\r\nAuthorization: Bearer {plate.token}\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\n".encode())
        async with asyncio.timeout(10):
            assert b"400" in await reader.readline()
        writer.close()


async def test_while_no_trader_is_behind_it_says_so(tmp_path: Path) -> None:
    async with an_open_door(tmp_path / "control.json", None) as plate:
        status, told = await post(plate, {"words": ["status"]})
        assert (status, "the trader is starting" in told["refused"]) == (503, True)


async def test_its_word_is_for_this_user_and_gone_with_it(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "control.json"
    async with an_open_door(file, Parrot()) as plate:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert plate.host == "127.0.0.1"
        assert plate.token not in repr(plate)
    assert not file.exists()


async def test_a_door_of_a_process_that_is_gone_is_taken_over(tmp_path: Path) -> None:
    file = tmp_path / "control.json"
    ended = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await ended.wait()
    other = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)  # has its port by now
    left = DoorPlate("127.0.0.1", other.sockets[0].getsockname()[1], "old", ended.pid)
    write_plate(file, left)
    assert left.is_stale()
    async with an_open_door(file, Parrot()) as plate:
        assert not plate.is_stale()
        assert (await post(plate, {"words": ["status"]}))[0] == 200
    other.close()
    await other.wait_closed()


async def test_a_door_of_a_process_that_lives_stays_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "RETRY_S", 0.01)
    file = tmp_path / "control.json"
    knocked = asyncio.Event()

    def on_knock(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()
        knocked.set()

    server = await asyncio.start_server(on_knock, "127.0.0.1", 0)
    theirs = DoorPlate("127.0.0.1", server.sockets[0].getsockname()[1], "theirs", os.getppid())
    write_plate(file, theirs)
    ours = asyncio.create_task(Door(file, Parrot).run())
    for _ in range(2):
        knocked.clear()
        await asyncio.wait_for(knocked.wait(), 10)
    assert read_plate(file) == theirs
    server.close()
    await server.wait_closed()
    await plate_of(file, ours)  # it is taken over once nobody listens there
    ours.cancel()
    await asyncio.wait([ours])


async def test_a_place_that_cannot_be_written_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door_module, "RETRY_S", 0.01)
    folder = tmp_path / "not yet a folder"
    folder.write_text("")
    opened = asyncio.create_task(Door(folder / "control.json", Parrot).run())
    await asyncio.sleep(0.05)
    assert not opened.done()
    folder.unlink()
    await plate_of(folder / "control.json", opened)
    opened.cancel()
    await asyncio.wait([opened])


def test_another_trader_s_word_is_not_removed(tmp_path: Path) -> None:
    file = tmp_path / "control.json"
    write_plate(file, DoorPlate("127.0.0.1", 1, "theirs", 1))
    remove_plate(file, DoorPlate("127.0.0.1", 1, "ours", 1))
    assert file.exists()


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"null", b'{"host": 1}', b'{"host":"a","port":"x"}', b"[[["])
def test_what_is_no_door_s_word_is_none(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "control.json"
    file.write_bytes(content)
    assert read_plate(file) is None


KEYS = {"RATCHET_EXCHANGE__API_KEY": "k" * 20, "RATCHET_EXCHANGE__API_SECRET": "s" * 20}


@pytest.mark.parametrize(
    ("said", "file"),
    [
        ({}, "var/paper/control.json"),
        ({"RATCHET_LEDGER__URL": "sqlite+aiosqlite:////a/b/ledger.db"}, "/a/b/control.json"),
        ({"RATCHET_LEDGER__URL": "sqlite+aiosqlite:///b/ledger.db"}, "b/control.json"),
        ({"RATCHET_CONTROL__FILE": "door.json"}, "door.json"),
    ],
)
def test_the_door_s_word_is_beside_the_ledger_unless_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, str], file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert door_file(load_settings(environ=KEYS | said)) == Path(file)
