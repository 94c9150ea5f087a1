"""The keeper: one task that takes one trade from its entry to its accounted end. Its stop is the protector's work."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import ZERO
from ratchet.domain.order import LimitOrder, MarketOrder, OrderReport, OrderStatus, Role, StopOrder, StopStatus
from ratchet.domain.user_event import OrderChanged, StopChanged
from ratchet.exchange.certainty import LAG_MS
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import BadReply, ExchangeError, Meaning, Rejected
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.observe.notices import Kind, Notice, Noticeboard
from ratchet.risk.guard import Approved
from ratchet.risk.stop_move import stop_after_rungs
from ratchet.trading.books.notebook import Notebook
from ratchet.trading.books.ownership import owner_of_fill
from ratchet.trading.inbox import Inbox
from ratchet.trading.protection.executor import Executor, NeverArrived, stop_status
from ratchet.trading.protection.protector import Protector
from ratchet.trading.trades.trade_state import TradeOrder, TradeState
from ratchet.trading.trades.trade_words import ended, entered, rung_taken

INBOX_SIZE_MAX = 1_000
LOOKS_IN_VAIN_MAX = 3  # answers without the fills that must be there, before their lack is booked as a gap
LOOK_PAUSE_S = 0.5
CLOCK_DOUBT_MS = 600_000  # by so much this machine's clock may have been ahead when the trade began
PLAN_TIMEOUT_S = 3.0  # for the ledger to have the plan, before the entry is given up
LATE_REQUEST_MS = 7_000 + LAG_MS  # the exchange takes a request no more: its receive window is over; and shows it

_DONE = {StopStatus.FINISHED: OrderStatus.FILLED}  # its market order is through

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HoldOver:
    """The maximum hold has passed."""


@dataclass(frozen=True, slots=True)
class CloseWanted:
    """Somebody wants the trade ended at market."""

    reason: str


@dataclass(frozen=True, slots=True)
class LeaveWanted:
    """The process ends: leave the position to its stop on the exchange."""


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Events may have been missed, or the exchange's state does not fit: ask for the truth."""


KeeperEvent: TypeAlias = OrderChanged | StopChanged | HoldOver | CloseWanted | LeaveWanted | LookAgain


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperParts:
    """What every keeper is handed."""

    client: BinanceClient
    executor: Executor
    protector: Protector
    ledger: Ledger
    notebook: Notebook
    clock: Clock
    noticeboard: Noticeboard
    break_even_extra_fraction: Callable[[], Decimal]  # beyond the entry, on the winning side


class Keeper:
    """One trade's task. `on_event` may be called at any time; all work is done in `keep`, one step after the other."""

    def __init__(
        self, state: TradeState, rules: SymbolRules, parts: KeeperParts, on_order: Callable[[ClientOrderId], None]
    ) -> None:
        self.state = state
        self.ended_by: str | None = None  # the reason, once nothing is held any more
        self._rules = rules
        self._client = parts.client
        self._executor = parts.executor
        self._protector = parts.protector
        self._ledger = parts.ledger
        self._notebook = parts.notebook
        self._clock = parts.clock
        self._noticeboard = parts.noticeboard
        self._break_even_extra_fraction = parts.break_even_extra_fraction()  # for as long as it lasts
        self._on_order = on_order
        self._inbox: Inbox[KeeperEvent] = Inbox(parts.clock, size_max=INBOX_SIZE_MAX)
        self._price_stop = state.bracket.price_stop
        self._rungs: list[tuple[Role, LimitOrder]] = []
        self._reason = ""  # why it ends, once somebody wants it to
        self._others: dict[FillId, None] = {}  # executions on the symbol that are none of this trade's
        self._looks_in_vain = 0
        self._in_vain_since = 0.0  # real ms
        self._left = False

    # what the outside may do ------------------------------------------------------------------------------

    def on_event(self, event: KeeperEvent) -> None:
        """Hand over an event. When the inbox is full the sweep finds what it would have told."""
        if not self._inbox.put(event):
            log.error("keeper_inbox_full", symbol=self.state.symbol, trade_id=self.state.trade_id)

    def on_closing(self, reason: str) -> None:
        """The protector closes what is held."""
        self._reason = self._reason or reason

    def on_naked(self, naked_ms: float) -> None:
        """A spell without a confirmed stop has ended."""
        self.state.naked_ms = (self.state.naked_ms or 0.0) + naked_ms
        self._notebook.naked(self.state.trade_id, self.state.naked_ms)

    def on_sending(self, name: ClientOrderId, role: Role) -> None:
        """An order of this trade is about to be sent."""
        self.state.orders[name] = TradeOrder(role=role, status=OrderStatus.SENT)
        self._on_order(name)

    async def open(self, approved: Approved, strategy: str, profile: str) -> bool:
        """Enter, have it protected, place the ladder. False when nothing was filled and the trade is over.

        Raises: LedgerError when the plan could not be written down: then nothing was sent.
        """
        filled = await self._enter(approved, strategy, profile)
        if filled == 0:
            return False
        self._say(Kind.ENTRY, entered(self.state, filled, self._price_stop))
        if await self._covered() and not self._reason:
            if filled != approved.bracket.quantity:
                self._rungs = self._plan_rungs(filled)
                self._notebook.intents(self.state.trade_id, self._rungs)
            await self._place_ladder()
        return True

    async def _covered(self) -> bool:
        """Wait until what is held is covered, however long that takes. False when it is closed instead."""
        while True:
            try:
                return await self._protector.settled(self.state.symbol)
            except TimeoutError:
                log.warning("still_not_covered", symbol=self.state.symbol)

    async def take_up(self, price_stop: Decimal) -> bool:
        """Go on with a trade that was begun before. False when nothing ever came of it, and it is over.

        Args: price_stop, where its stop belongs, as far as it had come.
        """
        self._price_stop = price_stop
        for name in self.state.orders:
            self._on_order(name)
        ward = self._protector.ward(self.state.symbol)
        while True:
            has_answered = await self._look_again()
            if ward.held or self.state.quantity_entered:
                break
            if has_answered and self._is_entry_dead:
                self._end_unfilled("nothing came of it")
                return False
            await asyncio.sleep(LOOK_PAUSE_S)
        self._protector.want(self.state.symbol, self.state.trade_id, price_stop)
        self.on_event(LookAgain())
        if not self.state.orders and self.state.bracket.rungs and await self._covered():
            self._rungs = self._plan_rungs(abs(ward.held))  # another hand's position, which is adopted
            self._notebook.intents(self.state.trade_id, self._rungs)
            await self._place_ladder()
        return True

    async def keep(self) -> None:
        """React until nothing is held and all is accounted for, or until told to leave the position to its stop."""
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._watch_hold(), name=f"hold {self.state.symbol}")
                while not self._left:
                    if self._is_over:
                        with self._clock.working():
                            await self._end()
                        break
                    async with self._inbox.take() as event:
                        await self._react(event)
                watch.cancel()
        finally:
            self._inbox.discard_all()

    # the life of a trade ----------------------------------------------------------------------------------

    async def _enter(self, approved: Approved, strategy: str, profile: str) -> Decimal:
        """Plan every order, make the plan durable, send the entry. Returns the base quantity that was filled."""
        bracket = approved.bracket
        entry = MarketOrder(
            client_order_id=self._name(Role.ENTRY),
            symbol=bracket.symbol,
            side=bracket.side,
            quantity=bracket.quantity,
        )
        stop = StopOrder(
            client_order_id=self._name(Role.STOP),
            symbol=bracket.symbol,
            side=bracket.side.opposite,
            quantity=bracket.quantity,
            price_trigger=bracket.price_stop,
        )
        self._rungs = self._plan_rungs(bracket.quantity)
        orders: list[tuple[Role, MarketOrder | LimitOrder | StopOrder]] = [(Role.ENTRY, entry), (Role.STOP, stop)]
        orders += self._rungs
        # After the end of the trade before it: of two that are open, each would take the other's fills for its own.
        await self._notebook.write(
            lambda: self._ledger.record_trade(
                self.state.trade_id,
                bracket,
                strategy,
                orders,
                profile=profile,
                at_ms=self.state.opened_ms,
                leverage=approved.leverage,
            ),
            PLAN_TIMEOUT_S,
        )
        self._protector.expect(bracket.symbol, self.state.trade_id, stop, bracket.side.sign * bracket.quantity)
        self.on_sending(entry.client_order_id, Role.ENTRY)
        try:
            report = await self._protector.send(entry)
        except (Rejected, NeverArrived) as no:
            return self._end_unfilled(f"entry refused: {no}")
        finally:
            self._protector.entered(bracket.symbol)
        self._learn(report)
        if report.quantity_filled == 0:
            return self._end_unfilled(f"entry {report.status.lower()} without a fill")
        return report.quantity_filled

    def _end_unfilled(self, reason: str) -> Decimal:
        log.warning("entry_not_filled", symbol=self.state.symbol, reason=reason)
        self._protector.release(self.state.symbol)
        self._notebook.trade_closed(self.state.trade_id, "refused")
        return ZERO

    async def _place_ladder(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _, rung in self._rungs:
                tasks.create_task(self._place_rung(rung), name=f"rung {rung.client_order_id}")

    async def _place_rung(self, rung: LimitOrder) -> None:
        self.on_sending(rung.client_order_id, Role.RUNG)
        try:
            self._learn(await self._executor.place(rung))
        except Rejected as no:
            if no.meaning is not Meaning.WOULD_TAKE:
                log.warning("rung_refused", symbol=self.state.symbol, price=str(rung.price), error=str(no))
                return
            await self._take_rung(rung)
        except NeverArrived:
            log.warning("rung_lost", symbol=self.state.symbol, price=str(rung.price))

    async def _take_rung(self, rung: LimitOrder) -> None:
        """The price is already beyond the rung: take the profit rather than wait for it to come back."""
        taking = replace(rung, client_order_id=self._name(Role.RUNG), post_only=False)
        self._notebook.intents(self.state.trade_id, [(Role.RUNG, taking)])
        self.on_sending(taking.client_order_id, Role.RUNG)
        try:
            self._learn(await self._protector.send(taking))
        except (Rejected, NeverArrived) as no:
            log.warning("rung_refused", symbol=self.state.symbol, price=str(rung.price), error=str(no))

    async def _watch_hold(self) -> None:
        if self.state.bracket.hold_ms_max is not None:
            await self._clock.sleep_until(self.state.opened_ms + self.state.bracket.hold_ms_max)
            self.on_event(HoldOver())

    async def _react(self, event: KeeperEvent) -> None:
        match event:
            case OrderChanged(report=report, fill=fill):
                self._on_order_changed(report, fill)
            case StopChanged():
                self._on_stop_changed(event)
            case HoldOver():
                await self._close("hold")
            case CloseWanted(reason=reason):
                await self._close(reason)
            case LookAgain():
                if await self._look_again():  # what was not answered says nothing of what is not there
                    self._own_up()
                if not self._reason:
                    self._move_stop()  # a rung may have been filled that no event told of
                if self._reason and self._protector.ward(self.state.symbol).held:
                    self._protector.close(self.state.symbol, self._reason)
            case LeaveWanted():
                await self._look_again()  # what is still in the inbox is not read any more
                self._left = True

    def _on_order_changed(self, report: OrderReport, fill: Fill | None) -> None:
        if fill is not None:
            self._book(fill)
        if report.client_order_id in self.state.orders:
            self._learn(report)
        if fill is not None and self.state.role_of(fill) is Role.RUNG and not self._reason:
            self._say(Kind.RUNG, rung_taken(self.state, fill))
            self._move_stop()

    def _on_stop_changed(self, event: StopChanged) -> None:
        report = event.report
        status = stop_status(report.status) or _DONE.get(report.status)
        if report.client_order_id not in self.state.orders or (status is None and report.order_id is None):
            return
        known = self.state.orders[report.client_order_id].status
        if self.state.learn(report.client_order_id, status or known, order_id=report.order_id) and status is not None:
            self._notebook.status(report.client_order_id, status, order_id=report.order_id, reason=report.reason)

    def _learn(self, report: OrderReport) -> None:
        if self.state.learn(
            report.client_order_id, report.status, order_id=report.order_id, filled=report.quantity_filled
        ):
            self._notebook.status(report.client_order_id, report.status, order_id=report.order_id)

    def _move_stop(self) -> None:
        """After a rung: break-even or better for what is left. Its quantity follows the position by itself."""
        self._price_stop = stop_after_rungs(
            self.state.bracket,
            price_entry=self.state.price_entry,
            price_stop=self._price_stop,
            rungs_filled=self.state.rungs_filled,
            extra_fraction=self._break_even_extra_fraction,
            rules=self._rules,
        )
        self._protector.want(self.state.symbol, self.state.trade_id, self._price_stop)

    async def _close(self, reason: str) -> None:
        self._reason = self._reason or reason
        self._protector.close(self.state.symbol, self._reason)
        try:
            await self._protector.settled(self.state.symbol)
        except TimeoutError:
            log.error("position_not_closed", symbol=self.state.symbol, reason=self._reason)  # it goes on trying
            return
        if self.state.quantity_held != 0:
            await self._look_again()

    # fills ------------------------------------------------------------------------------------------------

    async def _look_again(self) -> bool:
        """Ask the exchange for this trade's fills and book those that were missed. False when it did not answer."""
        try:
            since_ms = self.state.opened_ms - CLOCK_DOUBT_MS
            fills = await self._client.fetch_fills(self.state.symbol, since_ms=since_ms)
            missed = [fill for fill in fills if fill.fill_id not in self.state.fills.keys() | self._others.keys()]
            if not fills or any(self.state.name_of(fill) is None for fill in missed):
                await self._learn_ends()
            for fill in missed:
                await self._book_missed(fill)
        except (ExchangeError, LedgerError) as error:
            log.warning("fills_not_fetched", symbol=self.state.symbol, error=str(error))
            return False
        return True

    async def _book_missed(self, fill: Fill) -> None:
        name = self.state.name_of(fill)
        if name is None:
            owner = await owner_of_fill(self._client, self._ledger, fill)
            if owner.may_turn_up(fill, self._clock.now_ms()):
                raise BadReply(f"order {fill.order_id} is filled and not known yet")
            # What another hand did before is none of this trade's; what it does meanwhile is.
            is_ours = owner.trade_id == self.state.trade_id
            if not is_ours and (owner.trade_id is not None or fill.at_ms < self.state.opened_ms):
                self._others[fill.fill_id] = None
                return
            name = owner.name if is_ours else None
        self._book(replace(fill, client_order_id=name))

    def _book(self, fill: Fill) -> None:
        if self.state.book(fill):
            self._notebook.fill(fill, self.state.trade_id)

    def _own_up(self) -> None:
        """What the exchange holds and no fill explains, however often it is asked, is a gap: booked, and said."""
        ward = self._protector.ward(self.state.symbol)
        missing = ward.held - self.state.bracket.side.sign * self.state.quantity_held
        if missing == 0 or ward.coming:
            self._looks_in_vain = 0
            return
        now = self._clock.elapsed_ms()
        if self._looks_in_vain == 0:
            self._in_vain_since = now
        self._looks_in_vain += 1
        if self._looks_in_vain < LOOKS_IN_VAIN_MAX or now - self._in_vain_since < LAG_MS:
            return
        self._looks_in_vain = 0
        price = ward.price_entry or self.state.price_entry
        log.error("fills_not_to_be_had", symbol=self.state.symbol, quantity=str(missing))
        self.state.gap += missing
        self._notebook.gap(self.state.trade_id, self.state.symbol, missing, price, "no fill explains it")

    async def _learn_ends(self) -> None:
        """Ask what became of orders that were sent and whose end, or whose number, no event has told yet."""
        for name, order in tuple(self.state.orders.items()):
            is_numberless = order.status is OrderStatus.FILLED and order.order_id is None
            if order.status is not OrderStatus.INTENDED and (is_numberless or not order.status.is_final):
                await self._ask(name, order)

    async def _ask(self, name: ClientOrderId, order: TradeOrder) -> None:
        if order.role is Role.STOP:
            stop = await self._client.fetch_stop(self.state.symbol, name)
            if stop is not None:
                self._on_stop_changed(StopChanged(report=stop))
            return
        report = await self._client.fetch_order(self.state.symbol, name)
        if report is not None:
            self._learn(report)

    async def _end(self) -> None:
        """Nothing is held: nothing may be left behind, and every fill must be in the ledger."""
        await self._executor.cancel_own_orders(self.state.symbol)
        self._protector.release(self.state.symbol)
        await self._look_again()
        try:
            await self._learn_ends()
            await self._protector.settled(self.state.symbol)
        except (ExchangeError, TimeoutError) as error:
            log.warning("ends_not_learned", symbol=self.state.symbol, error=str(error) or type(error).__name__)
        reason = self._end_reason
        self._notebook.trade_closed(self.state.trade_id, reason)
        self.ended_by = reason
        self._say(Kind.STOP_LOSS if reason == "stop" else Kind.CLOSE, ended(self.state, reason))

    def _say(self, kind: Kind, text: str) -> None:
        self._noticeboard.post(Notice(kind=kind, at_ms=self._clock.now_ms(), text=text, symbol=self.state.symbol))

    # small questions --------------------------------------------------------------------------------------

    @property
    def _is_entry_dead(self) -> bool:
        """Whether nothing can come of the entry any more: it ended without a fill, or is too old to be taken still."""
        entries = [order for order in self.state.orders.values() if order.role is Role.ENTRY]
        is_late = self._clock.now_ms() - self.state.opened_ms > LATE_REQUEST_MS
        return all(each.quantity_filled == 0 and (each.status.is_final or is_late) for each in entries)

    @property
    def _is_over(self) -> bool:
        """Nothing is held by the exchange's word and by the fills', and no fill is lacking that it speaks of."""
        state, held = self.state, self._protector.ward(self.state.symbol).held
        if state.quantity_entered == 0 or state.quantity_held > 0 or state.bracket.side.sign * held > 0:
            return False
        return not state.lacks_fills

    @property
    def _end_reason(self) -> str:
        if not self.state.fills:
            return self._reason or "closed_outside"
        last = max(self.state.fills.values(), key=lambda fill: (fill.at_ms, fill.fill_id))
        match self.state.role_of(last):
            case Role.STOP:
                return "break_even" if self._price_stop != self.state.bracket.price_stop else "stop"
            case Role.RUNG:
                return "rungs"
            case _:
                return self._reason or "closed_outside"

    # orders -----------------------------------------------------------------------------------------------

    def _name(self, role: Role) -> ClientOrderId:
        name = self._ledger.name_order(self.state.trade_id, role)
        self.state.orders[name] = TradeOrder(role=role)
        self._on_order(name)
        return name

    def _plan_rungs(self, quantity: Decimal) -> list[tuple[Role, LimitOrder]]:
        """The ladder over `quantity`: nearest rungs first, for a partly filled entry only as far as it reaches."""
        left = quantity
        planned: list[tuple[Role, LimitOrder]] = []
        for rung in self.state.bracket.rungs:
            part = min(rung.quantity, left)
            if part == 0:
                break
            left -= part
            order = LimitOrder(
                client_order_id=self._name(Role.RUNG),
                symbol=self.state.symbol,
                side=self.state.bracket.side.opposite,
                quantity=part,
                price=rung.price,
                reduce_only=True,
                post_only=True,
            )
            planned.append((Role.RUNG, order))
        return planned
