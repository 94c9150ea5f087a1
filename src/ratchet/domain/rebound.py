"""What the spot companion keeps: cases of what a person bought, each with the orders that were placed for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ratchet.domain.fill import Fill
from ratchet.domain.identity import CaseId, ClientOrderId, FillId, OrderId
from ratchet.domain.money import QUOTE, ZERO
from ratchet.domain.order import LimitOrder, OrderStatus, Origin
from ratchet.domain.symbol import Symbol


class SpotRole(StrEnum):
    """What an order is for; of the companion's own it is part of the client order id."""

    MANUAL = "manual"  # a person's
    SELL = "sell"  # of what a person bought
    BACK = "back"  # buys again what was sold


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnOrder:
    """An order of the companion, and what is known of it."""

    order: LimitOrder
    role: SpotRole
    sequence: int  # of the attempt, from 0: its name is the same at each
    intended_ms: int
    status: OrderStatus = OrderStatus.INTENDED
    order_id: OrderId | None = None
    quantity_filled: Decimal = ZERO
    price_average: Decimal = ZERO  # 0 while nothing is filled
    reason: str = ""

    @property
    def name(self) -> ClientOrderId:
        """Its client order id."""
        return self.order.client_order_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Fills of one BUY of a person, that are sold together. No fill is in two cases."""

    case_id: CaseId
    symbol: Symbol
    buy_order_id: OrderId
    first_fill_id: FillId  # the oldest of its executions
    quantity: Decimal  # base asset, less the fees that were taken in it
    quantity_bought: Decimal  # base asset
    quote: Decimal  # that it cost, without fees
    opened_ms: int
    orders: tuple[OwnOrder, ...] = ()  # in the order of their intents


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Since when a symbol is watched, by the numbers of executions."""

    start_id: int  # this one and those before are left alone
    seen_id: int  # up to here everything is known
    ended_ms: int | None = None  # when watching ended in good order; None: it goes on, or was cut off


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotFill:
    """An execution, and whose order it was."""

    fill: Fill
    origin: Origin
    client_order_id: ClientOrderId
    case_id: CaseId | None = None


def base_of(symbol: Symbol) -> str:
    """The asset that is bought and sold."""
    return symbol.removesuffix(QUOTE)


def profit_of(quantity: Decimal, price: Decimal, quote: Decimal, quantity_bought: Decimal) -> Decimal:
    """Quote asset that a SELL of a case brought more than the same coins cost on average; before fees.

    Args: quantity, base asset that was sold; quote, that the whole case cost; quantity_bought, base asset for it.
    """
    return quantity * price - quantity * quote / quantity_bought


def flows_of(fills: Iterable[Fill]) -> dict[str, Decimal]:
    """What executions have changed of the account, by asset."""
    flows: dict[str, Decimal] = {}
    for fill in fills:
        for asset, amount in (
            (base_of(fill.symbol), fill.quantity * fill.side.sign),
            (QUOTE, -fill.quantity * fill.price * fill.side.sign),
            (fill.fee_asset, -fill.fee),
        ):
            flows[asset] = flows.get(asset, ZERO) + amount
    return flows
