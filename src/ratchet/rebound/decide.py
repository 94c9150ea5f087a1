"""What the companion decides, pure: what is known in, what is to be done and with which numbers out."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from ratchet.domain.fill import Fill
from ratchet.domain.identity import OURS, REBOUNDS, CaseId, ClientOrderId, OrderId
from ratchet.domain.money import ZERO, ceil_to, floor_to, plain
from ratchet.domain.order import LimitOrder, OrderReport, OrderStatus, Origin, Side
from ratchet.domain.rebound import Case, OwnOrder, SpotRole
from ratchet.domain.spot_rules import SpotRules

SELLS_MAX = 5  # of a case, one after the other, where the exchange did not take those before
HUNDRED = Decimal(100)
MAY_BE_SENT = (OrderStatus.INTENDED, OrderStatus.SENT, OrderStatus.UNKNOWN)


def origin_of(name: str) -> Origin:
    """Whose order it is, by its client order id. What no program of ours has named is a person's."""
    return Origin.SYSTEM if name.startswith((*OURS, REBOUNDS)) else Origin.MANUAL


# The SELL ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refusal:
    """No order can be made of it, and why. One line."""

    reason: str


def case_of(case_id: CaseId, fills: Sequence[Fill], base_asset: str, at_ms: int) -> Case:
    """Fills of one BUY, to be sold together. Fees that were taken in what was bought are not there to be sold."""
    first = fills[0]
    bought = sum((fill.quantity for fill in fills), ZERO)
    fees = sum((fill.fee for fill in fills if fill.fee_asset == base_asset), ZERO)
    return Case(
        case_id=case_id,
        symbol=first.symbol,
        buy_order_id=first.order_id,
        first_fill_id=first.fill_id,
        quantity=bought - fees,
        quantity_bought=bought,
        quote=sum((fill.quantity * fill.price for fill in fills), ZERO),
        opened_ms=at_ms,
    )


def sell_price(case: Case, percent: Decimal, tick: Decimal) -> Decimal:
    """So much above the average price, rounded up to the tick."""
    # One division of exact numbers: what lies on the tick is not rounded past it.
    return ceil_to(case.quote * (HUNDRED + percent) / (HUNDRED * case.quantity_bought), tick)


def sell_of(
    case: Case,
    rules: SpotRules,
    percent: Decimal,
    free: Decimal,
    price_reference: Decimal | None,
    name: ClientOrderId,
) -> LimitOrder | Refusal:
    """The SELL of a case: of what is really free of it.

    Args: percent, above the average price; free, of the base asset; price_reference, what PERCENT_PRICE measures
        against, None where it is not to be looked at.
    """
    quantity = floor_to(min(case.quantity, free), rules.quantity_step)
    price = sell_price(case, percent, rules.price_tick)
    if quantity <= 0 and free < case.quantity:
        return Refusal(f"nothing of it is free: {plain(free)} {rules.base_asset} of {plain(case.quantity)}")
    order = LimitOrder(client_order_id=name, symbol=case.symbol, side=Side.SELL, quantity=quantity, price=price)
    broken = broken_filter(order, rules, price_reference)
    return order if broken is None else Refusal(broken)


def broken_filter(order: LimitOrder, rules: SpotRules, price_reference: Decimal | None) -> str | None:
    """Why the exchange would refuse an order, with the filter's name; None if no filter that is known would."""
    quantity, price = order.quantity, order.price
    is_sell = order.side is Side.SELL
    up = rules.ask_multiplier_up if is_sell else rules.bid_multiplier_up
    down = rules.ask_multiplier_down if is_sell else rules.bid_multiplier_down
    notional = quantity * price
    if not rules.is_trading:
        return f"{rules.symbol} does not trade ({rules.status})"
    if not max(rules.quantity_min, rules.quantity_step) <= quantity <= rules.quantity_max:
        return f"LOT_SIZE: {plain(quantity)} is not in {plain(rules.quantity_min)} to {plain(rules.quantity_max)}"
    if price < rules.price_min or (rules.price_max and price > rules.price_max):
        return f"PRICE_FILTER: {plain(price)} is not in {plain(rules.price_min)} to {plain(rules.price_max)}"
    if notional < rules.notional_min or (rules.notional_max is not None and notional > rules.notional_max):
        return f"NOTIONAL: {plain(quantity)} at {plain(price)} is worth {plain(notional)}"
    if price_reference is None or up is None or down is None:
        return None
    if not price_reference * down <= price <= price_reference * up:
        return f"PERCENT_PRICE_BY_SIDE: {plain(price)} is too far from {plain(price_reference)}"
    return None


# What is gathered ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """A person's BUY whose fills wait to be sold."""

    order_id: OrderId
    fills: tuple[Fill, ...]  # in no case yet, oldest first
    touched_ms: int  # when the last of them became known


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is done before an instant, unless something is heard."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class Ready:
    """All of it is sold together."""


def ripeness(
    gathering: Gathering,
    report: OrderReport,
    quantity_known: Decimal,
    *,
    is_sellable: bool,
    settle_ms: int,
    now_ms: int,
) -> Ready | Wait:
    """Whether a BUY's fills are to be sold now: when it has ended, or was quiet for so long.

    Args: report, the BUY as the exchange has it; quantity_known, of all its executions that are known, those that are
        left alone among them; is_sellable, whether the filters would let what there is be sold.
    """
    if quantity_known != report.quantity_filled:
        return Wait(now_ms + 1_000)  # the history is behind the order
    if report.status.is_final:
        return Ready()
    quiet_ms = gathering.touched_ms + settle_ms
    if now_ms < quiet_ms:
        return Wait(quiet_ms)
    return Ready() if is_sellable else Wait(now_ms + settle_ms)  # what is too little may become more


# How far it is -------------------------------------------------------------------------------------------------------


class Stage(StrEnum):
    """How far an open case is."""

    TO_SELL = "to_sell"  # no SELL stands yet, as far as is known
    SELLING = "selling"  # its SELL stands
    BUYING_BACK = "buying_back"  # its BUY back stands, or is about to
    ENDING = "ending"  # nothing stands any more


def stage_of(case: Case) -> Stage:
    """By its newest order."""
    if not case.orders:
        return Stage.TO_SELL
    last = case.orders[-1]
    if last.role is SpotRole.BACK:
        return Stage.ENDING if last.status.is_final else Stage.BUYING_BACK
    if last.status in (*MAY_BE_SENT, OrderStatus.REJECTED):
        return Stage.TO_SELL
    return Stage.ENDING if last.status.is_final else Stage.SELLING


# What comes next -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sell:
    """Place a SELL."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask what became of an order: it may have been taken."""

    own: OwnOrder


@dataclass(frozen=True, slots=True)
class Follow:
    """It stands. Its end will be heard of."""


@dataclass(frozen=True, slots=True)
class BuyBack:
    """What was sold is to be bought back."""

    sold: OwnOrder


@dataclass(frozen=True, slots=True)
class Close:
    """Nothing more is placed."""

    reason: str


Step: TypeAlias = Sell | Ask | Follow | BuyBack | Close


def next_of(case: Case, *, buys_back: bool) -> Step:
    """What is to be done for a case. A SELL that somebody cancelled is not placed again; a BUY back is the end."""
    if not case.orders:
        return Sell(0)
    last = case.orders[-1]
    if last.status in MAY_BE_SENT:
        return Ask(last)
    if not last.status.is_final:
        return Follow()
    if last.role is SpotRole.BACK:
        return Close(_end_of_back(last))
    match last.status:
        case OrderStatus.FILLED:
            return BuyBack(last) if buys_back else Close("sold")
        case OrderStatus.REJECTED if last.sequence + 1 < SELLS_MAX:
            return Sell(last.sequence + 1)
        case OrderStatus.REJECTED:
            return Close(f"its SELL was not taken: {last.reason}")
        case OrderStatus.CANCELED:
            return Close("its SELL was cancelled by hand: it is not placed again")
        case _:
            return Close("its SELL was ended by the exchange")


def end_of_given_up(case: Case, step: Sell | BuyBack | Close, who: str) -> str:
    """How a case ends that an operator has given up, once nothing of it stands any more."""
    match step:
        case Sell():
            return f"given up by {who}"
        case BuyBack():
            return f"sold; no BUY back: given up by {who}"
        case Close() if case.orders[-1].status is not OrderStatus.CANCELED:
            return step.reason
    last = case.orders[-1]
    if last.role is SpotRole.BACK:
        return f"sold; its BUY back was given up by {who}"
    sold = f", {plain(last.quantity_filled)} of {plain(last.order.quantity)} were sold" if last.quantity_filled else ""
    return f"given up by {who}{sold}"


def _end_of_back(back: OwnOrder) -> str:
    match back.status:
        case OrderStatus.FILLED:
            return "sold and bought back"
        case OrderStatus.REJECTED:
            return f"sold; its BUY back was not taken: {back.reason}"
        case _:
            return "sold; its BUY back was cancelled"


# The BUY back --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class BackLimits:
    """What BUYs back may take, and what of it is used."""

    percent: Decimal  # below the price of the SELL
    count_max: int  # a day and symbol
    count_used: int
    quote_max: Decimal  # that all open ones may cost together
    quote_used: Decimal


def buy_back_of(
    sold: OwnOrder, rules: SpotRules, limits: BackLimits, price_reference: Decimal | None, name: ClientOrderId
) -> LimitOrder | Refusal:
    """The BUY back of what a SELL has sold: so much below its average price, rounded down to the tick."""
    price = floor_to(sold.price_average * (HUNDRED - limits.percent) / HUNDRED, rules.price_tick)
    quantity = floor_to(sold.quantity_filled, rules.quantity_step)
    if limits.count_used >= limits.count_max:
        return Refusal(f"no BUY back: {limits.count_used} of {limits.count_max} a day")
    if limits.quote_used + quantity * price > limits.quote_max:
        return Refusal(
            f"no BUY back: {plain(quantity * price)} beside {plain(limits.quote_used)} is more than"
            f" {plain(limits.quote_max)}"
        )
    order = LimitOrder(client_order_id=name, symbol=rules.symbol, side=Side.BUY, quantity=quantity, price=price)
    broken = broken_filter(order, rules, price_reference)
    return order if broken is None else Refusal(f"no BUY back: {broken}")
