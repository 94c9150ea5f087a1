"""The trader's commands: what can be asked, with nothing of how it is answered."""

from ratchet.control.desk import CommandHelp, Role


def question(name: str, usage: str, summary: str) -> CommandHelp:
    """A command that changes nothing."""
    return CommandHelp(name=name, usage=usage, summary=summary, role=Role.VIEWER, is_dangerous=False)


def change(name: str, usage: str, summary: str, *, is_dangerous: bool = False) -> CommandHelp:
    """A command for operators alone."""
    return CommandHelp(name=name, usage=usage, summary=summary, role=Role.OPERATOR, is_dangerous=is_dangerous)


# What every menu has, word for word.
CONFIG = CommandHelp(
    name="config",
    usage="config [show [SECTION] | set KEY VALUE | unset KEY | reset | schema]",
    summary="The settings in force, or another value for one of them.",
    role=Role.VIEWER,  # to see them; the rest wants an operator
    is_dangerous=True,
)
LOGS = question("logs", "logs [N]", "The last lines of the log.")
ASK_HELP = question("help", "help [COMMAND]", "The commands, or one of them.")

COMMANDS = (
    question("status", "status", "How it stands: balance, positions, whether entries are on."),
    question("summary", "summary", "The day since 00:00 UTC: trades, result, fees."),
    question("performance", "performance [DAYS]", "Results day by day, 7 days unless another number is said."),
    question("positions", "positions", "What is held, with its stop and its result so far."),
    question("signals", "signals [N]", "The last signals and what became of them."),
    question("why", "why [SYMBOL]", "Why there was an entry on a symbol, or none, step by step."),
    question("universe", "universe [SYMBOL]", "The symbols in play, or why one is or is not among them."),
    change("pause", "pause", "No new entries; what is held is kept as ever."),
    change("resume", "resume", "Entries on again, after a pause or a panic.", is_dangerous=True),
    change("panic", "panic", "Entries stop, orders are cancelled, everything is closed.", is_dangerous=True),
    change("close", "close SYMBOL|all", "Close one position, or all of them, at market.", is_dangerous=True),
    change("profile", "profile [NAME]", "The profiles, or another one for new positions.", is_dangerous=True),
    CONFIG,
    question("risk", "risk", "The limits of risk and how much of each is used."),
    LOGS,
    question("orders", "orders [SYMBOL]", "The orders and stops that rest on the exchange."),
    question("balance", "balance", "The account as the exchange states it now."),
    question("report", "report [HOURS]", "The last 7 days, or so many hours, against the targets."),
    ASK_HELP,
)
NAMES = tuple(command.name for command in COMMANDS)
HELP = {command.name: command for command in COMMANDS}
