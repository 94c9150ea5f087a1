"""Sizing: how much to buy or sell, so that a stop costs no more than was meant to be risked."""

from decimal import Decimal

from ratchet.config.sections import RiskLimits
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import floor_to
from ratchet.domain.position import Balance

MARGIN_USED_MAX = Decimal("0.95")  # of the available balance: fees and a moving price need the rest


def size_entry(
    balance: Balance, price: Decimal, stop_fraction: Decimal, limits: RiskLimits, rules: SymbolRules
) -> Decimal:
    """Quantity in base asset, on the step; 0 when the smallest order would already be too large.

    The smallest of: equity × risk per trade / stop distance; the largest notional that the limits allow; what the
    available balance can carry at the leverage; the symbol's largest market order.
    """
    equity = max(Decimal(0), balance.equity)
    by_risk = equity * limits.risk_per_trade_fraction / (stop_fraction * price)
    by_notional = equity * limits.leverage * limits.position_notional_fraction_max / price
    by_margin = max(Decimal(0), balance.available) * MARGIN_USED_MAX * limits.leverage / price
    most = min(by_risk, by_notional, by_margin, rules.quantity_max, rules.quantity_market_max)
    quantity = floor_to(most, rules.quantity_step)
    return quantity if quantity >= rules.quantity_min else Decimal(0)
