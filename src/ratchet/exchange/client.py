"""The client: every question to and order for Binance's USDⓈ-M futures, in the words of the domain."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.account_config import AccountConfig, SymbolConfig
from ratchet.domain.candle import TIMEFRAMES_MS, Candle, Timeframe
from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.funding import Funding
from ratchet.domain.identity import ClientOrderId, OrderId
from ratchet.domain.listing import Listing
from ratchet.domain.margin_bracket import MarginBracket
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import plain
from ratchet.domain.order import LimitOrder, MarketOrder, OrderReport, StopOrder, StopReport
from ratchet.domain.order_book import OrderBook
from ratchet.domain.position import Balance, Income, Position
from ratchet.domain.symbol import Symbol
from ratchet.domain.ticker import Ticker
from ratchet.exchange import parse_account, parse_market
from ratchet.exchange.budget import Lane
from ratchet.exchange.errors import BadReply, ExchangeError, Meaning, OutcomeUnknown, Rejected
from ratchet.exchange.fields import integer, number, record, records, rows, text
from ratchet.exchange.history import fills_since, income_between
from ratchet.exchange.requests import Requests, words
from ratchet.exchange.shared_budget import BudgetState

RULES_AGE_MS_MAX = 3_600_000
BOOK_LEVELS = 50  # dearer above
CANDLES_MAX = 1_499  # one more is asked for: the last may not be closed

Report = TypeVar("Report", OrderReport, StopReport)

log = structlog.get_logger(__name__)


class BinanceClient:
    """An async context manager. Reads are repeated when that may help; what places or cancels is sent once.

    Stops, whatever closes or cancels, and what must be known for them go out in the protective lane; the rest has its
    share of the exchange's limits, and waits for it.

    Every method raises ExchangeError: NotSent, Rejected, RateLimited, OutcomeUnknown or BadReply.
    """

    def __init__(self, settings: ExchangeSettings, clock: Clock, requests: Requests | None = None) -> None:
        """`requests`: of another way to the exchange than ccxt's."""
        self._clock = clock
        self._requests = requests or Requests(settings, clock)
        self._rules: dict[Symbol, SymbolRules] = {}
        self._rules_ms = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._requests.close()

    def budget_state(self) -> BudgetState:
        """How much of the exchange's request limits is used on this machine, and whether it turns requests away."""
        return self._requests.budget_state()

    # The market ------------------------------------------------------------------------------------------------------

    async def load_rules(self) -> dict[Symbol, SymbolRules]:
        """Filters of the USDC perpetuals that trade. Kept for an hour; older ones serve when new ones cannot be had."""
        now_ms = self._clock.now_ms()
        if self._rules and now_ms - self._rules_ms < RULES_AGE_MS_MAX:
            return self._rules
        try:
            await self._fetch_rules()
        except ExchangeError as error:
            if not self._rules:
                raise
            log.warning("rules_not_fetched", error=str(error), age_ms=now_ms - self._rules_ms)
        return self._rules

    async def fetch_listings(self) -> dict[Symbol, Listing]:
        """Every USDC perpetual of the exchange, whether it trades or not. What `load_rules` keeps is renewed by it."""
        return parse_market.listings(await self._fetch_rules())

    async def _fetch_rules(self) -> object:
        """Renew the rules. Whoever protects needs them and nothing else of the answer, which is returned."""
        answer: object = await self._read("fapiPublicGetExchangeInfo")
        self._rules = parse_market.usdc_perpetuals(answer)
        self._rules_ms = self._clock.now_ms()
        return answer

    async def fetch_time_ms(self) -> int:
        """The exchange's clock."""
        return integer(await self._read("fapiPublicGetTime"), "serverTime")

    async def fetch_candles(
        self, symbol: Symbol, timeframe: Timeframe, *, limit: int, since_ms: int | None = None
    ) -> list[Candle]:
        """Closed candles, oldest first: the last `limit`, or the first `limit` from `since_ms` on."""
        parameters: dict[str, object] = {
            "symbol": symbol,
            "interval": timeframe,
            "limit": min(limit, CANDLES_MAX) + 1,
        }
        if since_ms is not None:
            parameters["startTime"] = since_ms
        found = [
            parse_market.candle(row) for row in rows(await self._read("fapiPublicGetKlines", parameters), "klines")
        ]
        now_ms, length_ms = self._clock.now_ms(), TIMEFRAMES_MS[timeframe]
        closed = [candle for candle in found if candle.open_ms + length_ms <= now_ms]
        return closed[-limit:] if since_ms is None else closed[:limit]

    async def fetch_tickers(self) -> dict[Symbol, Ticker]:
        """The last 24 hours of every USDC perpetual that trades."""
        rules = await self.load_rules()
        found = records(await self._read("fapiPublicGetTicker24hr"), "ticker/24hr")
        tickers = (parse_market.ticker(row) for row in found if row.get("symbol") in rules)
        return {ticker.symbol: ticker for ticker in tickers}

    async def fetch_mark_prices(self) -> dict[Symbol, Decimal]:
        """Mark prices of every USDC perpetual that trades."""
        rules = await self.load_rules()
        found = records(await self._read("fapiPublicGetPremiumIndex"), "premiumIndex")
        return {Symbol(text(row, "symbol")): number(row, "markPrice") for row in found if row.get("symbol") in rules}

    async def fetch_funding(self) -> dict[Symbol, Funding]:
        """The next funding payment of every USDC perpetual that trades, at the rate that is expected now."""
        rules = await self.load_rules()
        found = records(await self._read("fapiPublicGetPremiumIndex"), "premiumIndex")
        fundings = (parse_market.funding(row) for row in found if row.get("symbol") in rules)
        return {funding.symbol: funding for funding in fundings}

    async def fetch_book_tops(self) -> dict[Symbol, OrderBook]:
        """The best bid and ask of every USDC perpetual that trades, without what lies behind them."""
        rules = await self.load_rules()
        found = records(await self._read("fapiPublicGetTickerBookTicker"), "ticker/bookTicker")
        books = (parse_market.book_top(row) for row in found if row.get("symbol") in rules)
        return {book.symbol: book for book in books}

    async def fetch_order_book(self, symbol: Symbol) -> OrderBook:
        """The best levels of one symbol, `BOOK_LEVELS` a side."""
        answer = await self._read("fapiPublicGetDepth", {"symbol": symbol, "limit": BOOK_LEVELS})
        return parse_market.order_book(symbol, answer)

    async def fetch_margin_brackets(self) -> dict[Symbol, tuple[MarginBracket, ...]]:
        """Leverage and maintenance margin by the size of a position, smallest first, of every USDC perpetual."""
        rules = await self.load_rules()
        found = records(await self._read("fapiPrivateGetLeverageBracket"), "leverageBracket")
        return {Symbol(text(row, "symbol")): parse_market.brackets(row) for row in found if row.get("symbol") in rules}

    # The account -----------------------------------------------------------------------------------------------------

    async def fetch_balance(self) -> Balance:
        """The USDC of the account."""
        return parse_account.balance(await self._read("fapiPrivateV3GetAccount"))

    async def fetch_positions(self) -> list[Position]:
        """What is held."""
        return parse_account.positions(await self._read("fapiPrivateV3GetPositionRisk", lane=Lane.PROTECTIVE))

    async def fetch_open_orders(self, symbol: Symbol | None = None, *, lane: Lane = Lane.ORDINARY) -> list[OrderReport]:
        """Plain orders that rest in the book."""
        found = await self._read("fapiPrivateGetOpenOrders", _of(symbol), lane)
        return [parse_account.order_report(row) for row in rows(found, "openOrders")]

    async def fetch_open_stops(self, symbol: Symbol | None = None, *, lane: Lane | None = None) -> list[StopReport]:
        """Stops that wait; no take profits. Those of one symbol are asked for to protect it, unless a lane is named."""
        lane = lane or (Lane.ORDINARY if symbol is None else Lane.PROTECTIVE)
        found = await self._read("fapiPrivateGetOpenAlgoOrders", _of(symbol), lane)
        stops = [row for row in records(found, "openAlgoOrders") if parse_account.is_stop(row, "orderType")]
        return [parse_account.stop_report(row) for row in stops]

    async def fetch_open_conditionals(self) -> list[tuple[Symbol, ClientOrderId]]:
        """Every conditional order that waits, of whatever kind, by symbol and name: for whoever cancels them all."""
        found = await self._read("fapiPrivateGetOpenAlgoOrders", lane=Lane.PROTECTIVE)
        waiting = records(found, "openAlgoOrders")
        return [(Symbol(text(row, "symbol")), ClientOrderId(text(row, "clientAlgoId"))) for row in waiting]

    async def fetch_order(self, symbol: Symbol, client_order_id: ClientOrderId) -> OrderReport | None:
        """A plain order; None when the exchange does not know it."""
        parameters = {"symbol": symbol, "origClientOrderId": client_order_id}
        answer = await self._unless(Meaning.NOT_FOUND, "fapiPrivateGetOrder", parameters, Lane.PROTECTIVE)
        return None if answer is None else parse_account.order_report(answer)

    async def fetch_order_by_number(
        self, symbol: Symbol, order_id: OrderId, *, lane: Lane = Lane.PROTECTIVE
    ) -> OrderReport | None:
        """A plain order, or what a stop became; None when the exchange does not know it."""
        parameters = {"symbol": symbol, "orderId": order_id}
        answer = await self._unless(Meaning.NOT_FOUND, "fapiPrivateGetOrder", parameters, lane)
        return None if answer is None else parse_account.order_report(answer)

    async def fetch_stop(self, symbol: Symbol, client_order_id: ClientOrderId) -> StopReport | None:
        """A conditional order; None when the exchange does not know it."""
        parameters = {"symbol": symbol, "clientAlgoId": client_order_id}
        answer = await self._unless(Meaning.NOT_FOUND, "fapiPrivateGetAlgoOrder", parameters, Lane.PROTECTIVE)
        return None if answer is None else parse_account.stop_report(answer)

    async def fetch_fills(self, symbol: Symbol, *, since_ms: int) -> list[Fill]:
        """Own executions from a time on, oldest first, each once, however many they are."""
        return await fills_since(self._read, symbol, since_ms, self._clock.now_ms())

    async def fetch_income(self, *, since_ms: int, until_ms: int | None = None) -> list[Income]:
        """The income history of USDC markets and of USDC, oldest first, all pages. Assets differ from row to row."""
        return await income_between(self._read, since_ms, until_ms, self._clock.now_ms())

    async def fetch_account_config(self) -> AccountConfig:
        """Whether it may trade, and how it holds positions."""
        return parse_account.account_config(await self._read("fapiPrivateGetAccountConfig"))

    async def fetch_symbol_configs(self) -> dict[Symbol, SymbolConfig]:
        """Margin type and leverage of every symbol."""
        found = records(await self._read("fapiPrivateGetSymbolConfig"), "symbolConfig")
        configs = (parse_account.symbol_config(row) for row in found)
        return {config.symbol: config for config in configs}

    # Settings --------------------------------------------------------------------------------------------------------

    async def use_one_way_mode(self) -> None:
        """One position a symbol, not one a side."""
        await self._unless(Meaning.UNCHANGED, "fapiPrivatePostPositionSideDual", {"dualSidePosition": "false"})

    async def use_cross_margin(self, symbol: Symbol) -> None:
        """All positions share the balance as margin."""
        parameters = {"symbol": symbol, "marginType": "CROSSED"}
        await self._unless(Meaning.UNCHANGED, "fapiPrivatePostMarginType", parameters)

    async def set_leverage(self, symbol: Symbol, leverage: int) -> None:
        """Set it, and see it confirmed. Raises: BadReply when the answer names another."""
        answer = await self._read("fapiPrivatePostLeverage", {"symbol": symbol, "leverage": leverage})
        confirmed = integer(record(answer, "leverage"), "leverage")
        if confirmed != leverage:
            raise BadReply(f"{symbol}: a leverage of {leverage} was asked for and {confirmed} was set")

    # Orders: sent once, never repeated here --------------------------------------------------------------------------

    async def place(self, order: MarketOrder | LimitOrder) -> OrderReport:
        """Place a plain order. One that only reduces protects."""
        parameters: dict[str, object] = {
            "symbol": order.symbol,
            "side": order.side.value,
            "type": "MARKET",
            "quantity": plain(order.quantity),
            "newClientOrderId": order.client_order_id,
            "newOrderRespType": "RESULT",
        }
        if isinstance(order, LimitOrder):
            time_in_force = "GTX" if order.post_only else "GTC"
            parameters |= {"type": "LIMIT", "price": plain(order.price), "timeInForce": time_in_force}
        if order.reduce_only:
            parameters["reduceOnly"] = "true"
        lane = Lane.PROTECTIVE if order.reduce_only else Lane.ORDINARY
        return await self._order("fapiPrivatePostOrder", parameters, parse_account.order_report, lane)

    async def place_stop(self, order: StopOrder) -> StopReport:
        """Hand a stop to the algo service: by quantity and reduce-only, which needs no position to be seen yet; or one
        that closes the position."""
        parameters = {
            "algoType": "CONDITIONAL",
            "symbol": order.symbol,
            "side": order.side.value,
            "type": "STOP_MARKET",
            "triggerPrice": plain(order.price_trigger),
            "workingType": "CONTRACT_PRICE",
            "clientAlgoId": order.client_order_id,
        }
        if order.closes_position:
            parameters["closePosition"] = "true"
        else:
            parameters |= {"quantity": plain(order.quantity), "reduceOnly": "true"}
        return await self._order("fapiPrivatePostAlgoOrder", parameters, parse_account.stop_report, Lane.PROTECTIVE)

    async def cancel(self, symbol: Symbol, client_order_id: ClientOrderId) -> OrderReport | None:
        """Cancel a plain order; None when it was not open."""
        parameters = {"symbol": symbol, "origClientOrderId": client_order_id}
        try:
            return await self._order("fapiPrivateDeleteOrder", parameters, parse_account.order_report, Lane.PROTECTIVE)
        except Rejected as no:
            if no.meaning is Meaning.NOT_OPEN:
                return None
            raise

    async def cancel_stop(self, symbol: Symbol, client_order_id: ClientOrderId) -> bool:
        """Cancel a conditional order; False when it was not waiting."""
        parameters = {"symbol": symbol, "clientAlgoId": client_order_id}
        try:
            await self._requests.send("fapiPrivateDeleteAlgoOrder", parameters, Lane.PROTECTIVE)
        except Rejected as no:
            if no.meaning in (Meaning.NOT_OPEN, Meaning.TRIGGERING):
                return False
            raise
        return True

    async def cancel_all(self, symbol: Symbol) -> None:
        """Cancel every plain order of a symbol. Conditional ones stay."""
        await self._requests.send("fapiPrivateDeleteAllOpenOrders", {"symbol": symbol}, Lane.PROTECTIVE)

    # Listen keys -----------------------------------------------------------------------------------------------------

    async def open_listen_key(self) -> str:
        """The ticket to the user stream, good for an hour."""
        return text(await self._read("fapiPrivatePostListenKey", lane=Lane.PROTECTIVE), "listenKey")

    async def extend_listen_key(self) -> None:
        """Another hour. Raises: Rejected -1125 when it has died."""
        await self._read("fapiPrivatePutListenKey", lane=Lane.PROTECTIVE)

    # -----------------------------------------------------------------------------------------------------------------

    async def _read(
        self, method: str, parameters: Mapping[str, object] | None = None, lane: Lane = Lane.ORDINARY
    ) -> Any:
        return await self._requests.read(method, parameters, lane)

    async def _order(
        self, method: str, parameters: Mapping[str, object], parse: Callable[[object], Report], lane: Lane
    ) -> Report:
        """Send once. What was answered and is not understood may have happened all the same."""
        answer = await self._requests.send(method, parameters, lane)
        try:
            return parse(answer)
        except BadReply as error:
            raise OutcomeUnknown(f"{words(method)}: an answer that is not understood: {error}") from error

    async def _unless(
        self, meaning: Meaning, method: str, parameters: Mapping[str, object], lane: Lane = Lane.ORDINARY
    ) -> Any:
        """The answer; None when it is a no of this meaning."""
        try:
            return await self._read(method, parameters, lane)
        except Rejected as no:
            if no.meaning is meaning:
                return None
            raise


def _of(symbol: Symbol | None) -> dict[str, object]:
    return {} if symbol is None else {"symbol": symbol}
