"""Interference: acts, performed upon the state. What they leave in force is asked for where it concerns something.

The audit is brought up to date after every act. Requests of foreign clients are not counted as the trader's.
"""

from dataclasses import replace
from decimal import Decimal

from localbinance.core import audit, conditional, funding, liquidation, matching
from localbinance.core.act import (
    AnnounceDelisting,
    CapLeverage,
    CoreAct,
    FillSlowly,
    ForeignCancel,
    ForeignClose,
    ForeignOrder,
    ForeignStop,
    Liquidate,
    PayFunding,
    RefuseLeverage,
    RefuseMarginType,
    RefuseTrigger,
    Settle,
    StickTrigger,
    Thin,
)
from localbinance.core.execution import end_algo, end_order, execute
from localbinance.core.in_force import InForce
from localbinance.core.order import AlgoStatus, OrderRequest, OrderStatus, OrderType, Side
from localbinance.core.state import Account, State, SymbolMarket
from localbinance.rules import errors

DELISTED = 7  # `er`
Counted = RefuseTrigger | StickTrigger | RefuseLeverage | RefuseMarginType
SETTLING = "SETTLING"


def perform(state: State, account: Account, act: CoreAct, now_ms: int) -> None:
    """Perform an act. Raises: Rejection for what the exchange refuses, such as an unknown symbol."""
    if isinstance(act, Counted | CapLeverage | FillSlowly) and act.symbol:
        state.listed(act.symbol)
    standing = state.in_force
    match act:
        case Thin():
            state.market(act.symbol).depth.quantity_max = act.quantity
        case FillSlowly():
            _slow_down(standing, act)
        case RefuseTrigger():
            standing.trigger_refusals += [act] * act.times
        case StickTrigger():
            standing.trigger_sticks += [act] * act.times
        case RefuseLeverage():
            standing.leverage_refusals += [act] * act.times
        case RefuseMarginType():
            standing.margin_type_refusals += [act] * act.times
        case CapLeverage():
            _cap(standing, act)
        case AnnounceDelisting():
            _announce_delisting(state, act)
        case Settle():
            _settle(state, act, now_ms)
        case Liquidate():
            _liquidate(state, account, act, now_ms)
        case ForeignOrder():
            matching.place(state, account, act.order, now_ms)
        case ForeignStop():
            conditional.place(state, account, act.stop, now_ms)
        case ForeignCancel():
            _cancel(state, account, act, now_ms)
        case ForeignClose():
            _close(state, account, act.symbol, now_ms)
        case PayFunding():
            funding.pay(state, state.market(act.symbol), act.rate, now_ms)
    _audit(state, now_ms)


def on_time(state: State, market: SymbolMarket, now_ms: int) -> None:
    """Deliver what is settled when its time has come: its orders are ended, every position is closed at mark."""
    if market.delivery_ms is None or now_ms < market.delivery_ms:
        return
    if market.rules.status != SETTLING:
        _settle(state, Settle(symbol=market.rules.symbol, delivery_ms=market.delivery_ms), now_ms)
    market.delivery_ms = None
    mark = market.tick.mark
    for account in tuple(market.holders.values()):
        for slot in account.slots(market.rules.symbol):
            if slot.quantity:
                order = liquidation.closing_order(state, account, slot, "settlement_autoclose", now_ms)
                execute(state, market, order, mark, order.remaining, is_maker=False, at_ms=now_ms, kind="CALCULATED")


def _slow_down(standing: InForce, act: FillSlowly) -> None:
    if act.parts > 1:
        standing.slow_fills[act.symbol] = act
    else:
        standing.slow_fills.pop(act.symbol, None)


def _cap(standing: InForce, act: CapLeverage) -> None:
    if act.leverage is None:
        standing.leverage_caps.pop(act.symbol, None)
    else:
        standing.leverage_caps[act.symbol] = act.leverage


def _announce_delisting(state: State, act: AnnounceDelisting) -> None:
    rules = replace(state.listed(act.symbol), delivery_ms=act.delivery_ms)
    state.rules = state.rules.with_symbol(rules)
    market = state.markets.get(act.symbol)
    if market is not None:
        market.rules, market.delivery_ms = rules, act.delivery_ms


def _settle(state: State, act: Settle, now_ms: int) -> None:
    rules = replace(state.listed(act.symbol), status=SETTLING)
    if act.delivery_ms is not None:
        rules = replace(rules, delivery_ms=act.delivery_ms)
    state.rules = state.rules.with_symbol(rules)
    market = state.markets.get(act.symbol)
    if market is None:
        return
    market.rules, market.delivery_ms = rules, act.delivery_ms
    for account in state.accounts.values():
        for order in tuple(account.open_orders.values()):
            if order.symbol == act.symbol:
                end_order(state, market, order, OrderStatus.CANCELED, now_ms, reason=DELISTED)
    for algo in tuple(market.waiting.values()):
        end_algo(state, market, algo, AlgoStatus.EXPIRED, now_ms)


def _liquidate(state: State, account: Account, act: Liquidate, now_ms: int) -> None:
    for asset in (act.asset,) if act.asset else tuple(account.wallets):
        held = liquidation.cross_held(account, asset)
        if held:
            liquidation.liquidate(state, account, asset, held, now_ms)


def _cancel(state: State, account: Account, act: ForeignCancel, now_ms: int) -> None:
    for algo in tuple(account.open_algos.values()):
        if algo.algo_id == act.algo_id or algo.client_algo_id == act.client_id:
            conditional.cancel(state, algo, now_ms)
            return
    for order in tuple(account.open_orders.values()):
        if order.order_id == act.order_id or order.client_order_id == act.client_id:
            matching.cancel(state, order, now_ms)
            return
    raise errors.unknown_order()


def _close(state: State, account: Account, symbol: str, now_ms: int) -> None:
    """By plain market orders: what rests and may only reduce does not stand in its way, and goes with the position."""
    held = [slot for slot in account.slots(symbol) if slot.quantity]
    if not held:
        raise errors.reduce_only_rejected()
    for slot in held:
        quantity: Decimal = abs(slot.quantity)
        request = OrderRequest(
            symbol=symbol,
            side=Side.SELL if slot.quantity > 0 else Side.BUY,
            type=OrderType.MARKET,
            quantity=quantity,
            position_side=slot.position_side,
        )
        matching.place(state, account, request, now_ms)


def _audit(state: State, now_ms: int) -> None:
    for account in state.accounts.values():
        for symbol in {symbol for symbol, _ in account.positions}:
            audit.check(account, symbol, now_ms)
