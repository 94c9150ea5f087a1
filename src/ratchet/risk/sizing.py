"""Sizing: how much to buy or sell, so that a stop costs no more than was meant to be risked."""

from decimal import Decimal

from ratchet.config.sections import RiskLimits
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import ZERO, floor_to
from ratchet.domain.position import Balance

MARGIN_USED_MAX = Decimal("0.95")  # of the available balance: fees and a moving price need the rest


def size_entry(
    balance: Balance,
    price: Decimal,
    stop_fraction: Decimal,
    leverage: int,
    limits: RiskLimits,
    rules: SymbolRules,
    *,
    held_notional: Decimal = ZERO,
) -> Decimal:
    """Quantity in base asset, on the step; 0 when the smallest order would already be too large.

    The smallest of: equity × risk per trade / stop distance; the largest notional that one position may have at this
    leverage; what all positions together may have, less `held_notional`; what the available balance can carry; the
    symbol's largest market order.
    """
    equity = max(ZERO, balance.equity)
    by_risk = notional_by_risk(equity, stop_fraction, limits) / price
    by_notional = equity * leverage * limits.position_notional_fraction_max / price
    by_exposure = max(ZERO, equity * limits.exposure_fraction_max - held_notional) / price
    by_margin = max(ZERO, balance.available) * MARGIN_USED_MAX * leverage / price
    most = min(by_risk, by_notional, by_exposure, by_margin, rules.quantity_max, rules.quantity_market_max)
    quantity = floor_to(most, rules.quantity_step)
    return quantity if quantity >= rules.quantity_min else ZERO


def notional_by_risk(equity: Decimal, stop_fraction: Decimal, limits: RiskLimits) -> Decimal:
    """The notional, USDC, of which a stop costs just what may be risked."""
    return equity * limits.risk_per_trade_fraction / stop_fraction
