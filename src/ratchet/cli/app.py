"""The command line `ratchet`."""

import sys

import typer

from ratchet.cli.demo import demo
from ratchet.cli.refusal import Refusal

app = typer.Typer(
    name="ratchet",
    help="A trader for Binance USDC perpetuals in which no position exists without a stop on the exchange.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(demo)


@app.callback()
def _main() -> None:
    """Keep `demo` a command of its own while it is the only one."""


def main() -> None:
    """Run the command line. What a user can mend is one line on stderr and exit code 2, never a traceback."""
    try:
        app()
    except Refusal as refusal:
        print(f"ratchet: {refusal}", file=sys.stderr)
        sys.exit(2)
