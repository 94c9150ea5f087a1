"""Signals, rules and brackets for the tests of risk, and how hypothesis draws them."""

from decimal import Decimal

from hypothesis import strategies as st

from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Side
from ratchet.domain.position import Balance
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol

SYMBOL = Symbol("BTCUSDC")


def some_rules(*, tick: str = "0.1", step: str = "0.001", notional: str = "5") -> SymbolRules:
    return SymbolRules(
        symbol=SYMBOL,
        price_tick=Decimal(tick),
        price_min=Decimal(tick),
        price_max=Decimal(10_000_000),
        quantity_step=Decimal(step),
        quantity_min=Decimal(step),
        quantity_max=Decimal(1_000_000_000),
        quantity_market_max=Decimal(100_000_000),
        notional_min=Decimal(notional),
        multiplier_up=Decimal("1.05"),
        multiplier_down=Decimal("0.95"),
    )


def a_signal(price: str = "100000", side: Side = Side.BUY) -> Signal:
    return Signal(
        strategy="scalping_v1",
        symbol=SYMBOL,
        side=side,
        candle_close_ms=0,
        price=Decimal(price),
        atr_fraction=0.001,
        breakdown=(),
    )


def a_balance(amount: str = "400", available: str | None = None) -> Balance:
    return Balance(wallet=Decimal(amount), available=Decimal(available or amount), unrealized_pnl=Decimal(0))


MARKETS = st.tuples(
    st.sampled_from(["0.1", "0.01", "0.001", "0.0001", "0.000010"]),
    st.sampled_from(["1", "0.1", "0.01", "0.001"]),
    st.integers(2_000, 900_000),
).map(lambda drawn: (some_rules(tick=drawn[0], step=drawn[1]), Decimal(drawn[0]) * drawn[2]))
