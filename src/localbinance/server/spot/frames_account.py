"""Frames of spot's user stream."""

from localbinance.core.order import OrderStatus
from localbinance.core.spot.events import BalancesEvent, ExecutionEvent, ListEvent, SpotEvent, TransferEvent
from localbinance.server.wire_numbers import ZERO, eight

Json = dict[str, object]
NO_TRADE = -1


def frame(event: SpotEvent, now_ms: int) -> Json:
    """The frame of an event."""
    match event:
        case ExecutionEvent():
            return execution_report(event, now_ms)
        case BalancesEvent():
            return account_position(event, now_ms)
        case TransferEvent():
            return balance_update(event, now_ms)
        case ListEvent():
            return list_status(event, now_ms)


def execution_report(event: ExecutionEvent, now_ms: int) -> Json:
    """executionReport. A cancelled order is called by the cancel's client id; its own is then `C`."""
    order, trade = event.order, event.trade
    report: Json = {
        "e": "executionReport",
        "E": now_ms,
        "s": order.symbol,
        "c": event.cancel_id or order.client_order_id,
        "S": order.side,
        "o": order.type,
        "f": order.time_in_force,
        "q": eight(order.quantity),
        "p": eight(order.price),
        "P": eight(order.price_stop),
        "F": eight(ZERO),
        "g": order.list_id,
        "C": order.client_order_id if event.cancel_id else "",
        "x": event.execution,
        "X": order.status,
        "r": "NONE",
        "i": order.order_id,
        "l": eight(trade.quantity if trade else ZERO),
        "z": eight(order.filled),
        "L": eight(trade.price if trade else ZERO),
        "n": eight(trade.fee) if trade else "0",
        "N": trade.fee_asset if trade else None,
        "T": event.time_ms,
        "t": trade.trade_id if trade else NO_TRADE,
        "I": event.execution_id,
        "w": order.working_ms is not None and order.is_open,
        "m": trade.is_maker if trade else False,
        "M": trade is not None,
        "O": order.created_ms,
        "Z": eight(order.filled_quote),
        "Y": eight(trade.quote if trade else ZERO),
        "Q": eight(order.quote_quantity),
        "V": order.stp_mode,
    }
    if order.working_ms is not None:
        report["W"] = order.working_ms
    if order.status is OrderStatus.EXPIRED:
        report["eR"] = order.expiry_reason
    return report


def account_position(event: BalancesEvent, now_ms: int) -> Json:
    """outboundAccountPosition."""
    return {
        "e": "outboundAccountPosition",
        "E": now_ms,
        "u": event.time_ms,
        "B": [{"a": each.asset, "f": eight(each.free), "l": eight(each.locked)} for each in event.balances],
    }


def balance_update(event: TransferEvent, now_ms: int) -> Json:
    """balanceUpdate."""
    return {
        "e": "balanceUpdate",
        "E": now_ms,
        "a": event.asset,
        "d": eight(event.amount),
        "T": event.time_ms,
    }


def list_status(event: ListEvent, now_ms: int) -> Json:
    """listStatus."""
    return {
        "e": "listStatus",
        "E": now_ms,
        "s": event.symbol,
        "g": event.list_id,
        "c": "OCO",
        "l": "ALL_DONE" if event.done else "EXEC_STARTED",
        "L": "ALL_DONE" if event.done else "EXECUTING",
        "r": "NONE",
        "C": event.client_list_id,
        "T": event.time_ms,
        "O": [{"s": event.symbol, "i": number, "c": name} for number, name in event.orders],
    }


def terminated(now_ms: int) -> Json:
    """eventStreamTerminated: the last frame of a subscription."""
    return {"e": "eventStreamTerminated", "E": now_ms}
