"""Answers as a terminal shows them."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


def draw(answer: Mapping[str, Any], console: Console | None = None) -> None:
    """An answer as it came through the door. Nothing in it is markup."""
    console = console or Console(highlight=False, markup=False)
    console.print(Text(str(answer["title"]), style="bold"))
    if answer["facts"]:
        facts = Table.grid(padding=(0, 2))
        for name, value in answer["facts"]:
            facts.add_row(Text(name), Text(value))
        console.print(facts)
    if answer["table"] is not None:
        console.print(_table(answer["table"]))
    for note in answer["notes"]:
        console.print(Text(note), soft_wrap=True)


def _table(told: Mapping[str, Any]) -> Table:
    table = Table()
    for place, heading in enumerate(told["headings"]):
        table.add_column(Text(heading), justify="right" if place in told["numeric"] else "left", overflow="fold")
    for row in told["rows"]:
        table.add_row(*(Text(cell) for cell in row))
    return table
