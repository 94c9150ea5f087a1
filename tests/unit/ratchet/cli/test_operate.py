"""How the command line finds a trader's door, and what it does without one."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ratchet.cli import operate as operate_module
from ratchet.cli.app import OPERATING, app_with
from ratchet.cli.doors import COMPANION, TRADER, NobodyAnswers, find_door
from ratchet.cli.operate import confirm, operate
from ratchet.cli.refusal import Refusal
from ratchet.control.door_file import DoorPlate, write_plate

PAPER, TESTNET = Path("var/paper/control.json"), Path("var/testnet/control.json")
COMPANIONS = PAPER.with_name("rebound.json")
ANSWER: dict[str, Any] = {
    "title": "T",
    "facts": [],
    "table": None,
    "notes": [],
    "data": {"x": "[red]1"},
    "picture": None,
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def plate(port: int = 1, pid: int | None = None) -> DoorPlate:
    return DoorPlate("127.0.0.1", port, "token", os.getpid() if pid is None else pid)


@contextmanager
def a_trader(*replies: tuple[int, object]) -> Iterator[list[dict[str, Any]]]:
    """Somebody behind paper's door who says these things, one after the other."""
    asked: list[dict[str, Any]] = []
    waiting = list(replies)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, body = waiting.pop(0)
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's signature
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        write_plate(PAPER, plate(server.server_port))
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def test_every_command_of_the_desk_is_one_of_the_command_line() -> None:
    app = app_with(OPERATING)
    assert set(OPERATING) <= {*TRADER.menu, *COMPANION.menu}
    assert {"status", "panic", "config", "cases", "readings"} <= {command.name for command in app.registered_commands}


def test_an_answer_is_drawn_or_told_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    with a_trader((200, {"answer": ANSWER}), (200, {"answer": ANSWER})) as asked:
        operate(TRADER, ("status",), mode=None, as_json=True, is_sure=False)
        assert json.loads(capsys.readouterr().out) == {"x": "[red]1"}
        operate(TRADER, ("logs", "5"), mode="paper", as_json=False, is_sure=False)
        assert capsys.readouterr().out == "T\n"
    assert asked == [{"words": ["status"], "token": None}, {"words": ["logs", "5"], "token": None}]


def test_what_is_dangerous_is_confirmed_with_the_token_that_came_with_the_question() -> None:
    with a_trader((200, {"question": "Really?", "token": "t"}), (200, {"answer": ANSWER})) as asked:
        operate(TRADER, ("close", "all"), mode=None, as_json=True, is_sure=True)
    assert [each["token"] for each in asked] == [None, "t"]


def test_without_a_terminal_or_a_yes_nothing_dangerous_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Refusal, match=r"^Really\? Nothing is done: say --yes as well$"):
        confirm("Really?", is_sure=False)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda _question, err: False)
    with pytest.raises(Refusal, match=r"^nothing is done$"):
        confirm("Really?", is_sure=False)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (422, {"refused": "close: nothing is held"}, Refusal, "close: nothing is held"),
        (503, {"refused": "the trader is starting"}, NobodyAnswers, "the trader is starting"),
        (401, {"refused": "no"}, NobodyAnswers, "does not take our token"),
        (200, {"wrong": 1}, Refusal, "not understood"),
        (200, b"<html>", NobodyAnswers, "does not answer"),
        (200, [], NobodyAnswers, "not understood"),
    ],
)
def test_what_is_no_answer_is_one_line(status: int, body: object, kind: type[Exception], said: str) -> None:
    with a_trader((status, body)), pytest.raises(kind, match=said):
        operate(TRADER, ("status",), mode=None, as_json=True, is_sure=False)


def test_a_trader_that_hangs_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operate_module, "QUESTION_TIMEOUT_S", 0.05)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:  # takes connections and does nothing
        write_plate(PAPER, plate(server.server_port))
        with pytest.raises(NobodyAnswers, match="does not answer"):
            operate(TRADER, ("panic",), mode=None, as_json=True, is_sure=True)


def test_without_a_trader_there_is_none() -> None:
    with pytest.raises(NobodyAnswers, match="no trader is running here"):
        find_door(TRADER, None)
    write_plate(PAPER, plate(pid=2**22 + 1))  # of no process
    with pytest.raises(NobodyAnswers, match="no trader is running here"):
        find_door(TRADER, None)
    write_plate(PAPER, plate(port=1))  # of one that has no door
    with pytest.raises(NobodyAnswers, match="its door is shut"):
        operate(TRADER, ("status",), mode=None, as_json=True, is_sure=True)


def test_the_only_trader_there_is_is_meant_unless_a_mode_is_said() -> None:
    write_plate(TESTNET, plate(7))
    assert find_door(TRADER, None).port == 7
    with pytest.raises(NobodyAnswers):
        find_door(TRADER, "paper")
    write_plate(Path("var/live/control.json"), plate(8))
    with pytest.raises(Refusal, match="several traders run"):
        find_door(TRADER, None)
    assert find_door(TRADER, "live").port == 8
    write_plate(PAPER, plate(9))
    assert find_door(TRADER, None).port == 9


def companion_command(name: str, *words: str) -> Any:
    return CliRunner().invoke(app_with((name,)), [name, *words])


def test_what_only_the_companion_knows_goes_to_it_and_the_rest_when_it_is_said() -> None:
    with a_trader((200, {"answer": ANSWER}), (200, {"answer": ANSWER})) as asked:
        PAPER.rename(COMPANIONS)
        assert json.loads(companion_command("cases", "trump", "--json").stdout) == {"x": "[red]1"}
        assert json.loads(companion_command("status", "--rebound", "--json").stdout) == {"x": "[red]1"}
    assert [each["words"] for each in asked] == [["cases", "trump"], ["status"]]


def test_where_only_the_companion_runs_the_refusal_says_how_it_is_asked() -> None:
    assert "--rebound" not in str(companion_command("status").exception)
    write_plate(COMPANIONS, plate(7))
    assert str(companion_command("status").exception).endswith("; the spot companion runs: say --rebound")
    assert "--rebound" not in str(companion_command("positions").exception)  # the companion has none
    assert "no spot companion is running here" in str(companion_command("cases", "--mode", "testnet").exception)


def test_a_broken_runtime_file_keeps_nobody_from_the_door() -> None:
    Path("runtime.json").write_text("{")
    write_plate(PAPER, plate(7))
    assert find_door(TRADER, None).port == 7


def test_the_schema_is_printed_without_a_trader() -> None:
    result = CliRunner().invoke(app_with(("config",)), ["config", "schema"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "Ratchet's runtime settings"
