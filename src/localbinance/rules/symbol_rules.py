"""What the exchange demands of one symbol, and what trading it costs."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageBracket:
    """One step of the risk table: at most this leverage up to this notional. Source of the formula: maintenance =
    notional × maintenance_rate − cum, for the bracket that holds the notional."""

    bracket: int
    leverage_max: int
    notional_floor: Decimal
    notional_cap: Decimal
    maintenance_rate: Decimal
    cum: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """One row of `exchangeInfo` with its brackets and fees. Rates are fractions."""

    symbol: str
    pair: str
    contract_type: str  # PERPETUAL, CURRENT_QUARTER, …
    status: str  # TRADING, PENDING_TRADING, SETTLING, …
    base_asset: str
    quote_asset: str
    margin_asset: str
    delivery_ms: int
    onboard_ms: int
    price_precision: int
    quantity_precision: int
    price_tick: Decimal
    price_min: Decimal
    price_max: Decimal
    quantity_step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    quantity_market_step: Decimal
    quantity_market_min: Decimal
    quantity_market_max: Decimal
    notional_min: Decimal
    orders_max: int
    multiplier_up: Decimal  # PERCENT_PRICE, against the mark price
    multiplier_down: Decimal
    trigger_protect: Decimal
    liquidation_fee: Decimal
    market_take_bound: Decimal
    fee_rate_maker: Decimal
    fee_rate_taker: Decimal
    funding_interval_hours: int
    brackets: tuple[LeverageBracket, ...]  # ascending by notional
