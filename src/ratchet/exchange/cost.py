"""The cost of a request: what it takes from the exchange's limits, by endpoint, as Binance documents it."""

from collections.abc import Mapping
from dataclasses import dataclass

KLINES = "fapiPublicGetKlines"
KLINES_WEIGHTS = ((99, 1), (499, 2), (1_000, 5))  # (limit up to and including, weight)
KLINES_WEIGHT_MAX = 10
KLINES_LIMIT = 500  # when none is asked for
DEPTH = "fapiPublicGetDepth"
DEPTH_WEIGHTS = ((50, 2), (100, 5), (500, 10))
DEPTH_WEIGHT_MAX = 20
DEPTH_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Cost:
    """What one request takes."""

    weight: int  # of the address
    orders: int = 0  # of the account


COSTS = {
    "fapiPublicGetTime": Cost(1),
    "fapiPublicGetExchangeInfo": Cost(1),
    "fapiPrivateV3GetAccount": Cost(5),
    "fapiPrivateV3GetPositionRisk": Cost(5),
    "fapiPrivateGetAccountConfig": Cost(5),
    "fapiPrivateGetSymbolConfig": Cost(5),
    "fapiPrivateGetOrder": Cost(1),
    "fapiPrivateGetAlgoOrder": Cost(1),
    "fapiPrivateGetUserTrades": Cost(5),
    "fapiPrivateGetIncome": Cost(30),
    "fapiPrivateGetLeverageBracket": Cost(1),
    "fapiPrivatePostPositionSideDual": Cost(1),
    "fapiPrivatePostMarginType": Cost(1),
    "fapiPrivatePostLeverage": Cost(1),
    "fapiPrivatePostOrder": Cost(0, orders=1),
    "fapiPrivatePostAlgoOrder": Cost(0, orders=1),
    "fapiPrivateDeleteOrder": Cost(1),
    "fapiPrivateDeleteAlgoOrder": Cost(1),
    "fapiPrivateDeleteAllOpenOrders": Cost(1),
    "publicGetTime": Cost(1),
    "publicGetExchangeInfo": Cost(20),
    "publicGetAvgPrice": Cost(2),
    "privateGetAccount": Cost(20),
    "privateGetOrder": Cost(4),
    "privateGetAllOrders": Cost(20),
    "privateGetMyTrades": Cost(20),
    "publicGetKlines": Cost(2),
    "privatePostOrder": Cost(1, orders=1),
    "privateDeleteOrder": Cost(1),
    "fapiPrivatePostListenKey": Cost(1),
    "fapiPrivatePutListenKey": Cost(1),
}
COSTS_BY_SYMBOL = {  # of one symbol, of all
    "fapiPublicGetTicker24hr": (Cost(1), Cost(40)),
    "fapiPublicGetTickerBookTicker": (Cost(2), Cost(5)),
    "fapiPublicGetPremiumIndex": (Cost(1), Cost(10)),
    "fapiPrivateGetOpenOrders": (Cost(1), Cost(40)),
    "privateGetOpenOrders": (Cost(6), Cost(80)),
    "fapiPrivateGetOpenAlgoOrders": (Cost(1), Cost(40)),
}
COST_UNKNOWN = Cost(5)  # of an endpoint that is not listed here; the exchange's answer tells the rest


def cost_of(method: str, parameters: Mapping[str, object]) -> Cost:
    """What a request takes. Args: method, ccxt's name of the endpoint ("fapiPublicGetKlines")."""
    if method == KLINES:
        return _by_limit(parameters, KLINES_WEIGHTS, KLINES_WEIGHT_MAX, KLINES_LIMIT)
    if method == DEPTH:
        return _by_limit(parameters, DEPTH_WEIGHTS, DEPTH_WEIGHT_MAX, DEPTH_LIMIT)
    if method in COSTS_BY_SYMBOL:
        return COSTS_BY_SYMBOL[method][0 if "symbol" in parameters else 1]
    return COSTS.get(method, COST_UNKNOWN)


def _by_limit(
    parameters: Mapping[str, object], weights: tuple[tuple[int, int], ...], weight_max: int, limit_usual: int
) -> Cost:
    asked = parameters.get("limit", limit_usual)
    limit = asked if isinstance(asked, int) else limit_usual
    return Cost(next((weight for most, weight in weights if limit <= most), weight_max))
