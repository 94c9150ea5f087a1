"""Margin: what positions and orders tie up, what is free, and when the exchange steps in.

Formulas are Binance's for USDⓈ-M in single-asset mode: initial margin = notional / leverage, orders count with the side
that would make the position larger, maintenance = notional × rate − cum of the bracket that holds the notional.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from localbinance.core.account_state import AccountState, AssetState, PositionDetail
from localbinance.core.order import ZERO, OrderRequest, PositionSide, Side
from localbinance.core.position import Position, booked
from localbinance.core.state import Account, State
from localbinance.rules import errors
from localbinance.rules.symbol_rules import LeverageBracket, SymbolRules


@dataclass(frozen=True, slots=True)
class OpenNotionals:
    """Open orders of one slot that may enlarge it, by side, quote."""

    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, slots=True)
class SlotMargin:
    """What one slot ties up."""

    position: Decimal
    orders: Decimal
    maintenance: Decimal


_NONE = booked(ZERO)
_NOTHING = SlotMargin(_NONE, _NONE, _NONE)


def bracket_of(rules: SymbolRules, notional: Decimal) -> LeverageBracket:
    """The bracket that holds a notional; the last one beyond all."""
    for bracket in rules.brackets:
        if notional <= bracket.notional_cap:
            return bracket
    return rules.brackets[-1]


def notional_max(rules: SymbolRules, leverage: int) -> Decimal:
    """The largest position at a leverage, quote."""
    caps = [each.notional_cap for each in rules.brackets if each.leverage_max >= leverage]
    return max(caps, default=ZERO)


def open_notionals(account: Account, symbol: str, side: PositionSide) -> OpenNotionals:
    """Sums of the account's resting orders that do not reduce."""
    bid = ask = ZERO
    for order in account.open_orders.values():
        if order.symbol == symbol and order.position_side is side and not reduces(order.reduce_only, order.side, side):
            notional = order.remaining * order.price
            if order.side is Side.BUY:
                bid += notional
            else:
                ask += notional
    return OpenNotionals(bid, ask)


def reduces(reduce_only: bool, side: Side, position_side: PositionSide) -> bool:
    """Whether an order can only make a position smaller: asked for, or by its side in hedge mode."""
    closes_long = position_side is PositionSide.LONG and side is Side.SELL
    closes_short = position_side is PositionSide.SHORT and side is Side.BUY
    return reduce_only or closes_long or closes_short


def slot_margin(state: State, account: Account, slot: Position, orders: OpenNotionals) -> SlotMargin:
    """Initial margin of a slot and its orders, and its maintenance margin."""
    if not slot.quantity and not orders.bid and not orders.ask:
        return _NOTHING
    leverage = account.leverage_of(slot.symbol, state.listed(slot.symbol))
    notional = slot.quantity * state.mark(slot.symbol)
    held, ordered = abs(notional) / leverage, _NONE
    if orders.bid or orders.ask:
        whole = max(abs(notional + orders.bid), abs(notional - orders.ask)) / leverage
        ordered = booked(max(ZERO, whole - held))
    return SlotMargin(booked(held), ordered, maintenance_margin(state, slot))


def maintenance_margin(state: State, slot: Position) -> Decimal:
    """What has to be there for a slot, or the exchange steps in."""
    if not slot.quantity:
        return _NONE
    notional = abs(slot.quantity) * state.mark(slot.symbol)
    bracket = bracket_of(state.listed(slot.symbol), notional)
    return booked(notional * bracket.maintenance_rate - bracket.cum)


def slots_of_asset(account: Account, asset: str) -> Iterator[Position]:
    """The slots that are margined in an asset."""
    return (slot for slot in account.positions.values() if slot.margin_asset == asset)


def asset_state(state: State, account: Account, asset: str) -> AssetState:
    """One asset's totals."""
    unrealized = cross_unrealized = held = ordered = maintenance = cross_margin = ZERO
    for slot in slots_of_asset(account, asset):
        orders = open_notionals(account, slot.symbol, slot.position_side)
        if not slot.quantity and not orders.bid and not orders.ask:
            continue
        margin = slot_margin(state, account, slot, orders)
        profit = slot.unrealized(state.mark(slot.symbol))
        unrealized += profit
        held += margin.position
        ordered += margin.orders
        maintenance += margin.maintenance
        if slot.symbol in account.isolated:
            cross_margin += margin.orders
        else:
            cross_margin += margin.position + margin.orders
            cross_unrealized += profit
    wallet, cross_wallet = account.wallets.get(asset, ZERO), account.cross_wallet(asset)
    available = max(ZERO, cross_wallet + cross_unrealized - cross_margin)
    return AssetState(
        asset=asset,
        wallet=wallet,
        unrealized=unrealized,
        margin_balance=wallet + unrealized,
        initial_margin=held + ordered,
        position_initial_margin=held,
        open_order_initial_margin=ordered,
        maintenance_margin=maintenance,
        cross_wallet=cross_wallet,
        cross_unrealized=cross_unrealized,
        available=available,
        max_withdraw=min(available, max(ZERO, cross_wallet)),
        updated_ms=account.updated_ms.get(asset, 0),
    )


def position_detail(state: State, account: Account, slot: Position) -> PositionDetail:
    """One slot with everything that the wire tells of it."""
    rules = state.listed(slot.symbol)
    mark = state.mark(slot.symbol)
    orders = open_notionals(account, slot.symbol, slot.position_side)
    margin = slot_margin(state, account, slot, orders)
    leverage = account.leverage_of(slot.symbol, rules)
    isolated = slot.symbol in account.isolated
    profit = slot.unrealized(mark)
    return PositionDetail(
        symbol=slot.symbol,
        position_side=slot.position_side,
        margin_asset=slot.margin_asset,
        quantity_signed=slot.quantity,
        price_entry=slot.price_entry,
        price_break_even=slot.price_break_even,
        price_mark=mark,
        unrealized=profit,
        notional=booked(slot.quantity * mark),
        leverage=leverage,
        isolated=isolated,
        isolated_wallet=slot.isolated_wallet,
        isolated_margin=slot.isolated_wallet + profit if isolated and slot.quantity else ZERO,
        initial_margin=margin.position + margin.orders,
        position_initial_margin=margin.position,
        open_order_initial_margin=margin.orders,
        maintenance_margin=margin.maintenance,
        price_liquidation=price_liquidation(state, account, slot),
        notional_max=notional_max(rules, leverage),
        bid_notional=orders.bid,
        ask_notional=orders.ask,
        adl=1 if slot.quantity else 0,
        updated_ms=slot.updated_ms,
    )


def asset_states(state: State, account: Account) -> tuple[AssetState, ...]:
    """Every asset that the account ever had."""
    return tuple(asset_state(state, account, asset) for asset in account.wallets)


def open_positions(state: State, account: Account) -> tuple[PositionDetail, ...]:
    """Every slot with a position, or with an order that may enlarge it."""
    enlarged = {(order.symbol, order.position_side) for order in account.open_orders.values()}
    touched = (slot for key, slot in account.positions.items() if slot.quantity or key in enlarged)
    found = (position_detail(state, account, slot) for slot in touched)
    return tuple(each for each in found if each.is_open)


def account_state(state: State, account: Account) -> AccountState:
    """The whole account."""
    return AccountState(
        assets=asset_states(state, account),
        positions=tuple(position_detail(state, account, slot) for slot in account.positions.values()),
        dual_side=account.dual_side,
        multi_assets=False,
    )


def price_liquidation(state: State, account: Account, slot: Position) -> Decimal:
    """Where the margin balance meets the maintenance margin when only this symbol moves; 0 when nowhere.

    LP = (WB − TMM₁ + UPNL₁ + cum − side × qty × entry) / (qty × mmr − side × qty), Binance's for one-way mode.
    """
    if not slot.quantity:
        return ZERO
    rules = state.listed(slot.symbol)
    bracket = bracket_of(rules, abs(slot.quantity) * state.mark(slot.symbol))
    wallet, others_maintenance, others_unrealized = slot.isolated_wallet, ZERO, ZERO
    if slot.symbol not in account.isolated:
        wallet = account.cross_wallet(slot.margin_asset)
        for other in slots_of_asset(account, slot.margin_asset):
            if other is slot or not other.quantity or other.symbol in account.isolated:
                continue
            others_maintenance += maintenance_margin(state, other)
            others_unrealized += other.unrealized(state.mark(other.symbol))
    numerator = wallet - others_maintenance + others_unrealized + bracket.cum - slot.quantity * slot.price_entry
    denominator = abs(slot.quantity) * bracket.maintenance_rate - slot.quantity
    price = numerator / denominator
    return price.quantize(rules.price_tick) if 0 < price < rules.price_max else ZERO


def check_margin(state: State, account: Account, request: OrderRequest, quantity: Decimal, price: Decimal) -> None:
    """Whether an order that is not reduce-only can be paid for, at `price`.

    Raises: Rejection -2019, -2027.
    """
    rules = state.listed(request.symbol)
    leverage = account.leverage_of(request.symbol, rules)
    slot = account.position(request.symbol, request.position_side, rules.margin_asset)
    before = open_notionals(account, request.symbol, request.position_side)
    notional = quantity * price
    after = OpenNotionals(
        before.bid + (notional if request.side is Side.BUY else 0),
        before.ask + (notional if request.side is Side.SELL else 0),
    )
    mark = state.mark(request.symbol)
    held = slot.quantity * mark
    if max(abs(held + after.bid), abs(held - after.ask)) > notional_max(rules, leverage):
        raise errors.position_limit_exceeded()
    old, new = (slot_margin(state, account, slot, each) for each in (before, after))
    more = new.orders - old.orders
    opening_loss = max(ZERO, request.side.sign * (price - mark)) * quantity if more else ZERO
    fee = notional * rules.fee_rate_taker
    if more and more + opening_loss + fee > asset_state(state, account, rules.margin_asset).available:
        raise errors.margin_insufficient()
