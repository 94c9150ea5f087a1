"""Operations: what an operator does to trading: pause, resume, close one, panic. Each is written down and told.

What protects never waits for the disk: entries stop at once, and what was done is written as soon as it can be.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.money import plain
from ratchet.domain.order import OrderStatus
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.certainty import LATE_MS
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import Deed, OperatorEvent, Standing
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.trading.books.notebook import Notebook
from ratchet.trading.operators.emergency import Emergency
from ratchet.trading.operators.panic import Order, Panic, PanicReport
from ratchet.trading.protection.halts import Halts
from ratchet.trading.protection.protector import Protector
from ratchet.trading.trades.open_trades import OpenTrades

PAUSED, PANIC = "operator", "panic"  # causes of halts
REASON = "panic"  # of trades that it ended
DURABLE_S = 1.0  # that a panic waits for the disk before it closes anything
RECORD_S = 5.0  # that the others do
PATIENCE_S = 30.0  # after which an order is answered though it is not through; it goes on
LOOK_S = 2.0  # for a flag that somebody else has left: before an entry it is looked for anyway
READ_S = 1.0
AGAIN_S = 2.0
CLOSE_LOOK_S = 0.3

log = structlog.get_logger(__name__)


class CannotResume(Exception):
    """Nothing was resumed: why, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseReport:
    """What came of closing one symbol, by the exchange's word. Quantities are of the base asset, signed."""

    symbol: Symbol
    held_before: Decimal  # by what the trader knew; 0: nothing was held
    left: Decimal | None  # None: the exchange has not answered
    reason: str  # why something is left; empty when nothing is
    is_flat: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsParts:
    """What it is handed."""

    clock: Clock
    client: BinanceClient
    ledger: Ledger
    notebook: Notebook
    protector: Protector
    trades: OpenTrades
    halts: Halts
    noticeboard: Noticeboard
    emergency: Emergency


class Operations:
    """Call at any time. What a panic is about goes on for as long as `run` does, whoever waits for it."""

    def __init__(self, parts: OperationsParts) -> None:
        self._clock = parts.clock
        self._client = parts.client
        self._ledger = parts.ledger
        self._notebook = parts.notebook
        self._protector = parts.protector
        self._trades = parts.trades
        self._halts = parts.halts
        self._noticeboard = parts.noticeboard
        self._emergency = parts.emergency
        self._pause: OperatorEvent | None = None
        self._is_restored = False
        self._wanted = asyncio.Event()  # that everything is closed
        self._panic: Panic | None = None  # the one under way, or the last
        self._answers: list[asyncio.Future[PanicReport]] = []
        self._began = parts.clock.elapsed_ms()

    # How things stand -------------------------------------------------------------------------------------------------

    @property
    def standing(self) -> Standing:
        """The deeds that keep entries off."""
        return Standing(pause=self._pause, emergency=self._emergency.panic)

    @property
    def is_paused(self) -> bool:
        """Whether an operator has paused it."""
        return self._pause is not None

    @property
    def is_in_emergency(self) -> bool:
        """Whether there was a panic and no resume since."""
        return self._emergency.stands

    def panic_so_far(self) -> PanicReport | None:
        """How far the last panic of this process has come; None where there was none."""
        return None if self._panic is None else self._panic.report()

    # What is done -----------------------------------------------------------------------------------------------------

    async def pause(self, who: str) -> bool:
        """No entries until a resume. Returns: whether it is in the ledger; if not, it will be as soon as it can."""
        event = self._event(Deed.PAUSE, who)
        self._take_up_pause(event)
        self._say(Kind.PAUSE, f"paused by {who}: no entries until a resume", Weight.WARNING)
        return await _within({self._notebook.operator_event(event)}, RECORD_S)

    async def resume(self, who: str) -> None:
        """Lift pause and emergency. Raises: CannotResume when that could not be written down: then all is as before."""
        event = self._event(Deed.RESUME, who)
        try:
            await self._notebook.write(lambda: self._ledger.record_operator_event(event), RECORD_S)
            await self._emergency.flag.take_away()
        except LedgerError as error:
            raise CannotResume(f"nothing was resumed: {error}") from None
        except OSError as error:
            raise CannotResume(f"nothing was resumed: the emergency's flag stays ({error.strerror})") from None
        self._pause, self._emergency.panic = None, None
        self._protector.call_off()
        self._halts.lift(PAUSED)
        self._halts.lift(PANIC)
        self._say(Kind.RESUME, f"resumed by {who}")

    async def close(self, symbol: Symbol, who: str, patience_s: float = PATIENCE_S) -> CloseReport:
        """Close what is held of a symbol at market, whosever it is. What is not closed in time is gone on with."""
        held = self._protector.ward(symbol).held
        self._notebook.operator_event(self._event(Deed.CLOSE, who, symbol))
        self._say(Kind.CLOSE, f"{symbol} is closed by {who}", symbol=symbol)
        self._protector.heed(symbol)
        if not self._trades.close(symbol, PAUSED):
            self._protector.close(symbol, PAUSED)
        return await self._closed(symbol, held, patience_s)

    async def panic(self, who: str, patience_s: float = PATIENCE_S) -> PanicReport:
        """Entries stop, everything is closed, every order cancelled, and the report proves it by the exchange's word.

        Until a resume nothing is entered and nothing stays held. After `patience_s` the report says how far it has
        come and what it waits for; it goes on until it is through, and says so in a notice.
        """
        event = self._event(Deed.PANIC, who)
        self._bar_entries(event)
        self._say(Kind.PANIC, f"panic by {who}: everything is closed", Weight.ALARM)
        leaving = asyncio.ensure_future(self._emergency.flag.leave(event))
        leaving.add_done_callback(_hear)
        if not await _within({leaving, self._notebook.operator_event(event)}, DURABLE_S):
            log.error("panic_not_durable")
        answer = self._flatten(who)
        await asyncio.wait({answer}, timeout=patience_s)
        if answer.done():
            return answer.result()
        panic = self._panic or self._new_panic(who)
        return panic.report()

    # At work ----------------------------------------------------------------------------------------------------------

    async def restore(self) -> None:
        """What stood when the process before ended: by the flag and by the ledger. Entries are not on before both are
        known; protection does not wait for it."""
        if (panic := self._emergency.flag.read()) is not None:
            self._take_up_panic(panic)
        self._halts.set(PAUSED, "the ledger has not said yet whether entries were paused")
        await self._restore_from_ledger()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch(), name="emergency flag")
                tasks.create_task(self._flatten_when_wanted(), name="panic")
        finally:
            self._answer()

    async def _restore_from_ledger(self) -> None:
        try:
            async with asyncio.timeout(READ_S):
                found = await self._ledger.standing()
        except (LedgerError, TimeoutError) as error:
            log.warning("standing_not_known", error=str(error) or "the ledger takes too long")
            return
        self._is_restored = True
        self._halts.lift(PAUSED)
        if found.pause is not None or self._pause is not None:
            self._take_up_pause(found.pause or self._event(Deed.PAUSE, "operator"))
        if found.emergency is not None and not self._emergency.stands:
            self._take_up_panic(found.emergency)

    async def _watch(self) -> None:
        """A panic may be ordered without this process: it hung, or was not asked."""
        while True:
            if not self._is_restored:
                await self._restore_from_ledger()
            if not self._emergency.stands and (panic := self._emergency.flag.read()) is not None:
                self._take_up_panic(panic)
            await asyncio.sleep(LOOK_S if self._is_restored else AGAIN_S)

    def _take_up_pause(self, event: OperatorEvent) -> None:
        self._pause = self._pause or event
        self._halts.set(PAUSED, f"paused by {self._pause.who} at {self._pause.time_text}; resume lifts it")

    def _take_up_panic(self, event: OperatorEvent) -> None:
        """One that was ordered before this process began, or past it."""
        self._bar_entries(event)
        self._say(Kind.PANIC, f"the panic by {event.who} at {event.time_text} stands: resume lifts it", Weight.ALARM)
        self._flatten(event.who)

    def _bar_entries(self, event: OperatorEvent) -> None:
        """At once, whatever comes after."""
        panic = self._emergency.panic = self._emergency.panic or event
        self._halts.set(PANIC, f"panic by {panic.who} at {panic.time_text}; resume lifts it")

    def _flatten(self, who: str) -> "asyncio.Future[PanicReport]":
        """Begin to close everything. Returns: what the exchange says when it is done."""
        answer: asyncio.Future[PanicReport] = asyncio.get_running_loop().create_future()
        self._answers.append(answer)
        if not self._wanted.is_set():
            self._panic = self._new_panic(who)
        self._wanted.set()
        self._protector.close_all(REASON)
        return answer

    def _new_panic(self, who: str) -> Panic:
        panic = Panic(
            self._client,
            self._clock,
            _ByProtector(self._protector),
            who=who,
            # What a process of before has sent may still arrive.
            proof_from=self._began + LATE_MS,
            on_word=lambda word: self._say(Kind.PANIC, f"the panic goes on: {word}", Weight.ALARM),
        )
        panic.knew(self._protector.held(), self._orders_known())
        return panic

    def _orders_known(self) -> Sequence[Order]:
        """What the trader believes to stand."""
        plain_ones = [
            (keeper.state.symbol, name)
            for keeper in self._trades.keepers()
            for name, order in keeper.state.orders.items()
            if order.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        ]
        return [*plain_ones, *self._protector.standing()]

    async def _flatten_when_wanted(self) -> None:
        while True:
            await self._wanted.wait()
            if self._panic is not None:
                report = await self._panic.run(lambda: self._emergency.stands)
                self._wanted.clear()
                self._tell(report)
            self._answer()

    def _tell(self, report: PanicReport) -> None:
        how = "nothing is held and no order stands" if report.is_flat else "called off by a resume"
        text = f"panic by {report.who}: {how} after {report.took_ms / 1_000:.1f} s"
        self._say(Kind.PANIC, text, Weight.ALARM)
        after = {"closed": [symbol for symbol, _ in report.closed], "left": [left.symbol for left in report.left]}
        event = OperatorEvent(
            at_ms=self._clock.now_ms(), who=report.who, what=Deed.PANIC_ENDED, detail=text, after=after
        )
        self._notebook.operator_event(event)

    def _answer(self) -> None:
        answers, self._answers = self._answers, []
        for answer in answers:
            if not answer.done() and self._panic is not None:
                answer.set_result(self._panic.report())

    async def _closed(self, symbol: Symbol, held: Decimal, patience_s: float) -> CloseReport:
        left: Decimal | None = None
        reason = "the exchange has not answered"
        began = self._clock.elapsed_ms()
        while True:
            await asyncio.sleep(CLOSE_LOOK_S)
            try:
                left = await self._look(symbol)
            except ExchangeError as error:
                reason = f"the exchange does not answer: {error}"
            else:
                reason = self._protector.why_held(symbol) if left else ""
            is_over = self._clock.elapsed_ms() - began >= patience_s * 1_000
            if left == 0 or is_over:
                return CloseReport(symbol=symbol, held_before=held, left=left, reason=reason, is_flat=left == 0)

    async def _look(self, symbol: Symbol) -> Decimal:
        asked = self._clock.elapsed_ms()
        positions = await self._client.fetch_positions()
        self._protector.on_positions(positions, asked)
        return sum((each.quantity_signed for each in positions if each.symbol == symbol), Decimal(0))

    def _event(self, deed: Deed, who: str, detail: str = "") -> OperatorEvent:
        return OperatorEvent(at_ms=self._clock.now_ms(), who=who, what=deed, detail=detail)

    def _say(self, kind: Kind, text: str, weight: Weight = Weight.INFO, symbol: Symbol | None = None) -> None:
        at_ms = self._clock.now_ms()
        self._noticeboard.post(Notice(kind=kind, at_ms=at_ms, text=text, weight=weight, symbol=symbol))


class _ByProtector:
    """Closing by the protector: it has been told to close everything, and is told what a look showed."""

    def __init__(self, protector: Protector) -> None:
        self._protector = protector

    async def close(self, positions: Sequence[Position], asked: float) -> None:
        """See `Closing`."""
        self._protector.on_positions(positions, asked)

    def under_way(self) -> str:
        """See `Closing`."""
        if coming := self._protector.coming():
            return f"what may still come of the entries on {', '.join(coming)}"
        if held := self._protector.held():
            return ", ".join(f"{plain(quantity)} of {symbol}" for symbol, quantity in held.items())
        return ""

    def why_left(self, symbol: Symbol) -> str:
        """See `Closing`."""
        return self._protector.why_held(symbol)


async def _within(work: "set[asyncio.Future[None]]", timeout_s: float) -> bool:
    """Wait until one of these has succeeded, so long at most. None is given up."""
    loop = asyncio.get_running_loop()
    until, pending = loop.time() + timeout_s, work
    while pending and (left_s := until - loop.time()) > 0:
        done, pending = await asyncio.wait(pending, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            if not each.cancelled() and (error := each.exception()) is None:
                return True
            log.warning("not_written", error=str(error))
    return False


def _hear(work: "asyncio.Future[None]") -> None:
    """Whatever becomes of it after nobody waits any more is no surprise."""
    if not work.cancelled():
        work.exception()
