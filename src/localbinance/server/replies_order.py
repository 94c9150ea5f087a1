"""Replies about orders and own trades: core values as the JSON objects of the REST interface."""

from decimal import Decimal

from localbinance.core.order import AlgoOrder, AlgoStatus, AlgoType, Order, OrderRequest, OrderStatus, Side, Trade
from localbinance.rules.symbol_rules import SymbolRules
from localbinance.server.wire_numbers import ZERO, plain

Json = dict[str, object]


def placed_order(order: Order, *, acknowledge: bool = False) -> Json:
    """The reply to placing, modifying, cancelling.

    `acknowledge`: the reply type ACK, which says NEW with nothing filled, whatever happened.
    """
    filled, quote = (ZERO, ZERO) if acknowledge else (order.filled, order.filled_quote)
    return {
        "orderId": order.order_id,
        "symbol": order.symbol,
        "status": OrderStatus.NEW if acknowledge else order.status,
        "clientOrderId": order.client_order_id,
        "price": plain(order.price),
        "avgPrice": plain(ZERO if acknowledge else order.price_average),
        "origQty": plain(order.quantity),
        "executedQty": plain(filled),
        "cumQty": plain(filled),
        "cumQuote": plain(quote),
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": plain(order.price_stop),
        "workingType": order.working_type,
        "priceProtect": order.price_protect,
        "origType": order.original_type,
        "priceMatch": order.price_match,
        "selfTradePreventionMode": order.stp_mode,
        "goodTillDate": order.good_till_ms,
        "updateTime": order.updated_ms,
    }


def queried_order(order: Order, rules: SymbolRules) -> Json:
    """The reply to queries, which tell more."""
    reply = placed_order(order)
    del reply["cumQty"]
    return {**reply, "time": order.created_ms, "cumBase": "0", "pair": rules.pair}


def tested_order(request: OrderRequest, now_ms: int) -> Json:
    """The reply to a test order: its shape, with no order behind it."""
    return {
        "orderId": 0,
        "symbol": request.symbol,
        "status": OrderStatus.NEW,
        "clientOrderId": request.client_order_id or "",
        "price": plain(request.price or ZERO),
        "avgPrice": "0",
        "origQty": plain(request.quantity or ZERO),
        "executedQty": "0",
        "cumQty": "0",
        "cumQuote": "0",
        "timeInForce": request.time_in_force or "GTC",
        "type": request.type,
        "reduceOnly": request.reduce_only,
        "closePosition": False,
        "side": request.side,
        "positionSide": request.position_side,
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": request.type,
        "priceMatch": request.price_match,
        "selfTradePreventionMode": request.stp_mode,
        "goodTillDate": request.good_till_ms,
        "updateTime": now_ms,
    }


def placed_algo(algo: AlgoOrder) -> Json:
    """The reply to placing a conditional order. The type is called `orderType` here."""
    reply: Json = {
        "algoId": algo.algo_id,
        "clientAlgoId": algo.client_algo_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.type,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": algo.position_side,
        "timeInForce": algo.time_in_force,
        "quantity": plain(algo.quantity),
        "algoStatus": algo.status,
        "triggerPrice": plain(algo.price_trigger),
        "price": plain(algo.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": algo.stp_mode,
        "workingType": algo.working_type,
        "priceMatch": algo.price_match,
        "closePosition": algo.close_position,
        "priceProtect": algo.price_protect,
        "reduceOnly": algo.reduce_only,
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": algo.good_till_ms,
    }
    if algo.type is AlgoType.TRAILING_STOP_MARKET:
        reply["activatePrice"] = plain(algo.price_activate)
        reply["callbackRate"] = plain(algo.callback_rate)
    return reply


def queried_algo(algo: AlgoOrder) -> Json:
    """The reply to queries of a conditional order, with what its child did."""
    child_type = ""
    if algo.order_id is not None:
        child_type = "LIMIT" if algo.type in (AlgoType.STOP, AlgoType.TAKE_PROFIT) else "MARKET"
    reply = placed_algo(algo)
    reply.update(
        {
            "actualOrderId": "" if algo.order_id is None else str(algo.order_id),
            "actualPrice": plain(algo.price_average),
            "actualQty": plain(algo.filled),
            "actualType": child_type,
            "tpTriggerPrice": "0",
            "tpPrice": "0",
            "slTriggerPrice": "0",
            "slPrice": "0",
            "tpOrderType": "",
        }
    )
    if algo.status is AlgoStatus.REJECTED:
        reply["failReason"] = algo.reason
    return reply


def own_trade(trade: Trade, rules: SymbolRules) -> Json:
    """One row of userTrades. A positive commission was paid; the realised profit is without it."""
    quote: Decimal = trade.price * trade.quantity
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side,
        "price": plain(trade.price),
        "qty": plain(trade.quantity),
        "realizedPnl": plain(trade.realized_pnl),
        "marginAsset": rules.margin_asset,
        "quoteQty": plain(quote),
        "baseQty": "0",
        "commission": plain(trade.fee),
        "commissionAsset": trade.fee_asset,
        "time": trade.time_ms,
        "positionSide": trade.position_side,
        "buyer": trade.side is Side.BUY,
        "maker": trade.is_maker,
        "pair": rules.pair,
    }
