"""Signals, rules, balances and brackets for the tests of risk, and how hypothesis draws them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np
from hypothesis import strategies as st

from ratchet.config.sections import BracketSettings, RiskLimits
from ratchet.domain.bracket import Bracket
from ratchet.domain.candle_arrays import CandleArrays
from ratchet.domain.funding import Funding
from ratchet.domain.identity import TradeId
from ratchet.domain.margin_bracket import MarginBracket
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.money import ZERO
from ratchet.domain.order import Side
from ratchet.domain.position import Balance
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol
from ratchet.risk.exposure import Exposure, Held, MarketFacts
from ratchet.risk.liquidation import Holding
from ratchet.risk.plan import plan_bracket
from ratchet.risk.record import Close, Day, Record

SYMBOL = Symbol("BTCUSDC")
SHAPE, LIMITS = BracketSettings(), RiskLimits()
MINUTE_MS, DAY_MS = 60_000, 86_400_000
NOW_MS = 1_800_000_000_000 // DAY_MS * DAY_MS + 12 * 60 * MINUTE_MS + 30 * MINUTE_MS  # 12:30 UTC of some day


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


def a_signal(price: str = "100000", side: Side = Side.BUY, *, atr_fraction: float = 0.001) -> Signal:
    return Signal(
        strategy="scalping_v1",
        symbol=SYMBOL,
        side=side,
        candle_close_ms=NOW_MS,
        price=Decimal(price),
        atr_fraction=atr_fraction,
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


def some_brackets(leverage_max: int = 50, rate: str = "0.01", cap: str = "1e12") -> tuple[MarginBracket, ...]:
    """One step for all sizes."""
    return (
        MarginBracket(
            notional_floor=ZERO,
            notional_cap=Decimal(cap),
            leverage_max=leverage_max,
            maintenance_rate=Decimal(rate),
            maintenance_deduction=ZERO,
        ),
    )


def a_funding(rate: str = "0", *, in_minutes: float = 240, symbol: Symbol = SYMBOL) -> Funding:
    return Funding(symbol=symbol, rate=Decimal(rate), next_ms=NOW_MS + int(in_minutes * MINUTE_MS))


def a_day(start: str = "400", high: str | None = None, *, loss: str = "0", drawdown: str = "0") -> Day:
    return Day(
        number=NOW_MS // DAY_MS,
        equity_start=Decimal(start),
        equity_high=Decimal(high or start),
        loss_fraction=Decimal(loss),
        drawdown_fraction=Decimal(drawdown),
    )


def a_close(
    minutes_ago: float = 0, *, reason: str = "stop", symbol: Symbol = SYMBOL, net: str = "-4", number: int = 1
) -> Close:
    at_ms = NOW_MS - int(minutes_ago * MINUTE_MS)
    return Close(trade_id=TradeId(number), symbol=symbol, at_ms=at_ms, reason=reason, net=Decimal(net))


def candles(closes: Sequence[float], *, until_ms: int = NOW_MS) -> CandleArrays:
    """Closed candles of 5 minutes, the last of which closed just before `until_ms`."""
    count, length_ms = len(closes), 5 * MINUTE_MS
    last_ms = until_ms // length_ms * length_ms - length_ms
    close = np.array(closes, dtype=np.float64)
    return CandleArrays(
        timeframe_ms=length_ms,
        open_ms=np.arange(count, dtype=np.int64) * length_ms + (last_ms - (count - 1) * length_ms),
        open=close,
        high=close,
        low=close,
        close=close,
        volume=np.ones(count),
    )


def a_path(seed: int, count: int = 100, *, start: float = 100.0) -> list[float]:
    """A random walk of prices, the same for the same seed."""
    steps = np.random.default_rng(seed).normal(0, 0.002, count)
    return [float(price) for price in start * np.exp(np.cumsum(steps))]


def an_exposure(
    balance: Balance | None = None,
    *,
    day: Day | None = None,
    held: Sequence[Bracket] = (),
    leverage: int | None = 5,
    now_ms: int = NOW_MS,
    closes: Sequence[Close] = (),
    resumed_ms: int | None = None,
    paths: Mapping[str, Sequence[float]] | None = None,
    funding: Funding | None = None,
    brackets: Sequence[MarginBracket] | None = None,
    others: Sequence[Holding] = (),
) -> Exposure:
    """Of an account on which everything is known and nothing is in the way."""
    balance = balance or a_balance()
    steps = some_brackets() if brackets is None else brackets
    symbols = {SYMBOL, *(bracket.symbol for bracket in held)}
    walks = {
        symbol: (paths or {}).get(symbol, a_path(number)) for number, symbol in enumerate(sorted(symbols), start=1)
    }
    return Exposure(
        now_ms=now_ms,
        balance=balance,
        held=tuple(Held(bracket, leverage) for bracket in held),
        others=others,
        record=Record(closes=closes, resumed_ms=resumed_ms, day=day or a_day(str(balance.equity))),
        facts=MarketFacts(
            candles={symbol: candles(walk) for symbol, walk in walks.items()},
            funding={symbol: funding or a_funding(symbol=symbol) for symbol in symbols},
            brackets=dict.fromkeys(symbols, steps),
        ),
    )


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
