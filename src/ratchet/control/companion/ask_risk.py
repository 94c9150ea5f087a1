"""The question for risk: the limits of BUYs back, and how much of each is used."""

from ratchet.control.answer import Answer, Table
from ratchet.control.companion.ask_standing import placing
from ratchet.control.companion.parts import CompanionParts
from ratchet.control.desk import Asker
from ratchet.control.request import Commands, Request
from ratchet.control.shape import money
from ratchet.control.words import Words
from ratchet.domain.money import plain
from ratchet.ledger.aggregates import DAY_MS


class RiskQuestion:
    """risk."""

    def __init__(self, parts: CompanionParts) -> None:
        self._parts = parts

    def commands(self) -> Commands:
        """By name."""
        return {"risk": self._risk}

    async def _risk(self, words: Words) -> Request:
        words.end()
        return Request(self._tell)

    async def _tell(self, _asker: Asker) -> Answer:
        limits, now_ms = self._parts.settings.now.rebound, self._parts.clock.now_ms()
        today_ms = now_ms // DAY_MS * DAY_MS
        used = await self._parts.books.backs_open_quote()
        counts = {symbol: await self._parts.books.backs_since(symbol, today_ms) for symbol in self._parts.watched}
        most = limits.buy_back_count
        return Answer(
            title="Limits of BUYs back",
            facts=(
                ("placing", placing(self._parts.status())),
                (
                    "BUYs back",
                    f"{plain(limits.buy_back_percent)} % below the SELL" if most else "off: buy_back_count is 0",
                ),
                ("open ones together", f"{money(used)} of {money(limits.buy_back_quote_max)} USDC"),
            ),
            table=Table(
                headings=("symbol", "BUYs back today", "at most"),
                rows=tuple((symbol, str(count), str(most)) for symbol, count in counts.items()),
                numeric=frozenset({1, 2}),
            ),
            notes=("The day begins at 00:00 UTC.",),
            data={
                "buy_back_count": most,
                "buy_back_percent": plain(limits.buy_back_percent),
                "quote_used": plain(used),
                "quote_max": plain(limits.buy_back_quote_max),
                "backs_today": {str(symbol): count for symbol, count in counts.items()},
            },
        )
