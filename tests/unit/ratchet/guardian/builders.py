"""Positions and stops as the exchange would tell of them. What a test spells out is what it is about."""

from decimal import Decimal

from ratchet.domain.identity import AlgoId, ClientOrderId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Side, StopOrder, StopReport, StopStatus
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.guardian.case import Patience

SYMBOL = Symbol("SOLUSDC")
RULES = SymbolRules(
    symbol=SYMBOL,
    price_tick=Decimal("0.01"),
    price_min=Decimal("0.01"),
    price_max=Decimal(100_000),
    quantity_step=Decimal("0.01"),
    quantity_min=Decimal("0.01"),
    quantity_max=Decimal(1_000),
    quantity_market_max=Decimal(50),
    notional_min=Decimal(5),
    multiplier_up=Decimal("1.05"),
    multiplier_down=Decimal("0.95"),
)
PATIENCE = Patience(grace_ms=1_000, trigger_ms=5_000, lag_ms=6_000, stop_fraction=Decimal("0.02"))


def a_position(quantity: str = "10", entry: str = "100", mark: str = "100") -> Position:
    return Position(
        symbol=SYMBOL,
        quantity_signed=Decimal(quantity),
        price_entry=Decimal(entry),
        price_mark=Decimal(mark),
        unrealized_pnl=Decimal(0),
        updated_ms=0,
    )


def a_stop(
    name: str = "rt-a-1-stop0",
    quantity: str = "10",
    price: str = "98",
    side: Side = Side.SELL,
    status: StopStatus = StopStatus.NEW,
    *,
    closes: bool = False,
) -> StopReport:
    return StopReport(
        client_order_id=ClientOrderId(name),
        algo_id=AlgoId(1),
        symbol=SYMBOL,
        side=side,
        status=status,
        quantity=Decimal(0) if closes else Decimal(quantity),
        price_trigger=Decimal(price),
        closes_position=closes,
        order_id=None,
        reason="",
        updated_ms=0,
    )


def an_order(name: str = "rg-abcd-1", quantity: str = "10", price: str = "98") -> StopOrder:
    return StopOrder(
        client_order_id=ClientOrderId(name),
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=Decimal(quantity),
        price_trigger=Decimal(price),
    )
