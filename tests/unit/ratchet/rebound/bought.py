"""What a person bought, for tests."""

from dataclasses import replace
from decimal import Decimal

from ratchet.domain.fill import Fill
from ratchet.domain.identity import CaseId, ClientOrderId, FillId, OrderId, rebound_order_id
from ratchet.domain.money import ZERO
from ratchet.domain.order import LimitOrder, OrderReport, OrderStatus, Side
from ratchet.domain.rebound import Case, OwnOrder, SpotRole
from ratchet.domain.spot_rules import SpotRules
from ratchet.domain.symbol import Symbol
from ratchet.rebound.decide import case_of

TRUMP = Symbol("TRUMPUSDC")
BUY_ID = OrderId(7)
NOW_MS = 1_000_000
RULES = SpotRules(
    symbol=TRUMP,
    status="TRADING",
    base_asset="TRUMP",
    quote_asset="USDC",
    price_tick=Decimal("0.01"),
    price_min=Decimal("0.01"),
    price_max=Decimal(1_000),
    quantity_step=Decimal("0.001"),
    quantity_min=Decimal("0.001"),
    quantity_max=Decimal(9_000),
    notional_min=Decimal(5),
    notional_max=Decimal(9_000_000),
    bid_multiplier_up=Decimal("1.2"),
    bid_multiplier_down=Decimal("0.2"),
    ask_multiplier_up=Decimal(5),
    ask_multiplier_down=Decimal("0.8"),
)


def a_fill(
    number: int, quantity: str, price: str, fee: str = "0", fee_asset: str = "TRUMP", side: Side = Side.BUY
) -> Fill:
    return Fill(
        fill_id=FillId(number),
        order_id=BUY_ID,
        client_order_id=ClientOrderId("web_1"),
        symbol=TRUMP,
        side=side,
        price=Decimal(price),
        quantity=Decimal(quantity),
        fee=Decimal(fee),
        fee_asset=fee_asset,
        realized_pnl=ZERO,
        is_maker=False,
        at_ms=NOW_MS,
    )


def a_case(*fills: Fill) -> Case:
    return case_of(CaseId(1), fills or (a_fill(1, "10", "8"),), "TRUMP", NOW_MS)


def an_order(status: OrderStatus, role: SpotRole = SpotRole.SELL, sequence: int = 0, price: str = "8.08") -> OwnOrder:
    order = LimitOrder(
        client_order_id=rebound_order_id("TRUMP", FillId(1), role.value),
        symbol=TRUMP,
        side=Side.SELL if role is SpotRole.SELL else Side.BUY,
        quantity=Decimal(10),
        price=Decimal(price),
    )
    filled = Decimal(10) if status is OrderStatus.FILLED else ZERO
    return OwnOrder(
        order=order,
        role=role,
        sequence=sequence,
        intended_ms=NOW_MS,
        status=status,
        quantity_filled=filled,
        price_average=order.price if filled else ZERO,
    )


def with_orders(*orders: OwnOrder) -> Case:
    return replace(a_case(), orders=orders)


def a_report(status: OrderStatus, quantity_filled: str) -> OrderReport:
    return OrderReport(
        client_order_id=ClientOrderId("web_1"),
        order_id=BUY_ID,
        symbol=TRUMP,
        side=Side.BUY,
        status=status,
        quantity=Decimal(100),
        quantity_filled=Decimal(quantity_filled),
        price_average=Decimal(8),
        reduce_only=False,
        updated_ms=NOW_MS,
    )
