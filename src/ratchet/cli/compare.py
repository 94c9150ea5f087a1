"""`ratchet compare`: two runs of one market, trade by trade, and why they differ."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from ratchet.cli.event_loop import run
from ratchet.cli.ledger_file import ledger_to_read
from ratchet.cli.refusal import Refusal
from ratchet.domain.money import plain
from ratchet.ledger.errors import LedgerError
from ratchet.research.differences import Comparison, Difference
from ratchet.research.differences import compare as compare_runs
from ratchet.research.run_trades import read_run

DIFFERENT = 1
SHOWN_MAX = 50  # rows of the table

LedgerFile = Annotated[Path, typer.Argument(help="The ledger of a run: a file like var/demo/…/ledger.db.")]


def compare(
    first: LedgerFile,
    second: LedgerFile,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and only it, on stdout.")] = False,
) -> None:
    """Hold two runs over the same time against each other. Exit code 1: they differ."""
    try:
        comparison = run(_compare(first, second))
    except LedgerError as error:
        raise Refusal(str(error)) from None
    if json:
        print(orjson.dumps(as_json(comparison)).decode())
    else:
        print_comparison(comparison, Console(highlight=False))
    raise typer.Exit(DIFFERENT if comparison.differences else 0)


async def _compare(first: Path, second: Path) -> Comparison:
    async with ledger_to_read(first, None) as one, ledger_to_read(second, None) as other:
        return compare_runs(await one.ask(read_run), await other.ask(read_run))


def as_json(comparison: Comparison) -> dict[str, object]:
    """The object of `--json`. Money is text, in USDC; times are ms since the epoch."""
    return {
        "same": comparison.same,
        "net_first": plain(comparison.net_first),
        "net_second": plain(comparison.net_second),
        "by_cause": {cause.value: plain(amount) for cause, amount in sorted(comparison.by_cause.items())},
        "unexplained": plain(comparison.unexplained),
        "differences": [_row_json(each) for each in comparison.differences],
    }


def _row_json(each: Difference) -> dict[str, object]:
    key = each.key
    return {
        "symbol": key.symbol,
        "side": key.side.value,
        "strategy": key.strategy,
        "candle_close_ms": key.candle_close_ms,
        "cause": each.cause.value,
        "amount": plain(each.amount),
        "detail": each.detail,
    }


def print_comparison(comparison: Comparison, console: Console) -> None:
    """For people: each difference, then what the causes come to."""
    shown = comparison.differences[:SHOWN_MAX]
    if shown:
        console.print(_differences_table(shown, len(comparison.differences)))
    sums = Table(title="Two runs", show_header=False)
    sums.add_column(style="bold")
    sums.add_column(justify="right")
    sums.add_row("trades without any difference", str(comparison.same))
    sums.add_row("result of the first", f"{plain(comparison.net_first)} USDC")
    for cause, amount in sorted(comparison.by_cause.items()):
        sums.add_row(f"by {cause.value}", f"{amount:+f} USDC")
    sums.add_row("result of the second", f"{plain(comparison.net_second)} USDC")
    sums.add_row("without a cause", f"{plain(comparison.unexplained)} USDC")
    console.print(sums)


def _differences_table(shown: tuple[Difference, ...], total: int) -> Table:
    table = Table(title=f"Differences ({len(shown)} of {total})")
    for heading in ("symbol", "side", "cause", "USDC", "what"):
        table.add_column(heading, justify="right" if heading == "USDC" else "left")
    for each in shown:
        table.add_row(each.key.symbol, each.key.side.value, each.cause.value, f"{each.amount:+f}", each.detail)
    return table
