"""Parsing of market data: listings, symbol rules, candles, tickers, books, funding, as values of the domain."""

from collections.abc import Iterator
from typing import Any

from ratchet.domain.candle import Candle
from ratchet.domain.funding import Funding
from ratchet.domain.listing import TRADING, Listing
from ratchet.domain.margin_bracket import MarginBracket
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order_book import Level, OrderBook
from ratchet.domain.symbol import Symbol
from ratchet.domain.ticker import Ticker
from ratchet.exchange.errors import BadReply
from ratchet.exchange.fields import Raw, integer, number, number_bare, record, records, rows, text

QUOTE = "USDC"
CANDLE_FIELDS_MIN = 8


def usdc_perpetuals(raw: object) -> dict[Symbol, SymbolRules]:
    """`exchangeInfo`: the USDC perpetuals that trade."""
    found = (_symbol_rules(row) for row in _perpetual_rows(raw) if row.get("status") == TRADING)
    return {rules.symbol: rules for rules in found}


def listings(raw: object) -> dict[Symbol, Listing]:
    """`exchangeInfo`: every USDC perpetual, in whatever state."""
    found = (
        Listing(
            symbol=Symbol(text(row, "symbol")),
            status=text(row, "status"),
            onboard_ms=integer(row, "onboardDate"),
            delivery_ms=integer(row, "deliveryDate"),
        )
        for row in _perpetual_rows(raw)
    )
    return {listing.symbol: listing for listing in found}


def _perpetual_rows(raw: object) -> Iterator[Raw]:
    for row in records(record(raw, "exchangeInfo").get("symbols"), "exchangeInfo.symbols"):
        if row.get("contractType") == "PERPETUAL" and row.get("quoteAsset") == row.get("marginAsset") == QUOTE:
            yield row


def _symbol_rules(row: Raw) -> SymbolRules:
    symbol = Symbol(text(row, "symbol"))
    filters = {each.get("filterType"): each for each in records(row.get("filters"), f"{symbol}.filters")}
    try:
        price, lot, market_lot = filters["PRICE_FILTER"], filters["LOT_SIZE"], filters["MARKET_LOT_SIZE"]
        percent, notional = filters["PERCENT_PRICE"], filters["MIN_NOTIONAL"]
    except KeyError as missing:
        raise BadReply(f"{symbol}: the filter {missing} is missing") from None
    return SymbolRules(
        symbol=symbol,
        price_tick=number(price, "tickSize"),
        price_min=number(price, "minPrice"),
        price_max=number(price, "maxPrice"),
        quantity_step=max(number(lot, "stepSize"), number(market_lot, "stepSize")),
        quantity_min=max(number(lot, "minQty"), number(market_lot, "minQty")),
        quantity_max=number(lot, "maxQty"),
        quantity_market_max=number(market_lot, "maxQty"),
        notional_min=number(notional, "notional"),
        multiplier_up=number(percent, "multiplierUp"),
        multiplier_down=number(percent, "multiplierDown"),
    )


def candle(row: Any) -> Candle:
    """A row of `klines`: twelve fields without names."""
    fields = rows(row, "a candle")
    if len(fields) < CANDLE_FIELDS_MIN:
        raise BadReply(f"a candle of {len(fields)} fields")
    named = dict(zip(("t", "o", "h", "l", "c", "v", "T", "q"), fields, strict=False))
    return candle_of(named)


def candle_of(raw: Raw) -> Candle:
    """The `k` of a kline frame."""
    try:
        return Candle(
            open_ms=integer(raw, "t"),
            open=number(raw, "o"),
            high=number(raw, "h"),
            low=number(raw, "l"),
            close=number(raw, "c"),
            volume=number(raw, "v"),
            volume_quote=number(raw, "q"),
        )
    except ValueError as error:
        raise BadReply(str(error)) from None


def ticker(raw: Raw) -> Ticker:
    """A row of `ticker/24hr`."""
    return Ticker(
        symbol=Symbol(text(raw, "symbol")),
        last=number(raw, "lastPrice"),
        volume_quote=number(raw, "quoteVolume"),
    )


def funding(raw: Raw) -> Funding:
    """A row of `premiumIndex`; its "last" rate is the one that is expected for the next payment."""
    return Funding(
        symbol=Symbol(text(raw, "symbol")),
        rate=number(raw, "lastFundingRate"),
        next_ms=integer(raw, "nextFundingTime"),
    )


def book_top(raw: Raw) -> OrderBook:
    """A row of `ticker/bookTicker`. A side on which nothing rests has the price 0."""
    bid = Level(number(raw, "bidPrice"), number(raw, "bidQty"))
    ask = Level(number(raw, "askPrice"), number(raw, "askQty"))
    return OrderBook(
        symbol=Symbol(text(raw, "symbol")),
        bids=(bid,) if bid.price > 0 else (),
        asks=(ask,) if ask.price > 0 else (),
    )


def order_book(symbol: Symbol, raw: object) -> OrderBook:
    """`depth`."""
    sides = record(raw, "depth")
    return OrderBook(symbol=symbol, bids=_levels(sides, "bids"), asks=_levels(sides, "asks"))


def _levels(raw: Raw, side: str) -> tuple[Level, ...]:
    found = []
    for row in rows(raw.get(side), f"depth.{side}"):
        named = dict(zip(("price", "quantity"), rows(row, "a level"), strict=False))
        found.append(Level(number(named, "price"), number(named, "quantity")))
    return tuple(found)


def brackets(raw: Raw) -> tuple[MarginBracket, ...]:
    """A row of `leverageBracket`, smallest notional first."""
    found = [
        MarginBracket(
            notional_floor=number_bare(row, "notionalFloor"),
            notional_cap=number_bare(row, "notionalCap"),
            leverage_max=integer(row, "initialLeverage"),
            maintenance_rate=number_bare(row, "maintMarginRatio"),
            maintenance_deduction=number_bare(row, "cum"),
        )
        for row in records(raw.get("brackets"), "leverageBracket.brackets")
    ]
    return tuple(sorted(found, key=lambda each: each.notional_floor))
