"""The command line `ratchet`."""

import sys
from importlib import import_module

import typer

from ratchet.cli.refusal import Refusal
from ratchet.control import commands
from ratchet.control.companion import menu
from ratchet.exchange.lean_ccxt import load_binance_alone

# Each is a function in a module of its name.
COMMANDS = ("demo", "trade", "doctor", "guard", "audit", "drill", "compare", "why", "report", "account", "rebound")
# What a running trader or companion is asked, in `operate`.
OPERATING = tuple(name for name in dict.fromkeys((*commands.NAMES, *menu.NAMES)) if name not in COMMANDS)


def app_with(commands: tuple[str, ...]) -> typer.Typer:
    """The application with some of its commands: loading one alone is quick, and brings in nothing of the others."""
    app = typer.Typer(
        name="ratchet",
        help="A trader for Binance USDC perpetuals in which no position exists without a stop on the exchange.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    # With a callback a command keeps its name while it is the only one.
    app.callback()(lambda: None)
    for command in commands:
        if command in OPERATING:
            _add_operating(app, command)
        else:
            app.command(command)(getattr(import_module(f"ratchet.cli.{command}"), command))
    return app


def _add_operating(app: typer.Typer, command: str) -> None:
    from ratchet.cli.operate import operator_command

    # What begins with a dash may be a value: `config set bracket.x -1` is refused by the trader, with what is wanted.
    app.command(command, context_settings={"ignore_unknown_options": True})(operator_command(command))


def main() -> None:
    """Run the command line. What a user can mend is one line on stderr and exit code 2, never a traceback."""
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    if asked not in OPERATING:
        load_binance_alone()  # half of the time that a start takes, in which nothing is protected
    everything = (*COMMANDS, *OPERATING)
    try:
        app_with((asked,) if asked in everything else everything)()
    except Refusal as refusal:
        print(f"ratchet: {refusal}", file=sys.stderr)
        sys.exit(2)
