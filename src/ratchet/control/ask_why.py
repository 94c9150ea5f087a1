"""Questions for reasons and results that the ledger answers: why, report."""

from ratchet.control.kpi import report
from ratchet.control.parts import DeskParts
from ratchet.control.request import Commands, Request
from ratchet.control.why import why, why_all
from ratchet.control.words import Words

HOUR_MS = 3_600_000
HOURS = 24 * 7
HOURS_MAX = 24 * 31


class LedgerQuestions:
    """why, report."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts

    def commands(self) -> Commands:
        """By name."""
        return {"why": self._why, "report": self._report}

    async def _why(self, words: Words) -> Request:
        ledger, clock = self._parts.ledger, self._parts.clock
        if not words.has_more():
            return Request(lambda _asker: why_all(ledger, clock.now_ms()))
        symbol = words.symbol(self._parts.symbols)
        words.end()
        return Request(lambda _asker: why(ledger, symbol, clock.now_ms()))

    async def _report(self, words: Words) -> Request:
        hours = words.count("HOURS", default=HOURS, most=HOURS_MAX)
        words.end()
        now_ms = self._parts.clock.now_ms()
        since_ms = now_ms - hours * HOUR_MS
        return Request(lambda _asker: self._parts.aside.look(lambda ledger: report(ledger, now_ms, since_ms)))
