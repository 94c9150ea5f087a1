"""`ratchet report`: a run against its targets, from the ledger, while it goes on or after."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from ratchet.cli.answer_drawing import draw
from ratchet.cli.audit import instant_ms
from ratchet.cli.event_loop import run
from ratchet.cli.ledger_file import ledger_to_read
from ratchet.cli.picture import draw_equity
from ratchet.cli.refusal import Refusal
from ratchet.config.bad_settings import BadSettings
from ratchet.control.desk import Refused
from ratchet.control.door import answer_json
from ratchet.control.kpi import answer_of, measure
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.performance import Performance


def report(
    since: Annotated[
        str | None, typer.Option(help="From when on, ISO 8601, UTC unless it says otherwise. Without: all of it.")
    ] = None,
    ledger: Annotated[Path | None, typer.Option(help="The file; without it the newest of the mode.")] = None,
    mode: Annotated[str | None, typer.Option(help="paper, testnet or live; stronger than the settings.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it, on stdout.")] = False,
    picture: Annotated[Path | None, typer.Option(help="A PNG to write: equity, and its drawdown below.")] = None,
) -> None:
    """A run against its targets, net of fees and funding, with how sure each figure is. It promises nothing."""
    since_ms = 0 if since is None else instant_ms(since)
    try:
        measured = run(_measure(ledger, mode, since_ms))
    except (BadSettings, LedgerError, Refused) as error:
        raise Refusal(str(error)) from None
    answer = answer_of(measured)
    if picture is not None:
        _draw(measured, picture, answer.title)
    if json:
        print(orjson.dumps(answer.data).decode())
    else:
        draw(answer_json(answer))


async def _measure(file: Path | None, mode: str | None, since_ms: int) -> Performance:
    async with ledger_to_read(file, mode) as ledger:
        return await measure(ledger, since_ms, await ledger.newest_ms() or 0)


def _draw(measured: Performance, picture: Path, title: str) -> None:
    points = [(point.at_ms, point.equity) for point in measured.summary.equity]
    try:
        draw_equity(points, picture, title, with_drawdown=True)
    except (OSError, ValueError) as error:
        raise Refusal(f"--picture {picture}: {error}; name a PNG in a folder that can be written") from None
