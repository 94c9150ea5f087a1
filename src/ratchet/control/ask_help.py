"""The question for what can be asked."""

from collections.abc import Sequence

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.desk import CommandHelp, Role
from ratchet.control.request import Commands, Request
from ratchet.control.words import Words


def help_commands(menu: Sequence[CommandHelp]) -> Commands:
    """By name. Args: menu, of the desk that they are for."""
    by_name = {command.name: command for command in menu}

    async def understand(words: Words) -> Request:
        name = words.one_of("COMMAND", by_name) if words.has_more() else None
        words.end()
        return Request(lambda _asker: _tell(tuple(menu) if name is None else (by_name[name],)))

    return {"help": understand}


async def _tell(commands: tuple[CommandHelp, ...]) -> Answer:
    data: list[Json] = [
        {
            "name": each.name,
            "usage": each.usage,
            "summary": each.summary,
            "role": each.role.value,
            "is_dangerous": each.is_dangerous,
        }
        for each in commands
    ]
    return Answer(
        title="Commands" if len(commands) > 1 else commands[0].name,
        table=Table(
            headings=("ask", "what it does", "who may"),
            rows=tuple((each.usage, each.summary, _who(each)) for each in commands),
        ),
        notes=("Dangerous ones are asked twice. Symbols may be written in any way: btc, BTC/USDC, BTCUSDC.",),
        data={"commands": data},
    )


def _who(command: CommandHelp) -> str:
    return "operators" if command.role is Role.OPERATOR else "everybody"
