"""The hourly audit: at a start over the time since the last one, then every hour of exchange time."""

import structlog

from ratchet.domain.clock import Clock
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.trading.books.audit import SETTLING_MS, Auditor, AuditReport

HOUR_MS = 3_600_000
AFTER_MS = 2 * SETTLING_MS  # past the hour: funding is due at it, and has settled then
AGAIN_MS = 300_000  # after one that failed

log = structlog.get_logger(__name__)


class HourlyAudit:
    """One task. What it finds stops nothing: what is held has its stops whatever the books say."""

    def __init__(self, auditor: Auditor, ledger: Ledger, clock: Clock) -> None:
        self._auditor = auditor
        self._ledger = ledger
        self._clock = clock
        self._begun_ms = clock.now_ms()
        self._was_clean = True
        self.audited_ms: int | None = None  # up to when the books have been compared
        self.doubts = ""  # what two audits in a row could not explain, empty when all agrees

    async def run(self) -> None:
        """Audit until cancelled."""
        while True:
            with self._clock.working():
                next_ms = await self._audit()
            await self._clock.sleep_until(next_ms)

    async def _audit(self) -> int:
        """Once. Returns when the next is due."""
        now_ms = self._clock.now_ms()
        try:
            since_ms = await self._ledger.audited_ms()
            if since_ms is None:
                since_ms = self._begun_ms
            if since_ms < now_ms - SETTLING_MS:
                self._on_report(await self._auditor.audit(since_ms, now_ms - SETTLING_MS))
        except (ExchangeError, LedgerError) as error:
            log.warning("audit_failed", error=str(error))
            return now_ms + AGAIN_MS
        except Exception:
            # Books that cannot be compared must not end the tasks that protect.
            log.exception("audit_broken")
            return now_ms + AGAIN_MS
        return ((now_ms - AFTER_MS) // HOUR_MS + 1) * HOUR_MS + AFTER_MS

    def _on_report(self, report: AuditReport) -> None:
        self.audited_ms = report.until_ms
        log.info("audited", until_ms=report.until_ms, compared=report.compared, mended=len(report.mended))
        if report.is_clean:
            self.doubts = ""
        elif self._was_clean:
            # One of the exchange's books may be behind the others: the next audit begins where this one did.
            log.warning("books_differ", what=report.doubts)
        else:
            self.doubts = report.doubts
            log.error("books_disagree", what=report.doubts, since_ms=report.since_ms, until_ms=report.until_ms)
        self._was_clean = report.is_clean
