"""Signals, rules, balances and brackets for the tests of risk, and how hypothesis draws them."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import strategies as st

from ratchet.config.sections import BracketSettings, RiskLimits
from ratchet.domain.bracket import Bracket
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import Side
from ratchet.domain.position import Balance
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.risk.exposure import Exposure
from ratchet.risk.plan import plan_bracket

SYMBOL = Symbol("BTCUSDC")
SHAPE, LIMITS = BracketSettings(), RiskLimits()


def some_rules(
    *,
    tick: str = "0.1",
    step: str = "0.001",
    notional: str = "5",
    steps_min: int = 1,
    quantity_max: str = "1000000000",
    market_max: str = "1000000000",
    price_max: str = "10000000",
) -> SymbolRules:
    return SymbolRules(
        symbol=SYMBOL,
        price_tick=Decimal(tick),
        price_min=Decimal(tick),
        price_max=Decimal(price_max),
        quantity_step=Decimal(step),
        quantity_min=Decimal(step) * steps_min,
        quantity_max=Decimal(quantity_max),
        quantity_market_max=Decimal(market_max),
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


def a_balance(amount: str = "400", *, available: str | None = None, unrealized: str = "0") -> Balance:
    return Balance(wallet=Decimal(amount), available=Decimal(available or amount), unrealized_pnl=Decimal(unrealized))


def a_bracket(quantity: str = "0.010", side: Side = Side.BUY, symbol: str = SYMBOL) -> Bracket:
    signal = a_signal(side=side)
    bracket = plan_bracket(signal, Decimal(quantity), SHAPE, some_rules())
    return Bracket(
        symbol=Symbol(symbol),
        side=side,
        quantity=bracket.quantity,
        price_entry=bracket.price_entry,
        price_stop=bracket.price_stop,
        rungs=bracket.rungs,
        hold_ms_max=bracket.hold_ms_max,
    )


def an_exposure(balance: Balance | None = None, *, day_start: str = "400", held: Sequence[Bracket] = ()) -> Exposure:
    return Exposure(balance=balance or a_balance(), equity_day_start=Decimal(day_start), open_brackets=held)


SIDES = st.sampled_from(list(Side))


@st.composite
def markets(draw: st.DrawFn) -> tuple[SymbolRules, Decimal]:
    """A symbol's rules and a price on its grid, from cheap ones with large steps to expensive ones with small steps."""
    tick = draw(st.sampled_from(["0.1", "0.01", "0.001", "0.0001", "0.000010"]))
    step = draw(st.sampled_from(["1", "0.1", "0.01", "0.001"]))
    rules = some_rules(tick=tick, step=step, steps_min=draw(st.sampled_from([1, 2, 3, 7])))
    return rules, Decimal(tick) * draw(st.integers(2_000, 900_000))


@st.composite
def shapes(draw: st.DrawFn) -> BracketSettings:
    """Ladders of one to four rungs."""
    shares = draw(
        st.sampled_from(
            [("1",), ("0.5", "0.5"), ("0.4", "0.3", "0.3"), ("0.7", "0.2", "0.1"), ("0.25", "0.25", "0.25", "0.25")]
        )
    )
    first = draw(st.integers(20, 60))
    apart = draw(st.integers(10, 60))
    fractions = [Decimal(first + number * apart) / 10_000 for number in range(len(shares))]
    stop = Decimal(draw(st.integers(50, 400))) / 10_000
    return BracketSettings(
        stop_fraction=stop, rung_fractions=tuple(fractions), rung_shares=tuple(Decimal(share) for share in shares)
    )
