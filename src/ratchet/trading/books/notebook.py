"""The notebook: what has happened is handed to the ledger without waiting for it, in order, until it has it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, OrderId, TradeId
from ratchet.domain.order import LimitOrder, MarketOrder, OrderStatus, Origin, Role, StopOrder
from ratchet.domain.symbol import Symbol
from ratchet.ledger.errors import LedgerError, LedgerUnavailable
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.operator_events import OperatorEvent
from ratchet.trading.inbox import Inbox

WAITING_MAX = 20_000
RETRY_S = 0.5

Note: TypeAlias = Callable[[], Awaitable[Any]]

log = structlog.get_logger(__name__)


class Notebook:
    """A disk that is slow, full or locked delays the ledger and nothing else. What a crash takes from the notebook is
    found again on the exchange: every order there carries the name of its trade.

    `on_trouble` is called with the reason when the ledger cannot be written, and with "" when it can again.
    """

    def __init__(self, ledger: Ledger, clock: Clock, *, on_trouble: Callable[[str], None]) -> None:
        self._ledger = ledger
        self._clock = clock
        self._notes: Inbox[Note] = Inbox(clock, size_max=WAITING_MAX)
        self._on_trouble = on_trouble
        self._in_trouble = False
        self._unwritten = 0
        self._all_written = asyncio.Event()
        self._all_written.set()

    @property
    def waiting(self) -> int:
        """How many notes the ledger does not have yet."""
        return self._unwritten

    # What is noted ------------------------------------------------------------------------------------------

    def intents(
        self,
        trade_id: TradeId | None,
        orders: Sequence[tuple[Role, MarketOrder | LimitOrder | StopOrder]],
        origin: Origin = Origin.SYSTEM,
    ) -> None:
        """Orders that are being sent."""
        at_ms = self._clock.now_ms()
        self._note(lambda: self._ledger.record_intents(trade_id, orders, at_ms=at_ms, origin=origin))

    def status(
        self, name: ClientOrderId, status: OrderStatus, *, order_id: OrderId | None = None, reason: str = ""
    ) -> None:
        """What has become of an order."""
        at_ms = self._clock.now_ms()
        self._note(lambda: self._ledger.mark(name, status, at_ms=at_ms, order_id=order_id, reason=reason))

    def fill(self, fill: Fill, trade_id: TradeId) -> None:
        """An execution, with the trade that it changes."""
        self._note(lambda: self._ledger.record_fill(fill, trade_id))

    def gap(self, trade_id: TradeId, symbol: Symbol, quantity: Decimal, price: Decimal, reason: str) -> None:
        """A change of a position, signed, without a known execution."""
        at_ms = self._clock.now_ms()
        self._note(lambda: self._ledger.record_gap(trade_id, symbol, quantity, price, reason, at_ms=at_ms))

    def naked(self, trade_id: TradeId, naked_ms: float) -> None:
        """How long a trade has stood without a confirmed stop so far, real ms."""
        self._note(lambda: self._ledger.record_naked(trade_id, naked_ms))

    def operator_event(self, event: OperatorEvent) -> "asyncio.Future[None]":
        """What an operator did. Returns: what is done once the ledger has it, whenever that is."""
        recorded: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def note() -> None:
            await self._ledger.record_operator_event(event)
            if not recorded.done():
                recorded.set_result(None)

        self._note(note)
        return recorded

    def trade_closed(self, trade_id: TradeId, reason: str) -> None:
        """A trade is over."""
        at_ms = self._clock.now_ms()
        self._note(lambda: self._ledger.close_trade(trade_id, reason=reason, at_ms=at_ms))

    async def write(self, note: Note, timeout_s: float) -> None:
        """Have something written after everything that was noted before it, and return when it is on the disk.

        Raises: LedgerError when it could not be, or not in time.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def once() -> None:
            if done.done():
                return  # nobody waits for it any more
            failure: LedgerError | None = None
            try:
                await note()
            except LedgerError as error:
                failure = error
            if not done.done():
                done.set_exception(failure) if failure else done.set_result(None)

        self._note(once)
        try:
            async with asyncio.timeout(timeout_s):
                await done
        except TimeoutError:
            raise LedgerUnavailable(f"what came before was not written within {timeout_s:g} s") from None

    # How it gets to the ledger ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            async with self._notes.take_all() as notes:
                await self._write(notes)

    async def written(self, timeout_s: float) -> bool:
        """Wait until the ledger has everything. False when it still lacks something then."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._all_written.wait()
        except TimeoutError:
            log.error("ledger_behind", notes=self._unwritten)
            return False
        return True

    def _note(self, note: Note) -> None:
        if not self._notes.put(note):
            log.error("note_dropped", waiting=WAITING_MAX)  # the exchange has it; the next start finds it there
            return
        self._unwritten += 1
        self._all_written.clear()

    async def _write(self, notes: list[Note]) -> None:
        left = notes
        while left:
            # Begun in order, so that the ledger has them in order, and in one commit.
            answers = await asyncio.gather(*(note() for note in left), return_exceptions=True)
            trouble = next((str(each) for each in answers if isinstance(each, LedgerUnavailable)), "")
            # What is refused beside one that could not be written may lack just that: both are written again.
            passing = LedgerError if trouble else LedgerUnavailable
            again = [note for note, answer in zip(left, answers, strict=True) if isinstance(answer, passing)]
            for answer in answers:
                if isinstance(answer, BaseException) and not isinstance(answer, passing):
                    self._refused(answer)
            self._unwritten -= len(left) - len(again)
            left = again
            self._tell(trouble)
            if left:
                await asyncio.sleep(RETRY_S)
        if self._unwritten == 0:
            self._all_written.set()

    def _refused(self, error: BaseException) -> None:
        """One note's fault is not its neighbours': it is left out, loudly."""
        if not isinstance(error, Exception):
            raise error
        log.error("note_refused", error=str(error), kind=type(error).__name__)

    def _tell(self, trouble: str) -> None:
        if bool(trouble) != self._in_trouble:
            self._in_trouble = bool(trouble)
            self._on_trouble(trouble)
