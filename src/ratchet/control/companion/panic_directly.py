"""Panic without a companion: no process answers, or it hangs. Straight to the exchange, with a client of its own.

It needs neither the companion's memory nor its ledger: what begins with the companion's letters is its order, whatever
ledger it was written down in. That there was a panic is left in the ledger, so that a companion that is started later
places nothing until a resume.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed, OperatorEvent
from ratchet.rebound.panic import SpotPanic, SpotPanicReport

RECORDED_S = 8.0  # longer than a database waits for who writes to it

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DirectPanic:
    """What came of it."""

    report: SpotPanicReport
    not_recorded: str  # why a companion that is started later would not know of it; empty: it will


async def spot_panic_directly(
    settings: ExchangeSettings,
    ledger_url: str,
    who: str,
    *,
    patience_s: float,
    on_word: Callable[[str], None] = lambda _: None,
) -> DirectPanic:
    """Cancel every order of the companion, on any pair, and prove it by what the exchange lists.

    Args: ledger_url, of the companion that is meant; patience_s, after which it gives up and says what is left;
        on_word, called with what is waited for whenever that changes.
    """
    clock = SystemClock()
    event = OperatorEvent(at_ms=clock.now_ms(), who=who, what=Deed.PANIC, detail="without a companion")
    recording = asyncio.create_task(_record(ledger_url, event), name="panic into the ledger")
    until = clock.elapsed_ms() + patience_s * 1_000
    said = ""
    try:
        async with SpotClient(settings, clock) as client:
            panic = SpotPanic(client, clock, who, at_ms=event.at_ms)

            def goes_on() -> bool:
                nonlocal said
                word = panic.report().waits_for
                if word != said:
                    said = word
                    on_word(word)
                return clock.elapsed_ms() < until

            report = await panic.run(goes_on)
        try:
            async with asyncio.timeout(RECORDED_S):
                not_recorded = await asyncio.shield(recording)
        except TimeoutError:
            not_recorded = f"it was locked for {RECORDED_S:.0f} s"
    finally:
        recording.cancel()
        await asyncio.gather(recording, return_exceptions=True)
    return DirectPanic(report, not_recorded)


async def _record(ledger_url: str, event: OperatorEvent) -> str:
    """Why it could not be written down; empty: it is."""
    try:
        ledger = await Ledger.open(ledger_url)
    except LedgerError as error:
        log.error("panic_not_recorded", error=str(error))
        return str(error)
    try:
        await ledger.record_operator_event(event)
    except LedgerError as error:
        log.error("panic_not_recorded", error=str(error))
        return str(error)
    finally:
        with suppress(LedgerError):
            await ledger.close()
    return ""
