"""The steps of protection: a stop placed, taken away or waited for, or what is held closed at market.

Each is about one symbol, and whoever takes it looks again afterwards at what is to be done.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeAlias

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.identity import ClientOrderId, TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import LimitOrder, MarketOrder, OrderReport, Role, Side, StopOrder, StopReport
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import Meaning, Rejected
from ratchet.risk.protection import CancelStop, PlaceStop
from ratchet.trading.books.notebook import Notebook
from ratchet.trading.protection.executor import Executor, NeverArrived
from ratchet.trading.protection.ward import Ward

TRIGGER_PATIENCE_MS = 3_000.0  # real time for a triggered stop to fill, or a close
TRIGGER_LOOK_S = 0.5
CLOSE_LOOK_S = 0.2
LOST_MAX = 3  # stops that vanish within the span below, before the position is closed instead
LOST_SPAN_MS = 600_000.0

log = structlog.get_logger(__name__)


class Watcher(Protocol):
    """Who is told what the protector meets with."""

    def on_trouble(self, symbol: Symbol, cause: str, detail: str) -> None:
        """Protection did not go as planned: entries should wait."""

    def on_closing(self, symbol: Symbol, reason: str) -> None:
        """What is held is being closed at market."""

    def on_naked(self, symbol: Symbol, naked_ms: float) -> None:
        """A spell in which what was held was not wholly covered has ended."""

    def on_sending(self, symbol: Symbol, name: ClientOrderId, role: Role) -> None:
        """An order of ours is about to be sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectorParts:
    """What it is handed."""

    client: BinanceClient
    executor: Executor
    notebook: Notebook
    clock: Clock
    name_order: Callable[[TradeId, Role], ClientOrderId]
    rules: Mapping[Symbol, SymbolRules]
    stop_fraction: Decimal  # of the entry, for positions that have no trade


@dataclass(frozen=True, slots=True)
class Flatten:
    """Close what is held at market."""

    reason: str


@dataclass(frozen=True, slots=True)
class AwaitTrigger:
    """A stop has triggered: its market order fills in a moment, or is looked after."""


Step: TypeAlias = PlaceStop | CancelStop | Flatten | AwaitTrigger


class Steps:
    """How each is taken."""

    def __init__(
        self,
        parts: ProtectorParts,
        watcher: Watcher,
        look: Callable[[Symbol], Awaitable[None]],
        changed: Callable[[Symbol], None],
    ) -> None:
        """Args: look, asks the exchange for a symbol's position and stops; changed, told that more is known of it."""
        self._client = parts.client
        self._executor = parts.executor
        self._notebook = parts.notebook
        self._clock = parts.clock
        self._name_order = parts.name_order
        self._rules = parts.rules
        self._watcher = watcher
        self._look = look
        self._changed = changed

    async def take(self, ward: Ward, step: Step) -> bool:
        """Take a step. False when it has changed nothing: the next try waits. Raises: ExchangeError."""
        match step:
            case PlaceStop(quantity=quantity, price=price):
                await self._place(ward, quantity, price)
            case CancelStop(client_order_id=name):
                return await self._cancel(ward, name)
            case AwaitTrigger():
                await self._await_trigger(ward)
            case Flatten(reason=reason):
                return await self._flatten(ward, reason)
        return True

    async def send(self, ward: Ward, order: MarketOrder | LimitOrder) -> OrderReport:
        """Send a plain order and take note of what it changes before its events come.

        Raises: Rejected, NeverArrived.
        """
        version = ward.version
        report = await self._executor.place(order)
        now = self._clock.elapsed_ms()
        if ward.on_reply(report.side, report.quantity_filled, report.price_average, report.updated_ms, version, now):
            self._changed(ward.symbol)
        return report

    def on_lost(self, ward: Ward, what: str) -> None:
        """A stop is gone that nobody of us took away and that did not trigger."""
        if ward.held == 0 or ward.is_covered or ward.ignored:
            return
        now = self._clock.elapsed_ms()
        ward.lost = [at for at in ward.lost if now - at < LOST_SPAN_MS] + [now]
        self._watcher.on_trouble(ward.symbol, "stop_lost", what)
        if len(ward.lost) >= LOST_MAX:
            self._close_instead(ward, "stop_lost", f"{len(ward.lost)} stops vanished")

    async def _place(self, ward: Ward, quantity: Decimal, price: Decimal) -> None:
        stop = self._stop(ward, quantity, price)
        try:
            report = await self._executor.place_stop(stop)
        except Rejected as no:
            if ward.held == 0:
                return
            if ward.is_covered:
                self._on_move_refused(ward, stop, no)
            elif no.meaning is Meaning.WOULD_TRIGGER:
                self._close_instead(ward, "stop_beyond", str(no))
            else:
                await self._place_closing(ward, stop, str(no))
            return
        self._take_report(ward, report)

    async def _place_closing(self, ward: Ward, refused: StopOrder, why: str) -> None:
        """The other kind of stop that Binance has: what it refuses by quantity it may take as one that closes."""
        self._watcher.on_trouble(ward.symbol, "stop_refused", why)
        stop = StopOrder(
            client_order_id=self._name(ward, Role.STOP),
            symbol=ward.symbol,
            side=refused.side,
            quantity=refused.quantity,
            price_trigger=refused.price_trigger,
            closes_position=True,
        )
        self._notebook.intents(ward.trade_id, [(Role.STOP, stop)])
        try:
            report = await self._executor.place_stop(stop)
        except Rejected as no:
            self._close_instead(ward, "stop_refused", str(no))
            return
        self._take_report(ward, report)

    def _on_move_refused(self, ward: Ward, stop: StopOrder, no: Rejected) -> None:
        """What stands still covers. Beyond the new price already: the profit it was to keep is taken at market."""
        best = [each.price_trigger for each in ward.standing.values() if each.side is stop.side and each.is_ours]
        if no.meaning is Meaning.WOULD_TRIGGER and stop.price_trigger not in best:
            ward.flatten = ward.flatten or "break_even"
            return
        log.warning("stop_not_moved", symbol=ward.symbol, price=str(stop.price_trigger), error=str(no))
        ward.refused = (stop.quantity, stop.price_trigger, self._clock.elapsed_ms())

    def _take_report(self, ward: Ward, report: StopReport) -> None:
        ward.on_stop(report, self._clock.elapsed_ms())  # it may have gone again before its answer came
        ward.refused = None

    def _close_instead(self, ward: Ward, cause: str, why: str) -> None:
        """Refused once is refused: every further try costs time in which the position is naked."""
        log.error("closing_at_market", symbol=ward.symbol, cause=cause, error=why)
        self._watcher.on_trouble(ward.symbol, cause, why)
        ward.flatten = ward.flatten or cause

    async def _cancel(self, ward: Ward, name: ClientOrderId) -> bool:
        cancelled = await self._executor.cancel_stop(ward.symbol, name)
        if cancelled:
            ward.forget(name)
            return True
        # Not waiting any more, or nobody knows: its own state says which.
        asked = self._clock.elapsed_ms()
        report = await self._client.fetch_stop(ward.symbol, name)
        if report is not None and not report.status.protects:
            ward.on_stop(report, self._clock.elapsed_ms())
        elif cancelled is False:
            ward.forget(name)  # who was to take it away knows; what is read is from before
        elif report is None:
            ward.on_unknown(name, asked)
        return name not in ward.standing

    async def _await_trigger(self, ward: Ward) -> None:
        await asyncio.sleep(TRIGGER_LOOK_S)
        if ward.held and ward.triggering:
            await self._look(ward.symbol)

    async def _flatten(self, ward: Ward, reason: str) -> bool:
        """Close at market. Plain orders go first: resting reduce-only ones would have the close refused.

        Returns: False when it did not change what is held.
        """
        if ward.triggering and reason == "stop_unfilled":
            self._watcher.on_trouble(ward.symbol, reason, "a triggered stop has not closed the position")
        self._watcher.on_closing(ward.symbol, reason)
        await self._executor.clear_orders(ward.symbol)
        if not ward.held:
            return True
        order = MarketOrder(
            client_order_id=self._name(ward, Role.CLOSE),
            symbol=ward.symbol,
            side=Side.SELL if ward.held > 0 else Side.BUY,
            quantity=self._at_once(ward),
            reduce_only=True,
        )
        self._notebook.intents(ward.trade_id, [(Role.CLOSE, order)])
        version = ward.version
        ward.is_market_closed, ward.hindrance = False, ""
        try:
            report = await self.send(ward, order)
            if not report.status.is_final:
                await self._await_end(ward, order.client_order_id)
        except (Rejected, NeverArrived) as no:
            log.warning("close_refused", symbol=ward.symbol, error=str(no))
            ward.hindrance = str(no) if isinstance(no, Rejected) else "its close has not arrived at the exchange"
            if isinstance(no, Rejected) and no.meaning is Meaning.NOTHING_TO_REDUCE:
                ward.doubt()
            ward.is_market_closed = isinstance(no, Rejected) and no.meaning is Meaning.NOT_TRADING
        return ward.version != version

    async def _await_end(self, ward: Ward, name: ClientOrderId) -> None:
        """A close is being filled, in parts: another beside it would take from the stop what still covers the rest."""
        began = self._clock.elapsed_ms()
        while ward.held and self._clock.elapsed_ms() - began < TRIGGER_PATIENCE_MS:
            await asyncio.sleep(CLOSE_LOOK_S)
            report = await self._client.fetch_order(ward.symbol, name)
            if report is None or report.status.is_final:
                return

    def _at_once(self, ward: Ward) -> Decimal:
        rules = self._rules[ward.symbol]
        return min(abs(ward.held), rules.quantity_market_max, rules.quantity_max)

    def _stop(self, ward: Ward, quantity: Decimal, price: Decimal) -> StopOrder:
        planned, ward.planned = ward.planned, None
        if planned is not None and (planned.quantity, planned.price_trigger) == (quantity, price):
            self._watcher.on_sending(ward.symbol, planned.client_order_id, Role.STOP)
            ward.sent[planned.client_order_id] = None
            return planned
        stop = StopOrder(
            client_order_id=self._name(ward, Role.STOP),
            symbol=ward.symbol,
            side=Side.SELL if ward.held > 0 else Side.BUY,
            quantity=quantity,
            price_trigger=price,
        )
        self._notebook.intents(ward.trade_id, [(Role.STOP, stop)])
        return stop

    def _name(self, ward: Ward, role: Role) -> ClientOrderId:
        name = self._name_order(ward.trade_id or TradeId(0), role)
        if role is Role.STOP:
            ward.sent[name] = None
        self._watcher.on_sending(ward.symbol, name, role)
        return name
