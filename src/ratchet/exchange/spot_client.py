"""The spot client: every question to and order for Binance's spot exchange, in the words of the domain."""

from collections.abc import Collection
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.candle import TIMEFRAMES_MS, Candle, Timeframe
from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId
from ratchet.domain.money import plain
from ratchet.domain.order import LimitOrder, OrderReport
from ratchet.domain.spot_rules import SpotRules
from ratchet.domain.symbol import Symbol
from ratchet.exchange import parse_market, parse_spot
from ratchet.exchange.errors import BadReply, Meaning, OutcomeUnknown, Rejected
from ratchet.exchange.fields import number, record, rows
from ratchet.exchange.parse_spot import AssetBalance
from ratchet.exchange.product import SPOT
from ratchet.exchange.requests import Requests, words
from ratchet.exchange.shared_budget import BudgetState
from ratchet.exchange.standing_order import StandingOrder, standing_order

MINUTE = Timeframe("1m")
PAGE = 1_000  # rows of an answer, at most


class SpotClient:
    """An async context manager. Reads are repeated when that may help; what places or cancels is sent once.

    Every method raises ExchangeError: NotSent, Rejected, RateLimited, OutcomeUnknown or BadReply.
    """

    def __init__(self, settings: ExchangeSettings, clock: Clock, requests: Requests | None = None) -> None:
        """`requests`: of another way to the exchange than ccxt's."""
        self._clock = clock
        self._requests = requests or Requests(settings, clock, product=SPOT)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._requests.close()

    def budget_state(self) -> BudgetState:
        """What of the exchange's limits was used, and whether it turns requests away."""
        return self._requests.budget_state()

    # What is asked ---------------------------------------------------------------------------------------------------

    async def fetch_pairs(self, symbols: Collection[Symbol] = ()) -> dict[Symbol, SpotRules]:
        """Filters and status of these pairs, of all when none is named. Rejected for a pair that is not listed."""
        named: dict[str, object] = {}
        if symbols:
            named["symbols"] = "[" + ",".join(f'"{symbol}"' for symbol in sorted(symbols)) + "]"
        return parse_spot.pairs(await self._requests.read("publicGetExchangeInfo", named))

    async def fetch_average_price(self, symbol: Symbol) -> Decimal:
        """Of the last minutes: what PERCENT_PRICE filters measure against."""
        answer = record(await self._requests.read("publicGetAvgPrice", {"symbol": symbol}), "avgPrice")
        return number(answer, "price")

    async def fetch_minutes(self, symbol: Symbol, *, most: int) -> list[Candle]:
        """The last 1-minute candles that are closed, oldest first, at most so many."""
        parameters: dict[str, object] = {"symbol": symbol, "interval": MINUTE, "limit": min(most, PAGE - 1) + 1}
        found = rows(await self._requests.read("publicGetKlines", parameters), "klines")
        now_ms = self._clock.now_ms()
        candles = [parse_market.candle(row) for row in found]
        return [candle for candle in candles if candle.open_ms + TIMEFRAMES_MS[MINUTE] <= now_ms][-most:]

    async def fetch_balances(self) -> dict[str, AssetBalance]:
        """What is held, by asset."""
        return parse_spot.balances(await self._requests.read("privateGetAccount", {"omitZeroBalances": "true"}))

    async def fetch_order(self, symbol: Symbol, client_order_id: ClientOrderId) -> OrderReport | None:
        """The newest order of this name; None when the exchange does not know it."""
        return await self._order_of({"symbol": symbol, "origClientOrderId": client_order_id})

    async def fetch_order_by_number(self, symbol: Symbol, order_id: OrderId) -> OrderReport | None:
        """An order; None when the exchange does not know it."""
        return await self._order_of({"symbol": symbol, "orderId": order_id})

    async def fetch_open_orders(self, symbol: Symbol) -> list[OrderReport]:
        """What rests or waits."""
        found = await self._requests.read("privateGetOpenOrders", {"symbol": symbol})
        return [parse_spot.order_report(row) for row in rows(found, "openOrders")]

    async def fetch_standing_orders(self) -> list[StandingOrder]:
        """What rests or waits, of every pair."""
        found = await self._requests.read("privateGetOpenOrders")
        return [standing_order(row) for row in rows(found, "openOrders")]

    async def fetch_orders(self, symbol: Symbol, *, since_ms: int) -> list[OrderReport]:
        """Every order that was placed in the day from a time on, open or not."""
        found = await self._requests.read(
            "privateGetAllOrders", {"symbol": symbol, "startTime": since_ms, "limit": PAGE}
        )
        return [parse_spot.order_report(row) for row in rows(found, "allOrders")]

    async def fetch_fills(self, symbol: Symbol, *, from_id: FillId) -> list[Fill]:
        """Own executions from a number on, oldest first, however many they are."""
        found: list[Fill] = []
        while True:
            page = await self._fills({"symbol": symbol, "fromId": from_id, "limit": PAGE})
            found += page
            if len(page) < PAGE:
                return found
            from_id = FillId(page[-1].fill_id + 1)

    async def fetch_last_fill(self, symbol: Symbol) -> Fill | None:
        """The newest own execution."""
        found = await self._fills({"symbol": symbol, "limit": 1})
        return found[-1] if found else None

    async def fetch_recent_fills(self, symbol: Symbol, *, most: int) -> list[Fill]:
        """The newest own executions, 1 to `PAGE` of them, oldest first."""
        return await self._fills({"symbol": symbol, "limit": most})

    async def fetch_first_fill(self, symbol: Symbol, *, since_ms: int) -> Fill | None:
        """The oldest own execution of the day from a time on."""
        found = await self._fills({"symbol": symbol, "startTime": since_ms, "limit": 1})
        return found[0] if found else None

    async def fetch_fills_of(self, symbol: Symbol, order_id: OrderId) -> list[Fill]:
        """Every execution of an order, oldest first."""
        return await self._fills({"symbol": symbol, "orderId": order_id, "limit": PAGE})

    # Orders: sent once, never repeated here --------------------------------------------------------------------------

    async def place(self, order: LimitOrder) -> OrderReport:
        """Place a limit order that stays until it is filled or cancelled."""
        parameters: dict[str, object] = {
            "symbol": order.symbol,
            "side": order.side.value,
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": plain(order.quantity),
            "price": plain(order.price),
            "newClientOrderId": order.client_order_id,
            "newOrderRespType": "RESULT",
        }
        return await self._sent("privatePostOrder", parameters)

    async def cancel(self, symbol: Symbol, client_order_id: ClientOrderId) -> OrderReport:
        """Cancel an order. Rejected with `Meaning.NOT_OPEN` when it does not stand."""
        named: dict[str, object] = {"symbol": symbol, "origClientOrderId": client_order_id}
        return await self._sent("privateDeleteOrder", named)

    async def _sent(self, method: str, parameters: dict[str, object]) -> OrderReport:
        answer = await self._requests.send(method, parameters)
        try:
            return parse_spot.order_report(answer)
        except BadReply as error:
            raise OutcomeUnknown(f"{words(method)}: an answer that is not understood: {error}") from error

    # -----------------------------------------------------------------------------------------------------------------

    async def _order_of(self, named: dict[str, object]) -> OrderReport | None:
        try:
            answer: Any = await self._requests.read("privateGetOrder", named)
        except Rejected as no:
            if no.meaning is Meaning.NOT_FOUND:
                return None
            raise
        return parse_spot.order_report(answer)

    async def _fills(self, parameters: dict[str, object]) -> list[Fill]:
        found = await self._requests.read("privateGetMyTrades", parameters)
        return sorted((parse_spot.fill(row) for row in rows(found, "myTrades")), key=lambda fill: fill.fill_id)
