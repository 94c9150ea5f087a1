"""`ratchet why`: what became of a symbol at its last scans, from the ledger, whether a trader runs or not."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from ratchet.cli.answer_drawing import draw
from ratchet.cli.doors import COMPANION, NobodyAnswers
from ratchet.cli.event_loop import run
from ratchet.cli.ledger_file import ledger_to_read
from ratchet.cli.operate import operate
from ratchet.cli.refusal import Refusal
from ratchet.config.bad_settings import BadSettings
from ratchet.control.answer import Answer
from ratchet.control.desk import Refused
from ratchet.control.door import answer_json
from ratchet.control.why import why as why_one
from ratchet.control.why import why_all
from ratchet.domain.money import QUOTE
from ratchet.domain.symbol import normalize
from ratchet.ledger.errors import LedgerError


def why(
    symbol: Annotated[
        str | None, typer.Argument(help="btc or BTCUSDC; without one: all of them. With --rebound: or a case's number.")
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="The file; without it the newest of the mode.")] = None,
    mode: Annotated[str | None, typer.Option(help="paper, testnet or live; stronger than the settings.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it, on stdout.")] = False,
    rebound: Annotated[bool, typer.Option("--rebound", help="Ask the running spot companion.")] = False,
) -> None:
    """Why a symbol was traded, or why not, scan by scan, with the funnel of its last 24 hours."""
    if rebound:
        _ask_companion(symbol, mode, as_json=json)
        return
    try:
        answer = run(_why(symbol, ledger, mode))
    except (BadSettings, LedgerError, Refused) as error:
        raise Refusal(str(error)) from None
    if json:
        print(orjson.dumps(answer.data).decode())
    else:
        draw(answer_json(answer))


def _ask_companion(word: str | None, mode: str | None, *, as_json: bool) -> None:
    try:
        operate(COMPANION, ("why", *([] if word is None else [word])), mode=mode, as_json=as_json, is_sure=False)
    except NobodyAnswers as nobody:
        raise Refusal(str(nobody)) from None


async def _why(word: str | None, file: Path | None, mode: str | None) -> Answer:
    async with ledger_to_read(file, mode) as ledger:
        # Of a run that is over, or on an accelerated exchange, the last 24 hours are those before its end.
        now_ms = await ledger.newest_ms() or 0
        if word is None:
            return await why_all(ledger, now_ms)
        try:
            symbol = normalize(word if word.upper().endswith(QUOTE) else f"{word}{QUOTE}")
        except ValueError:
            raise Refusal(f"why: {word!r} is not a symbol, one like BTCUSDC is wanted") from None
        return await why_one(ledger, symbol, now_ms)
