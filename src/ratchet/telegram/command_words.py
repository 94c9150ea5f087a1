"""Commands as they are written in Telegram, and as the desk and the menu know them."""

import re
from collections.abc import Iterable

from ratchet.control.desk import CommandHelp, Role

MENU_NAME = re.compile(r"[a-z0-9_]{1,32}")
SUMMARY_LENGTH_MAX = 256
COMMANDS_MAX = 100  # of a menu
GREETING = "start"  # what Telegram's own button says
HELP = "help"


def menu_of(commands: Iterable[CommandHelp], role: Role) -> tuple[tuple[str, str], ...]:
    """Names and summaries of what somebody may ask."""
    entries = (
        (_in_menu(command.name), command.summary[:SUMMARY_LENGTH_MAX] or command.name)
        for command in commands
        if role is Role.OPERATOR or command.role is Role.VIEWER
    )
    return tuple(entry for entry in entries if MENU_NAME.fullmatch(entry[0]))[:COMMANDS_MAX]


def words_of(text: str, bot_name: str | None, commands: Iterable[CommandHelp]) -> tuple[str, ...] | None:
    """`/why@my_bot BTCUSDC` as ("why", "BTCUSDC"). None: no command, or one for another bot.

    A name that the desk does not know stays as it is written.
    """
    first, *rest = text.split() or [""]
    if not first.startswith("/"):
        return None
    name, _, addressed = first.removeprefix("/").partition("@")
    if not name or (addressed and addressed.lower() != (bot_name or "").lower()):
        return None
    name = HELP if name.lower() == GREETING else name.lower()
    known = {_in_menu(command.name): command.name for command in commands}
    return (known.get(_in_menu(name), name), *rest)


def _in_menu(name: str) -> str:
    return name.replace("-", "_")
