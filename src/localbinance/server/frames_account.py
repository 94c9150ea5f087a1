"""Frames of the user stream: an exchange event as the JSON object that Binance sends.

Shapes: ORDER_TRADE_UPDATE, TRADE_LITE, ALGO_UPDATE, ACCOUNT_UPDATE, ACCOUNT_CONFIG_UPDATE, MARGIN_CALL as recorded from
the real exchange in 2024–2026. `T` is the engine's time, `E` the time of the push; numbers are strings, ids and times
integers.
"""

from localbinance.core.events import (
    AccountEvent,
    AlgoEvent,
    BalanceState,
    ConfigEvent,
    MarginCallEvent,
    OrderEvent,
    PositionState,
)
from localbinance.core.order import AlgoStatus, AlgoType, Order, Side
from localbinance.server.wire_numbers import ZERO, plain, short

Json = dict[str, object]


def order_trade_update(event: OrderEvent, margin_asset: str, now_ms: int) -> Json:
    """ORDER_TRADE_UPDATE."""
    return {"e": "ORDER_TRADE_UPDATE", "T": event.time_ms, "E": now_ms, "o": _order(event, margin_asset)}


def _order(event: OrderEvent, margin_asset: str) -> Json:
    order, trade = event.order, event.trade
    open_notional = short(order.remaining * order.price) if order.is_open else "0"
    return {
        "s": order.symbol,
        "c": order.client_order_id,
        "S": order.side,
        "o": "LIQUIDATION" if event.execution == "CALCULATED" else order.type,
        "f": order.time_in_force,
        "q": short(order.quantity),
        "p": short(order.price),
        "ap": short(order.price_average),
        "sp": short(order.price_stop),
        "x": event.execution,
        "X": order.status,
        "i": order.order_id,
        "l": short(trade.quantity) if trade else "0",
        "z": short(order.filled),
        "L": short(trade.price) if trade else "0",
        "n": short(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else margin_asset,
        "T": event.time_ms,
        "t": trade.trade_id if trade else 0,
        "b": open_notional if order.side is Side.BUY else "0",
        "a": open_notional if order.side is Side.SELL else "0",
        "m": trade.is_maker if trade else False,
        "R": order.reduce_only,
        "wt": order.working_type,
        "ot": order.original_type,
        "ps": order.position_side,
        "cp": order.close_position,
        "rp": short(trade.realized_pnl) if trade else "0",
        "pP": order.price_protect,
        "si": 0,
        "ss": 0,
        "V": order.stp_mode,
        "pm": order.price_match,
        "gtd": order.good_till_ms,
        "er": str(order.expiry_reason),
    }


def trade_lite(event: OrderEvent, now_ms: int) -> Json | None:
    """TRADE_LITE, which goes before the full event of a fill; None for what is no fill."""
    order, trade = event.order, event.trade
    if trade is None:
        return None
    return {
        "e": "TRADE_LITE",
        "E": now_ms,
        "T": event.time_ms,
        "s": order.symbol,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "m": trade.is_maker,
        "c": order.client_order_id,
        "S": order.side,
        "L": plain(trade.price),
        "l": plain(trade.quantity),
        "t": trade.trade_id,
        "i": order.order_id,
    }


def algo_update(event: AlgoEvent, now_ms: int) -> Json:
    """ALGO_UPDATE. What the child did (`ap`, `aq`, `act`) is there once there is a child."""
    algo = event.algo
    child: Json = {"ai": ""}
    if algo.order_id is not None:
        child = {
            "ai": str(algo.order_id),
            "ap": short(algo.price_average),
            "aq": short(algo.filled),
            "act": event.child_type,
        }
    body: Json = {
        "caid": algo.client_algo_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": algo.type,
        "s": algo.symbol,
        "S": algo.side,
        "ps": algo.position_side,
        "f": algo.time_in_force,
        "q": short(algo.quantity),
        "X": algo.status,
        **child,
        "tp": short(algo.price_trigger),
        "p": short(algo.price),
        "V": algo.stp_mode,
        "wt": algo.working_type,
        "pm": algo.price_match,
        "cp": algo.close_position,
        "pP": algo.price_protect,
        "R": algo.reduce_only or algo.close_position,
        "tt": algo.triggered_ms,
        "gtd": algo.good_till_ms,
    }
    if algo.status is AlgoStatus.REJECTED or algo.reason:
        body["rm"] = algo.reason
    if algo.type is AlgoType.TRAILING_STOP_MARKET:
        body["ia"] = algo.activated
        body["cr"] = short(algo.callback_rate)
    return {"e": "ALGO_UPDATE", "T": event.time_ms, "E": now_ms, "o": body}


def account_update(event: AccountEvent, now_ms: int) -> Json:
    """ACCOUNT_UPDATE with the balances and positions that changed."""
    return {
        "e": "ACCOUNT_UPDATE",
        "T": event.time_ms,
        "E": now_ms,
        "a": {
            "B": [_balance(balance) for balance in event.balances],
            "P": [_position(position) for position in event.positions],
            "m": event.reason,
        },
    }


def _balance(balance: BalanceState) -> Json:
    return {
        "a": balance.asset,
        "wb": short(balance.wallet),
        "cw": short(balance.cross_wallet),
        "bc": short(balance.change),
    }


def _position(position: PositionState) -> Json:
    return {
        "s": position.symbol,
        "pa": short(position.quantity_signed),
        "ep": short(position.price_entry),
        "cr": short(position.realized),
        "up": short(position.unrealized),
        "mt": "isolated" if position.isolated else "cross",
        "iw": short(position.isolated_wallet),
        "ps": position.position_side,
        "ma": position.margin_asset,
        "bep": short(position.price_break_even),
    }


def account_config_update(event: ConfigEvent, now_ms: int) -> Json:
    """ACCOUNT_CONFIG_UPDATE: a symbol's leverage."""
    return {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": now_ms,
        "T": event.time_ms,
        "ac": {"s": event.symbol, "l": event.leverage},
    }


def margin_call(event: MarginCallEvent, now_ms: int) -> Json:
    """MARGIN_CALL. Mark price and maintenance margin are those that the positions tell."""
    return {
        "e": "MARGIN_CALL",
        "E": now_ms,
        "cw": short(event.cross_wallet),
        "p": [_margin_call_position(position) for position in event.positions],
    }


def _margin_call_position(position: PositionState) -> Json:
    quantity = position.quantity_signed
    mark = position.price_entry + position.unrealized / quantity if quantity else ZERO
    return {
        "s": position.symbol,
        "ps": position.position_side,
        "pa": short(quantity),
        "mt": "ISOLATED" if position.isolated else "CROSSED",
        "iw": short(position.isolated_wallet),
        "mp": short(mark),
        "up": short(position.unrealized),
        "mm": "0",
    }


def listen_key_expired(listen_key: str, now_ms: int) -> Json:
    """listenKeyExpired: the last frame of a user stream whose key has died."""
    return {"e": "listenKeyExpired", "E": now_ms, "listenKey": listen_key}


def force_order(order: Order, time_ms: int, now_ms: int) -> Json:
    """forceOrder on the market streams: somebody was liquidated."""
    return {
        "e": "forceOrder",
        "E": now_ms,
        "o": {
            "s": order.symbol,
            "S": order.side,
            "o": "LIMIT",
            "f": "IOC",
            "q": plain(order.quantity),
            "p": plain(order.price),
            "ap": plain(order.price_average),
            "X": order.status,
            "l": plain(order.filled),
            "z": plain(order.filled),
            "T": time_ms,
        },
    }
