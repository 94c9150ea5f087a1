"""The executor: sends orders whose intents are noted, and comes back only with what is known of them."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from typing import TypeVar

import structlog

from ratchet.domain.identity import TRADERS, ClientOrderId
from ratchet.domain.order import LimitOrder, MarketOrder, OrderReport, OrderStatus, StopOrder, StopReport, StopStatus
from ratchet.domain.symbol import Symbol
from ratchet.exchange.budget import Lane
from ratchet.exchange.certainty import (
    ASK_ATTEMPTS_MAX,
    PAUSE_MAX_S,
    SEND_ATTEMPTS_MAX,
    NeverArrived,
    pause_of,
    pauses,
    settle,
)
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError, Meaning, NotSent, OutcomeUnknown, RateLimited, Rejected
from ratchet.trading.books.notebook import Notebook

Report = TypeVar("Report", OrderReport, StopReport)

__all__ = ["ASK_ATTEMPTS_MAX", "SEND_ATTEMPTS_MAX", "EntriesBarred", "Executor", "NeverArrived", "stop_status"]

log = structlog.get_logger(__name__)


class EntriesBarred(NeverArrived):
    """Nothing that opens is sent: there is an emergency."""


class Executor:
    """The one place that sends orders. `bars_entries` is asked before each that may open something."""

    def __init__(
        self, client: BinanceClient, notebook: Notebook, bars_entries: Callable[[], bool] = lambda: False
    ) -> None:
        self._client = client
        self._notebook = notebook
        self._bars_entries = bars_entries

    async def place(self, order: MarketOrder | LimitOrder) -> OrderReport:
        """Send a plain order once and return what the exchange made of it.

        Raises: Rejected (a definite no), NeverArrived.
        """
        name = order.client_order_id
        self._notebook.status(name, OrderStatus.SENT)
        try:
            report = await self._settle(
                name, lambda: self._send(order), lambda: self._client.fetch_order(order.symbol, name)
            )
        except EntriesBarred as barred:
            self._notebook.status(name, OrderStatus.REJECTED, reason=str(barred))
            raise
        except Rejected as no:
            self._notebook.status(name, OrderStatus.REJECTED, reason=str(no))
            raise
        except NeverArrived:
            # Not REJECTED: that it is not known proves nothing. Should it turn up, its name leads to its trade.
            self._notebook.status(name, OrderStatus.UNKNOWN, reason="the exchange does not know it")
            raise
        self._notebook.status(name, report.status, order_id=report.order_id)
        return report

    async def _send(self, order: MarketOrder | LimitOrder) -> OrderReport:
        if not order.reduce_only and self._bars_entries():
            raise EntriesBarred("an emergency stands")
        return await self._client.place(order)

    async def place_stop(self, order: StopOrder) -> StopReport:
        """Send a stop and return once the exchange holds it, however long that takes.

        A stop that the exchange does not know is sent again at once, under its name: the exchange takes a name once,
        and a second reduce-only stop could do no harm, while every second without one can.
        Raises: Rejected.
        """
        name = order.client_order_id
        self._notebook.status(name, OrderStatus.SENT)
        try:
            report = await self._insist(
                name, lambda: self._client.place_stop(order), lambda: self._client.fetch_stop(order.symbol, name)
            )
        except Rejected as no:
            self._notebook.status(name, OrderStatus.REJECTED, reason=str(no))
            raise
        status = OrderStatus.NEW if report.status.protects else stop_status(report.status)
        if status is not None:
            self._notebook.status(name, status)
        return report

    async def cancel_stop(self, symbol: Symbol, client_order_id: ClientOrderId) -> bool | None:
        """Cancel a stop. False when it was not waiting any more, None when it is not known whether it was cancelled."""
        try:
            cancelled = await self._client.cancel_stop(symbol, client_order_id)
        except ExchangeError as error:
            log.warning("stop_not_cancelled", symbol=symbol, client_order_id=client_order_id, error=str(error))
            return None
        # Of a guardian's stop that has closed nothing the ledger does not know.
        if cancelled and client_order_id.startswith(TRADERS):
            self._notebook.status(client_order_id, OrderStatus.CANCELED)
        return cancelled

    async def cancel_own_orders(self, symbol: Symbol) -> bool:
        """Cancel our plain orders of a symbol; those of other hands stay. False when that is not certain."""
        return await self._cancel(symbol, self._cancel_own)

    async def clear_orders(self, symbol: Symbol) -> bool:
        """Cancel every plain order of a symbol, whosever it is, at once: what is held is to be closed, and any of them
        may have that refused. Stops stay. False when it is not certain."""
        return await self._cancel(symbol, self._client.cancel_all)

    async def _cancel_own(self, symbol: Symbol) -> None:
        for order in await self._client.fetch_open_orders(symbol, lane=Lane.PROTECTIVE):
            if order.client_order_id.startswith(TRADERS):
                await self._client.cancel(symbol, order.client_order_id)

    async def _cancel(self, symbol: Symbol, cancel: Callable[[Symbol], Awaitable[None]]) -> bool:
        for pause in pauses(SEND_ATTEMPTS_MAX):
            try:
                await cancel(symbol)
            except ExchangeError as error:
                log.warning("orders_not_cancelled", symbol=symbol, error=str(error))
                await asyncio.sleep(pause)
                continue
            return True
        return False

    async def _settle(
        self,
        client_order_id: ClientOrderId,
        send: Callable[[], Awaitable[Report]],
        ask: Callable[[], Awaitable[Report | None]],
    ) -> Report:
        return await settle(
            client_order_id,
            send,
            ask,
            lambda why: self._notebook.status(client_order_id, OrderStatus.UNKNOWN, reason=why),
        )

    async def _insist(
        self,
        client_order_id: ClientOrderId,
        send: Callable[[], Awaitable[Report]],
        ask: Callable[[], Awaitable[Report | None]],
    ) -> Report:
        """Send until the exchange has it or refuses it, however long it is away."""
        for pause in chain(pauses(SEND_ATTEMPTS_MAX), repeat(PAUSE_MAX_S)):
            try:
                return await send()
            except (NotSent, RateLimited) as error:
                log.warning("stop_not_sent", client_order_id=client_order_id, error=str(error))
                await asyncio.sleep(pause_of(error, pause))
                continue
            except OutcomeUnknown as error:
                log.warning("stop_outcome_unknown", client_order_id=client_order_id, error=str(error))
            except Rejected as no:
                if no.meaning is not Meaning.DUPLICATE:
                    raise
            try:
                report = await ask()
            except ExchangeError as error:
                log.warning("stop_not_asked_for", client_order_id=client_order_id, error=str(error))
                await asyncio.sleep(pause)
                continue
            if report is not None:
                return report
            await asyncio.sleep(pause)
        raise AssertionError("the loop has no end")


def stop_status(status: StopStatus) -> OrderStatus | None:
    """The ledger's word for a stop's end; None while its market order will tell, or it still stands."""
    return {
        StopStatus.CANCELED: OrderStatus.CANCELED,
        StopStatus.EXPIRED: OrderStatus.EXPIRED,
        StopStatus.REJECTED: OrderStatus.REJECTED,
    }.get(status)
