"""Sizing: each of its bounds binds in its turn, and the result is a quantity the exchange takes."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.sections import RiskLimits
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import is_multiple
from ratchet.domain.position import Balance
from ratchet.risk.sizing import MARGIN_USED_MAX, size_entry
from tests.unit.ratchet.risk.brackets import LIMITS, a_balance, markets, some_rules

FINE = some_rules(step="0.000001")
STOP = Decimal("0.02")


def limits(*, risk: str = "0.01", notional: str = "0.3", leverage: int = 5, exposure: str = "3") -> RiskLimits:
    return RiskLimits(
        risk_per_trade_fraction=Decimal(risk),
        position_notional_fraction_max=Decimal(notional),
        exposure_fraction_max=Decimal(exposure),
        leverage=leverage,
    )


@pytest.mark.parametrize(
    ("balance", "allowed", "rules", "quantity"),
    [
        (a_balance("400"), limits(risk="0.01"), FINE, "0.002"),  # 4 USDC / 2 % of 100 000
        (a_balance("400"), limits(risk="0.5", notional="0.3"), FINE, "0.006"),  # 400 × 5 × 0.3
        (a_balance("400", available="40"), limits(risk="0.5", notional="1"), FINE, "0.0019"),  # 40 × 0.95 × 5
        (a_balance("400", unrealized="-200"), limits(risk="0.01"), FINE, "0.001"),
        (a_balance("400"), limits(), some_rules(step="0.000001", quantity_max="0.001"), "0.001"),
        (a_balance("400"), limits(), some_rules(step="0.000001", market_max="0.0005"), "0.0005"),
        (a_balance("390"), limits(), some_rules(step="0.001"), "0.001"),
        (a_balance("400"), limits(), some_rules(step="0.001", steps_min=2), "0.002"),
        (a_balance("390"), limits(), some_rules(step="0.001", steps_min=2), "0"),
        (a_balance("400", unrealized="-500"), limits(), FINE, "0"),
        (a_balance("400", available="-1"), limits(), FINE, "0"),
    ],
)
def test_the_tightest_bound_decides(balance: Balance, allowed: RiskLimits, rules: SymbolRules, quantity: str) -> None:
    assert size_entry(balance, Decimal(100_000), STOP, allowed.leverage, allowed, rules) == Decimal(quantity)


def test_less_leverage_makes_a_smaller_position() -> None:
    allowed = limits(risk="0.5")
    sizes = [size_entry(a_balance("400"), Decimal(100_000), STOP, leverage, allowed, FINE) for leverage in (5, 3, 1)]
    assert sizes == [Decimal("0.006"), Decimal("0.0036"), Decimal("0.0012")]


@pytest.mark.parametrize(("held", "quantity"), [("0", "0.002"), ("1050", "0.0015"), ("1200", "0"), ("1300", "0")])
def test_what_is_held_already_leaves_less_room(held: str, quantity: str) -> None:
    size = size_entry(a_balance("400"), Decimal(100_000), STOP, 5, limits(), FINE, held_notional=Decimal(held))
    assert size == Decimal(quantity)


@given(
    markets(),
    st.integers(-100, 1_000_000),
    st.integers(-10, 1_000_000),
    st.integers(10, 900),
    st.integers(1, 50),
    st.integers(0, 1_000_000),
)
def test_no_quantity_breaks_a_bound_or_leaves_the_grid(
    market: tuple[SymbolRules, Decimal],
    equity: int,
    available: int,
    stop_ten_thousandths: int,
    leverage: int,
    held: int,
) -> None:
    rules, price = market
    stop_fraction = Decimal(stop_ten_thousandths) / 10_000
    balance = a_balance(str(equity), available=str(available))
    quantity = size_entry(balance, price, stop_fraction, leverage, LIMITS, rules, held_notional=Decimal(held))
    assert is_multiple(quantity, rules.quantity_step)
    assert quantity == 0 or rules.quantity_min <= quantity <= rules.quantity_market_max
    notional = quantity * price
    assert notional * stop_fraction <= max(0, equity) * LIMITS.risk_per_trade_fraction
    assert notional <= max(0, equity) * leverage * LIMITS.position_notional_fraction_max
    assert quantity == 0 or notional + held <= max(0, equity) * LIMITS.exposure_fraction_max
    assert notional / leverage <= max(0, available) * MARGIN_USED_MAX
