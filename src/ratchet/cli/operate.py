"""The operator's commands, `ratchet status` and all the others: what is asked goes to the running trader as it is."""

import http.client
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ratchet.cli.answer_drawing import draw
from ratchet.cli.refusal import Refusal
from ratchet.config.bad_settings import BadSettings
from ratchet.config.mode import Mode
from ratchet.config.runtime_schema import runtime_schema
from ratchet.config.settings import load_settings
from ratchet.control.commands import HELP
from ratchet.control.door_file import FILE_NAME, PATH, VAR, DoorPlate, door_file, read_plate

PANIC = "panic"
REPLY_TIMEOUT_S = 60.0  # a close and a panic wait for the exchange's word, but not for ever
QUESTION_TIMEOUT_S = 10.0
UNKNOWN_KEYS = {"api_key": "unknown", "api_secret": "unknown"}  # this process asks no exchange

Command = Callable[..., None]


class NoTrader(Exception):
    """Nobody is behind the door, or nobody who answers. One line: which door."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back through the door."""

    status: int
    body: dict[str, Any]


def operator_command(name: str) -> Command:
    """The command of that name, for typer."""

    def command(
        words: Annotated[
            list[str] | None, typer.Argument(help=f"As in: {HELP[name].usage}", show_default=False)
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print the data as JSON, and only it, on stdout.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do what is dangerous without asking again.")] = False,
        mode: Annotated[str | None, typer.Option(help="Of the trader: paper, testnet or live.")] = None,
    ) -> None:
        asked = (name, *(words or ()))
        if asked == ("config", "schema"):
            print(json.dumps(runtime_schema(), indent=2, ensure_ascii=False))
            return
        try:
            operate(asked, mode=mode, as_json=as_json, is_sure=yes)
        except NoTrader as nobody:
            nobodys = str(nobody)
        else:
            return
        if asked != (PANIC,):
            raise Refusal(nobodys)
        print(f"{nobodys}: it is done from here", file=sys.stderr)
        raise typer.Exit(_panic_alone(mode, as_json=as_json, is_sure=yes))

    command.__doc__ = HELP[name].summary
    return command


def _panic_alone(mode: str | None, *, as_json: bool, is_sure: bool) -> int:
    from ratchet.exchange.lean_ccxt import load_binance_alone

    load_binance_alone()
    from ratchet.cli.panic_alone import panic_alone

    try:
        return panic_alone(
            mode,
            as_json=as_json,
            confirm=lambda question: confirm(question, is_sure=is_sure),
            say=lambda line: print(line, file=sys.stderr),
        )
    except BadSettings as error:
        raise Refusal(str(error)) from None


def operate(words: Sequence[str], *, mode: str | None, as_json: bool, is_sure: bool) -> None:
    """Ask, confirm if need be, and show the answer. Raises: NoTrader, Refusal."""
    plate = find_door(mode)
    reply = knock(plate, words, None, timeout_s=QUESTION_TIMEOUT_S if HELP[words[0]].is_dangerous else REPLY_TIMEOUT_S)
    if "question" in reply.body:
        confirm(str(reply.body["question"]), is_sure=is_sure)
        reply = knock(plate, words, str(reply.body["token"]), timeout_s=REPLY_TIMEOUT_S)
    if reply.status >= http.client.INTERNAL_SERVER_ERROR:
        raise NoTrader(str(reply.body.get("refused", f"the trader failed (HTTP {reply.status})")))
    if "refused" in reply.body:
        raise Refusal(str(reply.body["refused"]))
    answer = reply.body.get("answer")
    if not isinstance(answer, dict):
        raise Refusal(f"the trader's answer is not understood (HTTP {reply.status}): are both of one version?")
    if as_json:
        print(json.dumps(answer["data"], indent=2, ensure_ascii=False))
    else:
        draw(answer)


def confirm(question: str, *, is_sure: bool) -> None:
    """Go on only when it is meant. Raises: Refusal."""
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise Refusal(f"{question} Nothing is done: say --yes as well")
    if not typer.confirm(question, err=True):
        raise Refusal("nothing is done")


def find_door(mode: str | None) -> DoorPlate:
    """The door of the trader of that mode; without one, of the settings' mode, or of the only one that runs.

    Raises: NoTrader; Refusal for several.
    """
    file = _file_of(mode)
    plate = _standing(file)
    if plate is not None:
        return plate
    others = {other: found for other in _others(file) if (found := _standing(other)) is not None}
    if mode is None and len(others) == 1:
        return next(iter(others.values()))
    if mode is None and others:
        raise Refusal(f"several traders run ({', '.join(map(str, others))}): say which with --mode")
    raise NoTrader(f"no trader is running here (nobody is behind {file}): start one with ratchet trade")


def _file_of(mode: str | None) -> Path:
    try:
        # What the runtime file says changes nothing here, and it may be broken: the trader goes on without it.
        overrides = {} if mode is None else {"mode": mode}
        settings = load_settings(runtime_file=os.devnull, overrides=overrides, defaults={"exchange": UNKNOWN_KEYS})
    except BadSettings as error:
        raise Refusal(str(error)) from None
    return door_file(settings)


def _others(file: Path) -> list[Path]:
    """Where traders of other modes leave word, unless they are told to do it elsewhere."""
    return [other for each in Mode if (other := VAR / each.value / FILE_NAME) != file]


def _standing(file: Path) -> DoorPlate | None:
    plate = read_plate(file)
    return None if plate is None or plate.is_stale() else plate


def knock(plate: DoorPlate, words: Sequence[str], token: str | None, *, timeout_s: float) -> Reply:
    """Ask through a door. Raises: NoTrader."""
    body = json.dumps({"words": list(words), "token": token}).encode()
    headers = {"Authorization": f"Bearer {plate.token}", "Content-Type": "application/json"}
    try:
        with closing(http.client.HTTPConnection(plate.host, plate.port, timeout=timeout_s)) as connection:
            connection.request("POST", PATH, body, headers)
            response = connection.getresponse()
            status, told = response.status, json.loads(response.read())
    except ConnectionRefusedError:
        raise NoTrader("no trader is running here (its door is shut): start one with ratchet trade") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoTrader(f"the trader does not answer ({str(error) or type(error).__name__})") from None
    if not isinstance(told, dict):
        raise NoTrader(f"the trader's answer is not understood (HTTP {status})")
    if status == http.client.UNAUTHORIZED:
        raise NoTrader("no trader of ours is behind this door: it does not take our token")
    return Reply(status, told)
