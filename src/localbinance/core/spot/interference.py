"""Interference: acts, performed upon spot."""

from dataclasses import replace
from decimal import Decimal
from hashlib import blake2b

from localbinance.core.act import FillSlowly
from localbinance.core.order import OrderStatus
from localbinance.core.spot import matching
from localbinance.core.spot.act import (
    SpotAct,
    SpotCancelByHand,
    SpotFillSlowly,
    SpotFilter,
    SpotOrderByHand,
    SpotStatus,
    SpotThin,
    SpotWithdraw,
)
from localbinance.core.spot.events import TransferEvent
from localbinance.core.spot.execution import EXCHANGE_CANCELED, end_order
from localbinance.core.spot.state import SpotAccount, SpotState
from localbinance.rules import errors
from localbinance.rules.spot_rules import SpotSymbolRules


def perform(state: SpotState, account: SpotAccount, act: SpotAct, now_ms: int) -> None:
    """Perform an act. Raises: Rejection for what the exchange refuses, such as an unknown symbol."""
    match act:
        case SpotOrderByHand():
            client_id = act.order.client_order_id or _app_id(act.app, state.order_id)
            matching.place(state, account, replace(act.order, client_order_id=client_id), now_ms)
        case SpotCancelByHand():
            _cancel(state, account, act, now_ms)
        case SpotWithdraw():
            transfer(state, account, act.asset, -act.amount, now_ms)
        case SpotStatus():
            _set_status(state, act, now_ms)
        case SpotFilter():
            _set_rules(state, _filtered(state.listed(act.symbol), act))
        case SpotThin():
            state.market(act.symbol).depth.quantity_max = act.quantity
        case SpotFillSlowly():
            state.listed(act.symbol)
            state.slow_fills.pop(act.symbol, None)
            if act.parts > 1:
                state.slow_fills[act.symbol] = FillSlowly(symbol=act.symbol, parts=act.parts, over_ms=act.over_ms)


def transfer(state: SpotState, account: SpotAccount, asset: str, amount: Decimal, now_ms: int) -> None:
    """Money comes from elsewhere or, below 0, goes there. Raises: Rejection -2010 when that much is not free."""
    if amount < 0:
        account.balances.spend(asset, -amount)
    else:
        account.balances.receive(asset, amount)
    state.tell_balances(account, now_ms)
    state.events.append(TransferEvent(account=account.key, time_ms=now_ms, asset=asset, amount=amount))


def _cancel(state: SpotState, account: SpotAccount, act: SpotCancelByHand, now_ms: int) -> None:
    for order in tuple(account.open_orders.values()):
        if order.order_id == act.order_id or order.client_order_id == act.client_id:
            matching.cancel(state, order, _app_id("web", state.execution_id), now_ms)
            return
    raise errors.unknown_order()


def _set_status(state: SpotState, act: SpotStatus, now_ms: int) -> None:
    _set_rules(state, replace(state.listed(act.symbol), status=act.status))
    market = state.markets.get(act.symbol)
    if market is None or not act.ends_orders or act.status == "TRADING":
        return
    for account in state.accounts.values():
        for order in tuple(account.open_orders.values()):
            if order.symbol == act.symbol:
                end_order(state, market, order, OrderStatus.EXPIRED, now_ms, reason=EXCHANGE_CANCELED)


def _filtered(rules: SpotSymbolRules, act: SpotFilter) -> SpotSymbolRules:
    if act.multiplier_up is not None:
        rules = replace(rules, bid_multiplier_up=act.multiplier_up, ask_multiplier_up=act.multiplier_up)
    if act.multiplier_down is not None:
        rules = replace(rules, bid_multiplier_down=act.multiplier_down, ask_multiplier_down=act.multiplier_down)
    return rules if act.notional_min is None else replace(rules, notional_min=act.notional_min)


def _set_rules(state: SpotState, rules: SpotSymbolRules) -> None:
    state.rules = state.rules.with_symbol(rules)
    market = state.markets.get(rules.symbol)
    if market is not None:
        market.rules = rules


def _app_id(app: str, number: int) -> str:
    return f"{app}_{blake2b(str(number).encode(), digest_size=16).hexdigest()}"
