"""exchangeInfo of spot: the rules of every pair as Binance publishes them, its filters in Binance's order.

Of icebergs, trailing stops, amendments, order lists other than OCO, pegged prices and margin the real exchange says
that it has them. This one has none, and does not say so; their filters are told all the same.
"""

from collections.abc import Sequence
from decimal import Decimal

from localbinance.core.spot.order import SpotType
from localbinance.rules.spot_rules import SpotLimits, SpotSymbolRules
from localbinance.server.wire_numbers import ZERO, eight, short

Json = dict[str, object]
ASSET_PRECISION = 8
STP_MODES = ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"]  # the real one has TRANSFER as well
ICEBERG_PARTS_MAX = 100
TRAILING_DELTA_MIN, TRAILING_DELTA_MAX = 10, 2_000  # basis points
AMENDS_MAX = 10


def exchange_info(symbols: Sequence[SpotSymbolRules], limits: SpotLimits, now_ms: int) -> Json:
    """The whole reply."""
    return {
        "timezone": "UTC",
        "serverTime": now_ms,
        "rateLimits": rate_limit_rows(limits),
        "exchangeFilters": [],
        "symbols": [symbol_row(rules) for rules in symbols],
    }


def rate_limit_rows(limits: SpotLimits) -> list[Json]:
    """`rateLimits`. Raw requests are told, not counted."""
    return [
        _limit("REQUEST_WEIGHT", "MINUTE", 1, limits.weight_per_minute),
        *order_limit_rows(limits),
        _limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
    ]


def order_limit_rows(limits: SpotLimits) -> list[Json]:
    """The ORDERS rows alone."""
    return [
        _limit("ORDERS", "SECOND", 10, limits.orders_per_10s),
        _limit("ORDERS", "DAY", 1, limits.orders_per_day),
    ]


def symbol_row(rules: SpotSymbolRules) -> Json:
    """One pair."""
    return {
        "symbol": rules.symbol,
        "status": rules.status,
        "baseAsset": rules.base_asset,
        "baseAssetPrecision": ASSET_PRECISION,
        "quoteAsset": rules.quote_asset,
        "quotePrecision": ASSET_PRECISION,
        "quoteAssetPrecision": ASSET_PRECISION,
        "baseCommissionPrecision": ASSET_PRECISION,
        "quoteCommissionPrecision": ASSET_PRECISION,
        "orderTypes": list(SpotType),
        "icebergAllowed": False,
        "ocoAllowed": True,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(rules),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": STP_MODES,
    }


def _filters(rules: SpotSymbolRules) -> list[Json]:
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": eight(rules.price_min),
            "maxPrice": eight(rules.price_max),
            "tickSize": eight(rules.price_tick),
        },
        _lot("LOT_SIZE", rules.quantity_min, rules.quantity_max, rules.quantity_step),
        {"filterType": "ICEBERG_PARTS", "limit": ICEBERG_PARTS_MAX},
        _lot("MARKET_LOT_SIZE", ZERO, rules.quantity_market_max, ZERO),
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": TRAILING_DELTA_MIN,
            "maxTrailingAboveDelta": TRAILING_DELTA_MAX,
            "minTrailingBelowDelta": TRAILING_DELTA_MIN,
            "maxTrailingBelowDelta": TRAILING_DELTA_MAX,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": short(rules.bid_multiplier_up),
            "bidMultiplierDown": short(rules.bid_multiplier_down),
            "askMultiplierUp": short(rules.ask_multiplier_up),
            "askMultiplierDown": short(rules.ask_multiplier_down),
            "avgPriceMins": rules.average_minutes,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": eight(rules.notional_min),
            "applyMinToMarket": True,
            "maxNotional": eight(rules.notional_max),
            "applyMaxToMarket": False,
            "avgPriceMins": rules.average_minutes,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.orders_max},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": rules.lists_max},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": rules.stops_max},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": AMENDS_MAX},
    ]


def _lot(name: str, least: Decimal, most: Decimal, step: Decimal) -> Json:
    return {"filterType": name, "minQty": eight(least), "maxQty": eight(most), "stepSize": eight(step)}


def _limit(kind: str, interval: str, number: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
