"""The rules of spot: every listed pair with its filters and fees, read from `spot_rules.json`.

The table says of every number where it is from: recorded (when, by whom), documented, or derived (how).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

_SOURCE = "spot_rules.json"
FEE_ASSET = "BNB"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotSymbolRules:
    """One row of spot's `exchangeInfo` with its fees. Rates are fractions, money is quote asset."""

    symbol: str
    status: str  # TRADING, BREAK, HALT, CANCEL_ONLY
    base_asset: str
    quote_asset: str
    price_tick: Decimal
    price_min: Decimal
    price_max: Decimal
    quantity_step: Decimal
    quantity_min: Decimal
    quantity_max: Decimal
    quantity_market_max: Decimal
    notional_min: Decimal
    notional_max: Decimal  # of limit orders
    bid_multiplier_up: Decimal  # PERCENT_PRICE_BY_SIDE, against the average price
    bid_multiplier_down: Decimal
    ask_multiplier_up: Decimal
    ask_multiplier_down: Decimal
    average_minutes: int  # over which the average price is made
    orders_max: int
    stops_max: int  # orders with a stop price, MAX_NUM_ALGO_ORDERS
    lists_max: int
    fee_rate_maker: Decimal
    fee_rate_taker: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotLimits:
    """Limits per address (weight) and per account (orders)."""

    weight_per_minute: int
    orders_per_10s: int
    orders_per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotRules:
    """All pairs, in the order in which they are listed."""

    symbols: Mapping[str, SpotSymbolRules]
    rate_limits: SpotLimits
    fee_discount: Decimal  # fraction of the fee that paying in BNB saves

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset of every pair, sorted."""
        pairs = self.symbols.values()
        return tuple(sorted({asset for rules in pairs for asset in (rules.base_asset, rules.quote_asset)}))

    def with_symbol(self, rules: SpotSymbolRules) -> "SpotRules":
        """The same market with other rules for one pair."""
        return replace(self, symbols={**self.symbols, rules.symbol: rules})


@cache
def load_spot_rules() -> SpotRules:
    """Read the rules that come with the package."""
    raw: dict[str, Any] = json.loads((files("localbinance.rules") / _SOURCE).read_text(encoding="utf-8"))
    columns: list[str] = raw["columns"]
    pairs = [_pair(dict(zip(columns, row, strict=True)), raw) for row in raw["symbols"]]
    limits = raw["rate_limits"]
    return SpotRules(
        symbols={each.symbol: each for each in pairs},
        rate_limits=SpotLimits(
            weight_per_minute=limits["weight_per_minute"],
            orders_per_10s=limits["orders_per_10s"],
            orders_per_day=limits["orders_per_day"],
        ),
        fee_discount=Decimal(raw["fees"]["discount_bnb"]),
    )


def _pair(row: Mapping[str, str], raw: Mapping[str, Any]) -> SpotSymbolRules:
    filters, fees = raw["filters"], raw["fees"]
    return SpotSymbolRules(
        symbol=row["base"] + raw["quote"],
        status="TRADING",
        base_asset=row["base"],
        quote_asset=raw["quote"],
        price_tick=Decimal(row["tick"]),
        price_min=Decimal(row["tick"]),
        price_max=Decimal(row["price_max"]),
        quantity_step=Decimal(row["step"]),
        quantity_min=Decimal(row["step"]),
        quantity_max=Decimal(row["quantity_max"]),
        quantity_market_max=Decimal(row["market_quantity_max"]),
        notional_min=Decimal(row["notional_min"]),
        notional_max=Decimal(filters["notional_max"]),
        bid_multiplier_up=Decimal(filters["bid_multiplier_up"]),
        bid_multiplier_down=Decimal(filters["bid_multiplier_down"]),
        ask_multiplier_up=Decimal(filters["ask_multiplier_up"]),
        ask_multiplier_down=Decimal(filters["ask_multiplier_down"]),
        average_minutes=filters["average_minutes"],
        orders_max=filters["orders_max"],
        stops_max=filters["stops_max"],
        lists_max=filters["lists_max"],
        fee_rate_maker=Decimal(fees["maker"]),
        fee_rate_taker=Decimal(fees["taker"]),
    )
