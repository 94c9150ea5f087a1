"""exchangeInfo: the rules of every symbol as Binance publishes them."""

from decimal import Decimal

from localbinance.core.order import AlgoType, OrderType, TimeInForce
from localbinance.rules.market_rules import MarketRules, RateLimitRules
from localbinance.rules.symbol_rules import SymbolRules
from localbinance.server.wire_numbers import plain

Json = dict[str, object]
ASSET_PRECISION = 8
# Conditional types are listed although they are placed at the algo service: clients look here what a symbol takes.
ORDER_TYPES = [OrderType.LIMIT, OrderType.MARKET, *AlgoType]


def exchange_info(rules: MarketRules, limits: RateLimitRules, now_ms: int) -> Json:
    """The whole reply."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": rate_limit_rows(limits),
        "exchangeFilters": [],
        "assets": [
            {"asset": asset, "marginAvailable": True, "autoAssetExchange": "0"}
            for asset in sorted({symbol.margin_asset for symbol in rules.symbols.values()})
        ],
        "symbols": [symbol_row(symbol) for symbol in rules.symbols.values()],
    }


def rate_limit_rows(limits: RateLimitRules) -> list[Json]:
    """`rateLimits`."""
    return [
        {
            "rateLimitType": "REQUEST_WEIGHT",
            "interval": "MINUTE",
            "intervalNum": 1,
            "limit": limits.weight_per_minute,
        },
        *order_limit_rows(limits),
    ]


def order_limit_rows(limits: RateLimitRules) -> list[Json]:
    """The ORDERS rows alone, as GET /fapi/v1/rateLimit/order gives them."""
    return [
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": limits.orders_per_minute},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": limits.orders_per_10s},
    ]


def symbol_row(symbol: SymbolRules) -> Json:
    """One symbol."""
    return {
        "symbol": symbol.symbol,
        "pair": symbol.pair,
        "contractType": symbol.contract_type,
        "deliveryDate": symbol.delivery_ms,
        "onboardDate": symbol.onboard_ms,
        "status": symbol.status,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": symbol.base_asset,
        "quoteAsset": symbol.quote_asset,
        "marginAsset": symbol.margin_asset,
        "pricePrecision": symbol.price_precision,
        "quantityPrecision": symbol.quantity_precision,
        "baseAssetPrecision": ASSET_PRECISION,
        "quotePrecision": ASSET_PRECISION,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": plain(symbol.trigger_protect),
        "liquidationFee": plain(symbol.liquidation_fee),
        "marketTakeBound": plain(symbol.market_take_bound),
        "filters": _filters(symbol),
        "orderTypes": ORDER_TYPES,
        "timeInForce": list(TimeInForce),
    }


def _filters(symbol: SymbolRules) -> list[Json]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": plain(symbol.price_min),
            "maxPrice": plain(symbol.price_max),
            "tickSize": plain(symbol.price_tick),
        },
        _lot("LOT_SIZE", symbol.quantity_min, symbol.quantity_max, symbol.quantity_step),
        _lot("MARKET_LOT_SIZE", symbol.quantity_market_min, symbol.quantity_market_max, symbol.quantity_market_step),
        {"filterType": "MAX_NUM_ORDERS", "limit": symbol.orders_max},
        {"filterType": "MIN_NOTIONAL", "notional": plain(symbol.notional_min)},
        {
            "filterType": "PERCENT_PRICE",
            "multiplierUp": plain(symbol.multiplier_up),
            "multiplierDown": plain(symbol.multiplier_down),
            "multiplierDecimal": "4",
        },
        {"filterType": "POSITION_RISK_CONTROL", "positionControlSide": "NONE"},
    ]


def _lot(name: str, least: Decimal, most: Decimal, step: Decimal) -> Json:
    return {"filterType": name, "minQty": plain(least), "maxQty": plain(most), "stepSize": plain(step)}
