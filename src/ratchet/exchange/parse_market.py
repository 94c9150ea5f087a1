"""Parsing of market data: symbol rules, candles, tickers, as values of the domain."""

from typing import Any

from ratchet.domain.candle import Candle
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.symbol import Symbol
from ratchet.domain.ticker import Ticker
from ratchet.exchange.errors import BadReply
from ratchet.exchange.fields import Raw, integer, number, record, records, rows, text

QUOTE = "USDC"
CANDLE_FIELDS_MIN = 8


def usdc_perpetuals(raw: object) -> dict[Symbol, SymbolRules]:
    """`exchangeInfo`: the USDC perpetuals that trade."""
    listed = records(record(raw, "exchangeInfo").get("symbols"), "exchangeInfo.symbols")
    found = {}
    for row in listed:
        tradable = row.get("contractType") == "PERPETUAL" and row.get("status") == "TRADING"
        if tradable and row.get("quoteAsset") == QUOTE and row.get("marginAsset") == QUOTE:
            rules = _symbol_rules(row)
            found[rules.symbol] = rules
    return found


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
