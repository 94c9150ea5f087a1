"""The market rules: every listed symbol with its filters, brackets and fees, read from `market_rules.json`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.resources import files
from typing import Any

from localbinance.rules.symbol_rules import LeverageBracket, SymbolRules

QUOTES = ("USDC", "USDT")
PRICE_DIGITS = 5  # significant digits of a price for a symbol that no recording of rules knows
NOTIONAL_OF_STEP = Decimal("0.1")  # quote: what one quantity step of such a symbol is worth at most
_SOURCE = "market_rules.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitRules:
    """Limits per address (weight) and per account (orders)."""

    weight_per_minute: int
    orders_per_10s: int
    orders_per_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """All symbols of the exchange, in the order in which they are listed, and its request limits."""

    symbols: Mapping[str, SymbolRules]
    rate_limits: RateLimitRules

    @property
    def assets(self) -> tuple[str, ...]:
        """The margin assets of the listed symbols, sorted."""
        return tuple(sorted({rules.margin_asset for rules in self.symbols.values()}))

    def with_symbol(self, rules: SymbolRules) -> "MarketRules":
        """The same market with one more symbol, or with other rules for one."""
        return replace(self, symbols={**self.symbols, rules.symbol: rules})

    def derive_symbol(self, symbol: str, price: Decimal) -> SymbolRules:
        """Rules for a symbol that is not listed, plausible for its price: tick of five significant digits, step worth
        at most 0.1 quote, the rest as the smaller listed perpetuals of its quote have it.

        Raises: ValueError when the symbol does not end in a quote asset, or the price is not above 0.
        """
        quote = next((quote for quote in QUOTES if symbol.endswith(quote) and symbol != quote), None)
        if quote is None:
            raise ValueError(f"{symbol} does not end in {' or '.join(QUOTES)}")
        if price <= 0:
            raise ValueError(f"{symbol}: a price of {price} is none")
        template = next(rules for rules in reversed(tuple(self.symbols.values())) if _is_small_perpetual(rules, quote))
        tick = Decimal(1).scaleb(price.adjusted() - PRICE_DIGITS + 1)
        step = Decimal(1).scaleb(min(0, (NOTIONAL_OF_STEP / price).adjusted()))
        most = (Decimal(1_000_000) / price).quantize(step)
        return replace(
            template,
            symbol=symbol,
            pair=symbol,
            base_asset=symbol.removesuffix(quote),
            price_precision=_places(tick),
            quantity_precision=_places(step),
            price_tick=tick,
            price_min=tick,
            price_max=Decimal(1).scaleb(price.adjusted() + 3),
            quantity_step=step,
            quantity_min=step,
            quantity_max=max(step, most),
            quantity_market_step=step,
            quantity_market_min=step,
            quantity_market_max=max(step, (most / 5).quantize(step)),
        )


def load_market_rules() -> MarketRules:
    """Read the rules that come with the package."""
    raw: dict[str, Any] = json.loads((files("localbinance.rules") / _SOURCE).read_text(encoding="utf-8"))
    columns: list[str] = raw["columns"]
    rows = (dict(zip(columns, row, strict=True)) for row in raw["symbols"])
    symbols = {row["symbol"]: _symbol(row, raw) for row in rows}
    return MarketRules(symbols=symbols, rate_limits=RateLimitRules(**raw["rate_limits"]))


def _symbol(row: Mapping[str, Any], raw: Mapping[str, Any]) -> SymbolRules:
    fees = raw["fees"][row["quote"]]
    return SymbolRules(
        symbol=row["symbol"],
        pair=row["base"] + row["quote"],
        contract_type=row["contract_type"],
        status=row["status"],
        base_asset=row["base"],
        quote_asset=row["quote"],
        margin_asset=row["quote"],
        delivery_ms=row["delivery_ms"],
        onboard_ms=row["onboard_ms"],
        price_precision=row["price_precision"],
        quantity_precision=row["quantity_precision"],
        price_tick=Decimal(row["tick"]),
        price_min=Decimal(row["price_min"]),
        price_max=Decimal(row["price_max"]),
        quantity_step=Decimal(row["step"]),
        quantity_min=Decimal(row["quantity_min"]),
        quantity_max=Decimal(row["quantity_max"]),
        quantity_market_step=Decimal(row["market_step"]),
        quantity_market_min=Decimal(row["market_quantity_min"]),
        quantity_market_max=Decimal(row["market_quantity_max"]),
        notional_min=Decimal(row["notional_min"]),
        orders_max=row["orders_max"],
        multiplier_up=Decimal(row["multiplier_up"]),
        multiplier_down=Decimal(row["multiplier_down"]),
        trigger_protect=Decimal(row["trigger_protect"]),
        liquidation_fee=Decimal(row["liquidation_fee"]),
        market_take_bound=Decimal(row["market_take_bound"]),
        fee_rate_maker=Decimal(fees["maker"]),
        fee_rate_taker=Decimal(fees["taker"]),
        funding_interval_hours=raw["funding_interval_hours"],
        brackets=_brackets(raw["brackets"][row["symbol"]]),
    )


def _brackets(rows: list[list[Any]]) -> tuple[LeverageBracket, ...]:
    brackets: list[LeverageBracket] = []
    floor = Decimal(0)
    for number, (leverage_max, cap, rate, cum) in enumerate(rows, start=1):
        bracket = LeverageBracket(
            bracket=number,
            leverage_max=leverage_max,
            notional_floor=floor,
            notional_cap=Decimal(cap),
            maintenance_rate=Decimal(rate),
            cum=Decimal(cum),
        )
        brackets.append(bracket)
        floor = bracket.notional_cap
    return tuple(brackets)


def _is_small_perpetual(rules: SymbolRules, quote: str) -> bool:
    is_tradable = rules.contract_type == "PERPETUAL" and rules.status == "TRADING"
    return is_tradable and rules.quote_asset == quote and rules.notional_min <= 5


def _places(step: Decimal) -> int:
    exponent = step.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
