"""The keeper: one task that takes one trade from its entry to its accounted end, and never lets it stand naked."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import ZERO
from ratchet.domain.order import LimitOrder, MarketOrder, OrderReport, OrderStatus, Role, StopOrder, StopStatus
from ratchet.domain.signal import Signal
from ratchet.domain.user_event import OrderChanged, StopChanged
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError, Rejected
from ratchet.ledger.ledger import Ledger
from ratchet.risk.guard import Approved
from ratchet.risk.stop_move import stop_after_rungs
from ratchet.trading.executor import Executor, NeverArrived, stop_status
from ratchet.trading.inbox import Inbox
from ratchet.trading.trade_state import TradeState

INBOX_SIZE_MAX = 1_000
CLOSE_REFUSALS_MAX = 5
WOULD_TAKE = -5022  # a post-only order would fill at once
REDUCE_ONLY_REFUSED = -2022  # nothing is left to reduce

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
    ledger: Ledger
    clock: Clock
    break_even_extra_fraction: Decimal  # the break-even stop lies this far on the winning side of the entry


class Keeper:
    """One trade's task. `on_event` may be called at any time; all work is done in `run`, one step after the other."""

    def __init__(
        self, state: TradeState, rules: SymbolRules, parts: KeeperParts, on_orders: Callable[[ClientOrderId], None]
    ) -> None:
        self.state = state
        self._rules = rules
        self._client = parts.client
        self._executor = parts.executor
        self._ledger = parts.ledger
        self._clock = parts.clock
        self._break_even_extra_fraction = parts.break_even_extra_fraction
        self._on_order = on_orders
        self._inbox: Inbox[KeeperEvent] = Inbox(parts.clock, size_max=INBOX_SIZE_MAX)
        self._quantity_expected = ZERO  # what the entry's reply said was filled
        self._reason = ""  # why it ends, once somebody wants it to
        self._stop_moved = False
        self._left = False

    # what the outside may do ------------------------------------------------------------------------------

    def on_event(self, event: KeeperEvent) -> None:
        """Hand over an event. When the inbox is full the truth is asked for instead, as soon as it is worked off."""
        if isinstance(event, OrderChanged) and event.fill is not None:
            self._note_naked(event.fill.side)
        if not self._inbox.put(event):
            log.error("keeper_inbox_full", symbol=self.state.symbol, trade_id=self.state.trade_id)

    async def open(self, approved: Approved, signal: Signal, profile: str) -> bool:
        """Enter, protect, place the ladder. False when nothing was filled and the trade is over."""
        entered = await self._enter(approved, signal, profile)
        if entered and await self._protect():
            await self._place_ladder()
        return entered

    async def keep(self) -> None:
        """React until nothing is held and all is accounted for, or until told to leave the position to its stop."""
        try:
            async with asyncio.TaskGroup() as tasks:
                watch = tasks.create_task(self._watch_hold(), name=f"hold {self.state.symbol}")
                while not self._left:
                    if self._is_flat:
                        with self._clock.working():
                            await self._end()
                        break
                    async with self._inbox.take() as event:
                        await self._react(event)
                watch.cancel()
        finally:
            self._inbox.discard_all()

    # the life of a trade ----------------------------------------------------------------------------------

    async def _enter(self, approved: Approved, signal: Signal, profile: str) -> bool:
        """Plan every order, make the plan durable, send the entry. False when nothing was filled."""
        bracket = approved.bracket
        entry = MarketOrder(
            client_order_id=await self._new_id(Role.ENTRY),
            symbol=bracket.symbol,
            side=bracket.side,
            quantity=bracket.quantity,
        )
        self._stop_planned = await self._plan_stop(bracket.quantity, bracket.price_stop)
        self._rungs_planned = await self._plan_rungs(bracket.quantity)
        orders: list[tuple[Role, MarketOrder | LimitOrder | StopOrder]] = [
            (Role.ENTRY, entry),
            (Role.STOP, self._stop_planned),
            *self._rungs_planned,
        ]
        await self._ledger.record_trade(
            self.state.trade_id, bracket, signal, orders, profile=profile, at_ms=self.state.opened_ms
        )
        try:
            report = await self._executor.place(entry)
        except (Rejected, NeverArrived) as no:
            return await self._end_unfilled(f"entry refused: {no}")
        if report.quantity_filled == 0:
            return await self._end_unfilled(f"entry {report.status.lower()} without a fill")
        self._note_naked(bracket.side)
        self._quantity_expected = report.quantity_filled
        if report.quantity_filled != bracket.quantity:
            await self._replan(report.quantity_filled)
        return True

    async def _protect(self) -> bool:
        """Place the stop over what is held. False when it was refused and the position is being closed instead."""
        stop = self._stop_planned
        try:
            report = await self._executor.place_stop(stop)
        except (Rejected, NeverArrived) as no:
            # Refused once is refused: a second try costs time in which the position is naked.
            await self._executor.refuse(stop, str(no))
            log.error("stop_refused", symbol=self.state.symbol, error=str(no), then="close at market")
            await self._close("stop_refused")
            return False
        if report.status.protects:
            await self._protected(stop)
        await self._executor.confirm(stop, report)
        return report.status.protects

    async def _protected(self, stop: StopOrder) -> None:
        self.state.stop = stop
        since = self.state.naked_since_ms
        if since is None:
            return
        spell = self._clock.elapsed_ms() - since
        self.state.naked_since_ms = None
        self.state.naked_ms = (self.state.naked_ms or 0.0) + spell
        await self._ledger.record_naked(self.state.trade_id, self.state.naked_ms)

    async def _place_ladder(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _, rung in self._rungs_planned:
                tasks.create_task(self._place_rung(rung), name=f"rung {rung.client_order_id}")

    async def _place_rung(self, rung: LimitOrder) -> None:
        try:
            await self._executor.place(rung)
        except Rejected as no:
            if no.code != WOULD_TAKE:
                log.warning("rung_refused", symbol=self.state.symbol, price=str(rung.price), error=str(no))
                return
            await self._take_rung(rung)
        except NeverArrived:
            log.warning("rung_lost", symbol=self.state.symbol, price=str(rung.price))

    async def _take_rung(self, rung: LimitOrder) -> None:
        """The price is already beyond the rung: take the profit rather than wait for it to come back."""
        taking = replace(rung, client_order_id=await self._new_id(Role.RUNG), post_only=False)
        await self._record((Role.RUNG, taking))
        try:
            await self._executor.place(taking)
        except (Rejected, NeverArrived) as no:
            log.warning("rung_refused", symbol=self.state.symbol, price=str(rung.price), error=str(no))

    async def _watch_hold(self) -> None:
        await self._clock.sleep_until(self.state.opened_ms + self.state.bracket.hold_ms_max)
        self.on_event(HoldOver())

    async def _react(self, event: KeeperEvent) -> None:
        match event:
            case OrderChanged(report=report, fill=fill):
                await self._on_order_changed(report, fill)
            case StopChanged():
                await self._on_stop_changed(event)
            case HoldOver():
                await self._close("hold")
            case CloseWanted(reason=reason):
                await self._close(reason)
            case LookAgain():
                await self._look_again()
                await self._check_stop()
                if self._reason and not self._is_flat:
                    await self._close(self._reason)
            case LeaveWanted():
                await self._look_again()  # what is still in the inbox is not read any more
                self._left = True

    async def _on_order_changed(self, report: OrderReport, fill: Fill | None) -> None:
        if fill is not None:
            await self._book(fill)
        await self._ledger.mark(
            report.client_order_id, report.status, at_ms=report.updated_ms, order_id=report.order_id
        )
        if fill is not None and self.state.role_of(fill) is Role.RUNG and not self._is_flat and not self._reason:
            await self._move_stop()

    async def _on_stop_changed(self, event: StopChanged) -> None:
        report = event.report
        status = stop_status(report.status)
        if status is not None:
            await self._ledger.mark(report.client_order_id, status, at_ms=report.updated_ms, reason=report.reason)
        stop = self.state.stop
        if stop is None or report.client_order_id != stop.client_order_id or report.status is StopStatus.NEW:
            return
        if status is None:  # triggering, triggered or finished: its market order is on the way or through
            return
        await self._on_stop_lost(f"stop_{report.status.lower()}", report.reason)

    async def _check_stop(self) -> None:
        """Ask whether the stop still stands: an event that says otherwise may have been missed."""
        stop = self.state.stop
        if stop is None or self._is_flat:
            return
        try:
            report = await self._client.fetch_stop(stop.symbol, stop.client_order_id)
        except ExchangeError as error:
            log.warning("stop_not_fetched", symbol=stop.symbol, error=str(error))
            return
        if report is None:
            await self._on_stop_lost("stop_unknown", "the exchange does not know it")
        elif stop_status(report.status) is not None:
            await self._on_stop_changed(StopChanged(report=report))

    async def _on_stop_lost(self, end: str, why: str) -> None:
        """The stop is gone and did not trigger. What is still held is closed: why it went may hold for the next."""
        self.state.stop = None
        self.state.naked_since_ms = self._clock.elapsed_ms()
        await self._look_again()
        if not self._is_flat:
            log.error("stop_lost", symbol=self.state.symbol, end=end, reason=why)
            await self._close(end)

    async def _move_stop(self) -> None:
        """After a rung: a stop over what is left, at break-even or better. New first, then the old: never none."""
        if self.state.quantity_entered < self._quantity_expected:
            await self._look_again()
        old = self.state.stop
        if old is None or self._is_flat:
            return
        price = stop_after_rungs(
            self.state.bracket,
            price_entry=self.state.price_entry,
            price_stop=old.price_trigger,
            rungs_filled=self.state.rungs_filled,
            extra_fraction=self._break_even_extra_fraction,
            rules=self._rules,
        )
        new = await self._plan_stop(self.state.quantity_held, price)
        await self._record((Role.STOP, new))
        try:
            report = await self._executor.place_stop(new)
        except (Rejected, NeverArrived) as no:
            # The old stop stands and covers what is left: its quantity is cut to the position at its trigger.
            await self._executor.refuse(new, str(no))
            log.warning("stop_not_moved", symbol=self.state.symbol, price=str(price), error=str(no))
            if price != old.price_trigger:
                await self._close("break_even")
            return
        await self._executor.confirm(new, report)
        self.state.stop = new
        self._stop_moved = self._stop_moved or price != self.state.bracket.price_stop
        await self._executor.cancel_stop(self.state.symbol, old.client_order_id)

    async def _close(self, reason: str) -> None:
        """End at market. The rungs go first: resting reduce-only orders would have the close refused (-4118)."""
        self._reason = self._reason or reason
        refusals = 0
        while refusals < CLOSE_REFUSALS_MAX:
            await self._executor.cancel_plain_orders(self.state.symbol)
            await self._look_again()
            quantity = self._quantity_to_close
            if quantity == 0:
                return
            order = MarketOrder(
                client_order_id=await self._new_id(Role.CLOSE),
                symbol=self.state.symbol,
                side=self.state.bracket.side.opposite,
                quantity=quantity,
                reduce_only=True,
            )
            await self._record((Role.CLOSE, order))
            try:
                report = await self._executor.place(order)
            except (Rejected, NeverArrived) as no:
                # What never arrived is sent again for as long as it takes; what is refused again and again is not.
                refusals += isinstance(no, Rejected)
                gone = isinstance(no, Rejected) and no.code == REDUCE_ONLY_REFUSED
                log.warning("close_refused", symbol=self.state.symbol, error=str(no), position_gone=gone)
                continue
            if report.quantity_filled == quantity:
                return  # its fills are on their way, or asked for by the next look
        log.error("position_not_closed", symbol=self.state.symbol, quantity=str(self._quantity_to_close))

    async def _look_again(self) -> None:
        """Ask the exchange for this trade's fills and book those that were missed."""
        try:
            fills = await self._client.fetch_fills(self.state.symbol, since_ms=self.state.opened_ms)
        except ExchangeError as error:
            log.warning("fills_not_fetched", symbol=self.state.symbol, error=str(error))
            return
        known = await self._ledger.client_order_ids(self.state.trade_id)
        for fill in fills:
            name = known.get(fill.order_id)
            if name is not None:
                await self._book(replace(fill, client_order_id=name))

    async def _book(self, fill: Fill) -> None:
        if self.state.book(fill):
            await self._ledger.record_fill(fill)

    async def _end(self) -> None:
        """Nothing is held: nothing may be left behind, and every fill must be in the ledger."""
        await self._executor.cancel_plain_orders(self.state.symbol)
        if self.state.stop is not None:
            await self._executor.cancel_stop(self.state.symbol, self.state.stop.client_order_id)
            self.state.stop = None
        self.state.naked_since_ms = None
        await self._look_again()
        await self._learn_ends()
        await self._ledger.close_trade(self.state.trade_id, reason=self._end_reason, at_ms=self._clock.now_ms())

    async def _learn_ends(self) -> None:
        """Ask what became of orders whose end no event has told yet: after this nobody listens for it."""
        for name, role in await self._ledger.unfinished_orders(self.state.trade_id):
            try:
                if role is Role.STOP:
                    stop = await self._client.fetch_stop(self.state.symbol, name)
                    status = None if stop is None else stop_status(stop.status) or _DONE.get(stop.status)
                else:
                    order = await self._client.fetch_order(self.state.symbol, name)
                    status = None if order is None else order.status
            except ExchangeError as error:
                log.warning("order_end_unknown", client_order_id=name, error=str(error))
                continue
            if status is not None:
                await self._ledger.mark(name, status, at_ms=self._clock.now_ms())

    async def _end_unfilled(self, reason: str) -> bool:
        log.warning("entry_not_filled", symbol=self.state.symbol, reason=reason)
        await self._ledger.close_trade(self.state.trade_id, reason="refused", at_ms=self._clock.now_ms())
        return False

    # small questions --------------------------------------------------------------------------------------

    @property
    def _is_flat(self) -> bool:
        entered = self.state.quantity_entered
        return entered > 0 and entered >= self._quantity_expected and self.state.quantity_held == 0

    @property
    def _quantity_to_close(self) -> Decimal:
        exited = self.state.quantity_entered - self.state.quantity_held
        return max(self._quantity_expected, self.state.quantity_entered) - exited

    @property
    def _end_reason(self) -> str:
        last = max(self.state.fills.values(), key=lambda fill: (fill.at_ms, fill.fill_id))
        match self.state.role_of(last):
            case Role.STOP:
                return "break_even" if self._stop_moved else "stop"
            case Role.RUNG:
                return "rungs"
            case _:
                return self._reason or "closed_outside"

    def _note_naked(self, side: object) -> None:
        if side is self.state.bracket.side and self.state.stop is None and self.state.naked_since_ms is None:
            self.state.naked_since_ms = self._clock.elapsed_ms()

    # intents ----------------------------------------------------------------------------------------------

    async def _new_id(self, role: Role) -> ClientOrderId:
        name = await self._ledger.next_client_order_id(self.state.trade_id, role)
        self.state.roles[name] = role
        self._on_order(name)
        return name

    async def _record(self, *orders: tuple[Role, MarketOrder | LimitOrder | StopOrder]) -> None:
        await self._ledger.record_intents(self.state.trade_id, orders, at_ms=self._clock.now_ms())

    async def _plan_stop(self, quantity: Decimal, price: Decimal) -> StopOrder:
        return StopOrder(
            client_order_id=await self._new_id(Role.STOP),
            symbol=self.state.symbol,
            side=self.state.bracket.side.opposite,
            quantity=quantity,
            price_trigger=price,
        )

    async def _plan_rungs(self, quantity: Decimal) -> list[tuple[Role, LimitOrder]]:
        """The ladder over `quantity`: nearest rungs first, for a partly filled entry only as far as it reaches."""
        left = quantity
        planned: list[tuple[Role, LimitOrder]] = []
        for rung in self.state.bracket.rungs:
            part = min(rung.quantity, left)
            if part == 0:
                break
            left -= part
            order = LimitOrder(
                client_order_id=await self._new_id(Role.RUNG),
                symbol=self.state.symbol,
                side=self.state.bracket.side.opposite,
                quantity=part,
                price=rung.price,
                reduce_only=True,
                post_only=True,
            )
            planned.append((Role.RUNG, order))
        return planned

    async def _replan(self, quantity: Decimal) -> None:
        """The entry was filled in part: the stop and the ladder are planned anew over what is held."""
        self._stop_planned = await self._plan_stop(quantity, self.state.bracket.price_stop)
        self._rungs_planned = await self._plan_rungs(quantity)
        await self._record((Role.STOP, self._stop_planned), *self._rungs_planned)
