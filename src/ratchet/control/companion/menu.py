"""The companion's commands: what can be asked, with nothing of how it is answered."""

from ratchet.control.commands import ASK_HELP, CONFIG, LOGS, change, question

MENU = (
    question("status", "status", "How it stands: whether orders are placed, the symbols, the cases, MA7."),
    question("cases", "cases [SYMBOL]", "What was bought and is not sold yet, and what it waits for."),
    question("readings", "readings [SYMBOL] [N]", "The last closed minutes: close, MA7 and its heading, EMA21, RSI."),
    question("summary", "summary", "The day since 00:00 UTC: cases closed, sold, profit, fees."),
    question("performance", "performance [DAYS]", "Results day by day, 7 days unless another number is said."),
    question("why", "why CASE|SYMBOL", "The story of a case, or the last cases of a symbol and what was left alone."),
    question("orders", "orders [SYMBOL]", "What stands on spot, and whose it is."),
    question("balance", "balance", "The coins of the account as the exchange states them now."),
    change("pause", "pause", "Nothing new is placed; what stands stays."),
    change("resume", "resume", "Orders are placed again, after a pause or a panic.", is_dangerous=True),
    change(
        "close", "close CASE|SYMBOL|all", "Give up cases: their SELLs are cancelled, coins stay.", is_dangerous=True
    ),
    change("panic", "panic", "Its orders are cancelled, nothing new is placed; coins are not sold.", is_dangerous=True),
    CONFIG,
    LOGS,
    question("risk", "risk", "The limits of BUYs back and how much of each is used."),
    ASK_HELP,
)
NAMES = tuple(command.name for command in MENU)
HELP = {command.name: command for command in MENU}
