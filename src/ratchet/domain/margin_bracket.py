"""Margin brackets: how much leverage and which maintenance margin a symbol has, by the size of a position."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginBracket:
    """One step of a symbol's table. Maintenance margin = notional × maintenance_rate - maintenance_deduction."""

    notional_floor: Decimal  # USDC at mark price; the step begins above it
    notional_cap: Decimal  # USDC; the step ends with it
    leverage_max: int
    maintenance_rate: Decimal  # fraction of the notional
    maintenance_deduction: Decimal  # USDC; makes the margin go on without a jump where a step begins
