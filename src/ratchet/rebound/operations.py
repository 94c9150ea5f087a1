"""Operations: what an operator does to the companion: pause, resume, give up a case, panic. Each is written down.

Coins are the person's: nothing here sells or buys any. A panic takes back what the companion has placed, and no more.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.identity import CaseId, ClientOrderId
from ratchet.domain.symbol import Symbol
from ratchet.exchange.certainty import LATE_MS
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed, OperatorEvent, Standing
from ratchet.observe.notices import Kind, Weight
from ratchet.rebound.panic import SpotPanic, SpotPanicReport
from ratchet.rebound.seller import GivingUp
from ratchet.rebound.terms import Terms, say
from ratchet.rebound.watcher import SymbolWatcher

PATIENCE_S = 20.0  # after which an operator is answered though it is not through; it goes on
READ_AGAIN_S = 1.0
UNREAD = "the ledger has not said yet whether it is paused"

log = structlog.get_logger(__name__)


class CannotResume(Exception):
    """Nothing was resumed: why, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """What came of giving up a case."""

    case_id: CaseId
    symbol: Symbol
    cancelled: tuple[ClientOrderId, ...]
    is_over: bool  # its order is gone by the exchange's word, and the case is closed
    reason: str  # why not; how it ended where it is over


class CompanionOperations:
    """Call at any time. What a panic is about goes on for as long as `run` does, whoever waits for it."""

    def __init__(
        self,
        client: SpotClient,
        ledger: Ledger,
        clock: Clock,
        terms: Terms,
        watchers: Mapping[Symbol, SymbolWatcher],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._terms = terms
        self._watchers = watchers
        self._began = clock.elapsed_ms()
        self._is_read = False  # what stands by the ledger
        self._pause: OperatorEvent | None = None
        self._emergency: OperatorEvent | None = None
        self._panic: SpotPanic | None = None  # the one under way, or the last
        self._wanted = asyncio.Event()  # that nothing of ours stands
        self._is_through = asyncio.Event()
        terms.gate.held_back = UNREAD

    async def run(self) -> None:
        """Until cancelled. Nothing is placed before it has read what was done before it."""
        await self._read()
        while True:
            await self._wanted.wait()
            if self._panic is not None:
                report = await self._panic.run(lambda: self.is_in_emergency)
                self._wanted.clear()
                if self.is_in_emergency:
                    self._give_up_all(report.who, report.at_ms)  # by now all books are read
                await self._tell(report)
            self._is_through.set()

    @property
    def is_paused(self) -> bool:
        """Whether an operator has paused it."""
        return self._pause is not None

    @property
    def is_in_emergency(self) -> bool:
        """Whether there was a panic and no resume since."""
        return self._emergency is not None

    # What is done ----------------------------------------------------------------------------------------------------

    async def pause(self, who: str) -> None:
        """Nothing new is placed until a resume, also across restarts; what stands stays. Raises: LedgerError when that
        could not be written down: it is paused then, but a restart would not know of it."""
        event = self._event(Deed.PAUSE, who)
        self._pause = self._pause or event
        self._set_gate()
        self._say(Kind.PAUSE, f"paused by {who}: nothing new is placed until a resume", Weight.WARNING)
        await self._ledger.record_operator_event(event)

    async def resume(self, who: str) -> None:
        """Lift pause and emergency. Raises: CannotResume."""
        try:
            await self._ledger.record_operator_event(self._event(Deed.RESUME, who))
        except LedgerError as error:
            raise CannotResume(f"nothing was resumed: {error}") from None
        self._pause, self._emergency, self._is_read = None, None, True
        self._set_gate()
        self._say(Kind.RESUME, f"resumed by {who}")

    async def give_up(self, cases: Collection[CaseId], who: str) -> list[GivenUp]:
        """Cancel what these cases have standing, and close them. What has been sold by then stays sold. One that is
        not over in a while is answered all the same, and goes on. Those that were over before are not in the answer."""
        under_way = self._give_up(cases, who)
        named = ", ".join(str(case_id) for _, case_id in under_way)
        await self._write_down(self._event(Deed.CLOSE, who, f"cases {named}"))
        overs = [asyncio.ensure_future(each.is_over.wait()) for each in under_way.values()]
        if overs:
            await asyncio.wait(overs, timeout=PATIENCE_S)
            for over in overs:
                over.cancel()
        return [
            GivenUp(
                case_id=case_id,
                symbol=symbol,
                cancelled=tuple(each.cancelled),
                is_over=each.is_over.is_set(),
                reason=each.reason,
            )
            for (symbol, case_id), each in under_way.items()
        ]

    async def panic(self, who: str) -> SpotPanicReport:
        """Pause, cancel every order of the companion, and give up its cases. Answers when the exchange lists none, or
        after a while; then it goes on."""
        event = self._event(Deed.PANIC, who)
        if self._panic is None or not self._wanted.is_set():
            self._begin_panic(event)
            self._say(Kind.PANIC, f"panic by {who}: all orders of the companion are cancelled", Weight.ALARM)
        await self._write_down(event)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._is_through.wait()
        except TimeoutError:
            log.warning("panic_goes_on", who=who)
        if self._panic is None:
            raise AssertionError("a panic that was begun is there")
        return self._panic.report()

    # How -------------------------------------------------------------------------------------------------------------

    def _begin_panic(self, event: OperatorEvent) -> None:
        self._emergency = self._emergency or event
        self._set_gate()
        self._panic = SpotPanic(
            self._client,
            self._clock,
            event.who,
            at_ms=event.at_ms,
            coming=self._coming,
            proof_from=self._began + LATE_MS,  # what a process of before has sent may arrive until then
        )
        self._is_through.clear()
        self._wanted.set()
        self._give_up_all(event.who, event.at_ms)

    def _give_up_all(self, who: str, until_ms: int) -> None:
        opened = [each.case for watcher in self._watchers.values() for each in watcher.open_cases()]
        self._give_up([case.case_id for case in opened if case.opened_ms <= until_ms], who)

    def _coming(self) -> list[str]:
        unread = [f"the books of {symbol}" for symbol, each in self._watchers.items() if each.watch is None]
        return unread + [f"word of {name}" for each in self._watchers.values() for name in each.coming()]

    def _give_up(self, cases: Collection[CaseId], who: str) -> dict[tuple[Symbol, CaseId], GivingUp]:
        return {
            (symbol, case_id): each
            for symbol, watcher in self._watchers.items()
            for case_id, each in watcher.give_up(cases, who).items()
        }

    async def _read(self) -> None:
        """What stands since the last resume. Until that is known nothing is placed."""
        while not self._is_read:
            try:
                standing = await self._ledger.standing()
            except LedgerError as error:
                log.warning("standing_not_read", error=str(error))
                await asyncio.sleep(READ_AGAIN_S)
            else:
                self._take_up(standing)

    def _take_up(self, standing: Standing) -> None:
        if self._is_read:  # by a resume meanwhile
            return
        self._is_read = True
        self._pause = self._pause or standing.pause
        if standing.emergency is not None and not self._wanted.is_set():
            self._begin_panic(standing.emergency)
        self._set_gate()

    def _set_gate(self) -> None:
        if self._emergency is not None:
            held_back = f"panic by {self._emergency.who} at {self._emergency.time_text}"
        elif self._pause is not None:
            held_back = f"paused by {self._pause.who} at {self._pause.time_text}"
        else:
            held_back = "" if self._is_read else UNREAD
        self._terms.gate.held_back = held_back
        for watcher in self._watchers.values():
            watcher.on_gate()

    async def _tell(self, report: SpotPanicReport) -> None:
        how = "no order of the companion stands" if report.is_clear else "called off by a resume"
        text = f"panic by {report.who}: {how} after {report.took_ms / 1_000:.1f} s"
        self._say(Kind.PANIC, text, Weight.ALARM)
        await self._write_down(self._event(Deed.PANIC_ENDED, report.who, text))

    async def _write_down(self, event: OperatorEvent) -> None:
        """What is done is done, whether or not the ledger can be told."""
        try:
            await self._ledger.record_operator_event(event)
        except LedgerError as error:
            log.error("deed_not_recorded", what=event.what.value, who=event.who, error=str(error))
            text = f"the ledger does not know of the {event.what.value.replace('_', ' ')}: {error}"
            self._say(Kind.LEDGER, text, Weight.WARNING)

    def _event(self, deed: Deed, who: str, detail: str = "") -> OperatorEvent:
        return OperatorEvent(at_ms=self._clock.now_ms(), who=who, what=deed, detail=detail)

    def _say(self, kind: Kind, text: str, weight: Weight = Weight.INFO) -> None:
        say(self._terms, self._clock, None, text, kind=kind, weight=weight)
