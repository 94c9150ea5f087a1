"""User events: what the exchange tells of the account, each handed to whom it concerns."""

import asyncio

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.user_event import (
    IncomeBooked,
    OrderChanged,
    PositionChanged,
    StopChanged,
    StreamRestarted,
    UserEvent,
)
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError
from ratchet.trading.books.accounting import Accountant
from ratchet.trading.inbox import Inbox
from ratchet.trading.protection.protector import Protector
from ratchet.trading.start.reconciler import Reconciler
from ratchet.trading.sweep import Sweep
from ratchet.trading.trades.open_trades import OpenTrades

WAITING_MAX = 5_000

log = structlog.get_logger(__name__)


class UserEvents:
    """What concerns protection goes there at once, a trade's events to its keeper, the rest is worked off in order."""

    def __init__(
        self,
        clock: Clock,
        protector: Protector,
        reconciler: Reconciler,
        trades: OpenTrades,
        sweep: Sweep,
        accountant: Accountant,
    ) -> None:
        self._protector = protector
        self._reconciler = reconciler
        self._trades = trades
        self._sweep = sweep
        self._accountant = accountant
        self._waiting: Inbox[UserEvent] = Inbox(clock, size_max=WAITING_MAX)
        self.connected = asyncio.Event()  # the stream has been there at least once

    def on_event(self, event: UserEvent) -> None:
        """Take one. Returns at once."""
        match event:
            case OrderChanged(report=report, fill=fill):
                keeper = self._trades.of_order(report.client_order_id) or self._trades.of_symbol(report.symbol)
                if keeper is not None:
                    keeper.on_event(event)
                elif fill is not None:
                    self._put(event)
            case StopChanged(report=stop):
                self._protector.on_stop(stop)
                if (keeper := self._trades.of_order(stop.client_order_id)) is not None:
                    keeper.on_event(event)
            case PositionChanged():
                self._protector.on_position(event.symbol, event.quantity_signed, event.price_entry, event.at_ms)
            case StreamRestarted():
                self.connected.set()
                self._put(event)
            case IncomeBooked():
                self._put(event)

    async def run(self) -> None:
        """Work off what cannot be done at once, until cancelled."""
        while True:
            async with self._waiting.take() as event:
                try:
                    await self._work_off(event)
                except (ExchangeError, LedgerError) as error:
                    log.warning("event_not_worked_off", kind=type(event).__name__, error=str(error))

    def _put(self, event: UserEvent) -> None:
        if not self._waiting.put(event):
            log.error("event_dropped", kind=type(event).__name__)

    async def _work_off(self, event: UserEvent) -> None:
        match event:
            case StreamRestarted():
                await self._sweep.look()
            case IncomeBooked():
                await self._accountant.book_income(event.at_ms)
            case OrderChanged():
                await self._on_stray(event)
            case _:
                pass

    async def _on_stray(self, event: OrderChanged) -> None:
        """An execution on a symbol that has no trade: one given up too early, or another hand's."""
        symbol = event.report.symbol
        if symbol not in self._trades:
            owner = await self._reconciler.owner_of(event.report.client_order_id)
            if owner is not None:
                self._trades.take_up(await self._reconciler.reopen(owner))
            else:
                await self._sweep.adopt(symbol)
        if (keeper := self._trades.of_symbol(symbol)) is not None:
            keeper.on_event(event)
