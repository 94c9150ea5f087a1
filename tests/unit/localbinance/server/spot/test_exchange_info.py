"""What spot says of a pair: the filters in the order and with the fields that the real exchange sends."""

from typing import Any

import pytest

from localbinance.rules.spot_rules import load_spot_rules
from localbinance.server.spot.exchange_info import rate_limit_rows, symbol_row

RULES = load_spot_rules()
# The real exchange's row of BTCUSDT, 2026-10-03, the largest market order left out: it differs by pair and day.
RECORDED: list[dict[str, Any]] = [
    {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": "0.01000000"},
    {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
    {"filterType": "ICEBERG_PARTS", "limit": 100},
    {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "stepSize": "0.00000000"},
    {
        "filterType": "TRAILING_DELTA",
        "minTrailingAboveDelta": 10,
        "maxTrailingAboveDelta": 2000,
        "minTrailingBelowDelta": 10,
        "maxTrailingBelowDelta": 2000,
    },
    {
        "filterType": "PERCENT_PRICE_BY_SIDE",
        "bidMultiplierUp": "1.2",
        "bidMultiplierDown": "0.5",
        "askMultiplierUp": "2",
        "askMultiplierDown": "0.8",
        "avgPriceMins": 5,
    },
    {
        "filterType": "NOTIONAL",
        "minNotional": "5.00000000",
        "applyMinToMarket": True,
        "maxNotional": "9000000.00000000",
        "applyMaxToMarket": False,
        "avgPriceMins": 5,
    },
    {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
    {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
    {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
]
RECORDED_LIMITS = [("REQUEST_WEIGHT", 6_000), ("ORDERS", 100), ("ORDERS", 200_000), ("RAW_REQUESTS", 300_000)]


def filters_of(symbol: str) -> list[dict[str, Any]]:
    found = symbol_row(RULES.symbols[symbol])["filters"]
    assert isinstance(found, list)
    return found


def test_the_filters_of_bitcoin_are_those_recorded() -> None:
    ours = filters_of("BTCUSDC")
    assert float(next(each for each in ours if each["filterType"] == "MARKET_LOT_SIZE").pop("maxQty")) > 0
    assert ours == RECORDED


@pytest.mark.parametrize("symbol", RULES.symbols)
def test_every_pair_has_every_filter_in_the_same_order(symbol: str) -> None:
    assert [each["filterType"] for each in filters_of(symbol)] == [each["filterType"] for each in RECORDED]


def test_what_is_not_had_is_not_promised() -> None:
    row = symbol_row(RULES.symbols["TRUMPUSDC"])
    promises = {name for name, value in row.items() if value is True}
    assert promises == {"ocoAllowed", "quoteOrderQtyMarketAllowed", "cancelReplaceAllowed", "isSpotTradingAllowed"}


def test_the_limits_are_those_recorded() -> None:
    assert [(row["rateLimitType"], row["limit"]) for row in rate_limit_rows(RULES.rate_limits)] == RECORDED_LIMITS
