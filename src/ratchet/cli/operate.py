"""The operator's commands, `ratchet status` and all the others: what is asked goes to the running process as it is."""

import http.client
import json
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from ratchet.cli.answer_drawing import draw
from ratchet.cli.doors import COMPANION, TRADER, Answerer, NobodyAnswers, find_door, is_there, knock
from ratchet.cli.refusal import Refusal
from ratchet.config.bad_settings import BadSettings
from ratchet.config.runtime_schema import runtime_schema

PANIC = "panic"
REPLY_TIMEOUT_S = 60.0  # a close and a panic wait for the exchange's word, but not for ever
QUESTION_TIMEOUT_S = 10.0

Command = Callable[..., None]


def operator_command(name: str) -> Command:
    """The command of that name, for typer. What only the spot companion knows goes to it by itself."""
    usual = TRADER if name in TRADER.menu else COMPANION

    def command(
        words: Annotated[list[str] | None, typer.Argument(help=_usages(name), show_default=False)] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print the data as JSON, and only it, on stdout.")
        ] = False,
        yes: Annotated[bool, typer.Option("--yes", "-y", help="Do what is dangerous without asking again.")] = False,
        mode: Annotated[str | None, typer.Option(help="Of the process that is asked: paper, testnet or live.")] = None,
        rebound: Annotated[bool, typer.Option("--rebound", help="Ask the spot companion, not the trader.")] = False,
    ) -> None:
        asked = (name, *(words or ()))
        if asked == ("config", "schema"):
            print(json.dumps(runtime_schema(), indent=2, ensure_ascii=False))
            return
        answerer = COMPANION if rebound else usual
        try:
            operate(answerer, asked, mode=mode, as_json=as_json, is_sure=yes)
        except NobodyAnswers as nobody:
            nobodys = str(nobody)
        else:
            return
        if asked != (PANIC,):
            raise Refusal(nobodys + _hint(answerer, name, mode))
        print(f"{nobodys}: it is done from here", file=sys.stderr)
        code = _panic_alone(answerer, mode, as_json=as_json, is_sure=yes)
        if answerer is TRADER and is_there(COMPANION, mode):
            print(
                "the spot companion runs, and its orders stand: ratchet panic --rebound cancels them", file=sys.stderr
            )
        raise typer.Exit(code)

    command.__doc__ = usual.menu[name].summary
    return command


def _usages(name: str) -> str:
    """How it is asked, of both where they differ."""
    usages = [each.menu[name].usage for each in (TRADER, COMPANION) if name in each.menu]
    if len(usages) == 1 or usages[0] == usages[1]:
        return f"As in: {usages[0]}"
    return f"As in: {usages[0]}; with --rebound: {usages[1]}"


def _hint(answerer: Answerer, name: str, mode: str | None) -> str:
    """Where nobody of the one kind answers and one of the other would."""
    if answerer is TRADER and name in COMPANION.menu and is_there(COMPANION, mode):
        return "; the spot companion runs: say --rebound"
    return ""


def _panic_alone(answerer: Answerer, mode: str | None, *, as_json: bool, is_sure: bool) -> int:
    from ratchet.exchange.lean_ccxt import load_binance_alone

    load_binance_alone()
    from ratchet.cli.panic_alone import panic_alone
    from ratchet.cli.rebound_panic_alone import rebound_panic_alone

    do = panic_alone if answerer is TRADER else rebound_panic_alone
    try:
        return do(
            mode,
            as_json=as_json,
            confirm=lambda question: confirm(question, is_sure=is_sure),
            say=lambda line: print(line, file=sys.stderr),
        )
    except BadSettings as error:
        raise Refusal(str(error)) from None


def operate(answerer: Answerer, words: Sequence[str], *, mode: str | None, as_json: bool, is_sure: bool) -> None:
    """Ask, confirm if need be, and show the answer. Raises: NobodyAnswers, Refusal."""
    plate = find_door(answerer, mode)
    known = answerer.menu.get(words[0])
    patience_s = QUESTION_TIMEOUT_S if known is not None and known.is_dangerous else REPLY_TIMEOUT_S
    reply = knock(answerer, plate, words, None, timeout_s=patience_s)
    if "question" in reply.body:
        confirm(str(reply.body["question"]), is_sure=is_sure)
        reply = knock(answerer, plate, words, str(reply.body["token"]), timeout_s=REPLY_TIMEOUT_S)
    if reply.status >= http.client.INTERNAL_SERVER_ERROR:
        raise NobodyAnswers(str(reply.body.get("refused", f"the {answerer.name} failed (HTTP {reply.status})")))
    if "refused" in reply.body:
        raise Refusal(str(reply.body["refused"]))
    answer = reply.body.get("answer")
    if not isinstance(answer, dict):
        raise Refusal(f"the {answerer.name}'s answer is not understood (HTTP {reply.status}): are both of one version?")
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
