"""Replies about spot's orders, lists, own trades and accounts: core values as the JSON objects of REST."""

from collections.abc import Sequence

from localbinance.core.order import OrderStatus, Side
from localbinance.core.spot.exchange import SpotAccountState
from localbinance.core.spot.order import OrderList, SpotOrder, SpotTrade
from localbinance.rules.spot_rules import SpotSymbolRules
from localbinance.server.wire_numbers import ZERO, eight

Json = dict[str, object]
NOT_WORKING = -1


def placed_order(order: SpotOrder, fills: Sequence[SpotTrade], response: str, now_ms: int) -> Json:
    """The reply to placing. `response`: ACK, RESULT or FULL."""
    reply: Json = {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": now_ms,
    }
    if response == "ACK":
        return reply
    reply |= _numbers(order)
    if response == "FULL":
        reply["fills"] = [_fill(fill) for fill in fills]
    return reply


def _numbers(order: SpotOrder) -> Json:
    told: Json = {
        "price": eight(order.price),
        "origQty": eight(order.quantity),
        "executedQty": eight(order.filled),
        "origQuoteOrderQty": eight(order.quote_quantity),
        "cummulativeQuoteQty": eight(order.filled_quote),  # so spelt
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": order.side,
        "workingTime": NOT_WORKING if order.working_ms is None else order.working_ms,
        "selfTradePreventionMode": order.stp_mode,
    }
    if order.price_stop:
        told["stopPrice"] = eight(order.price_stop)
    if order.status is OrderStatus.EXPIRED:
        told["expiryReason"] = order.expiry_reason
    return told


def _fill(trade: SpotTrade) -> Json:
    return {
        "price": eight(trade.price),
        "qty": eight(trade.quantity),
        "commission": eight(trade.fee),
        "commissionAsset": trade.fee_asset,
        "tradeId": trade.trade_id,
    }


def cancelled_order(order: SpotOrder, cancel_id: str, now_ms: int) -> Json:
    """The reply to cancelling: `clientOrderId` is the cancel's own."""
    numbers = _numbers(order)
    del numbers["workingTime"]
    return {
        "symbol": order.symbol,
        "origClientOrderId": order.client_order_id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": cancel_id,
        "transactTime": now_ms,
        **numbers,
    }


def queried_order(order: SpotOrder) -> Json:
    """The reply to queries."""
    return {
        "symbol": order.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        **_numbers(order),
        "stopPrice": eight(order.price_stop),
        "icebergQty": eight(ZERO),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.working_ms is not None,
    }


def order_list(told: OrderList, now_ms: int) -> Json:
    """An OCO."""
    return {
        "orderListId": told.list_id,
        "contingencyType": "OCO",
        "listStatusType": told.response,
        "listOrderStatus": "EXECUTING" if told.is_open else "ALL_DONE",
        "listClientOrderId": told.client_list_id,
        "transactionTime": now_ms,
        "symbol": told.symbol,
        "orders": [
            {"symbol": order.symbol, "orderId": order.order_id, "clientOrderId": order.client_order_id}
            for order in told.orders
        ],
    }


def own_trade(trade: SpotTrade) -> Json:
    """One row of myTrades."""
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "orderListId": trade.list_id,
        "price": eight(trade.price),
        "qty": eight(trade.quantity),
        "quoteQty": eight(trade.quote),
        "commission": eight(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "isBuyer": trade.side is Side.BUY,
        "isMaker": trade.is_maker,
        "isBestMatch": True,
    }


def account(state: SpotAccountState, rules: SpotSymbolRules, *, without_zeros: bool) -> Json:
    """The account. Its rates are those of `rules`, which all pairs share."""
    maker, taker = rules.fee_rate_maker, rules.fee_rate_taker
    return {
        "makerCommission": int(maker * 10_000),
        "takerCommission": int(taker * 10_000),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates(rules),
        "canTrade": True,
        "canWithdraw": False,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": state.updated_ms,
        "accountType": "SPOT",
        "balances": [
            {"asset": each.asset, "free": eight(each.free), "locked": eight(each.locked)}
            for each in state.balances
            if each.free or each.locked or not without_zeros
        ],
        "permissions": ["SPOT"],
        "uid": 354937868,
    }


def rates(rules: SpotSymbolRules) -> Json:
    """The fee rates of a pair, as fractions."""
    return {
        "maker": eight(rules.fee_rate_maker),
        "taker": eight(rules.fee_rate_taker),
        "buyer": eight(ZERO),
        "seller": eight(ZERO),
    }
