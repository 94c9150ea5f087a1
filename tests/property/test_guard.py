"""Whatever the guard approves breaks no limit, however the account stands."""

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.sections import BracketSettings, RiskLimits
from ratchet.config.settings import MARGIN_FRACTION_LOST_MAX, Settings
from ratchet.domain.bracket import Bracket
from ratchet.domain.funding import Funding
from ratchet.domain.market_rules import check_order
from ratchet.domain.order import Side
from ratchet.risk.account_verdict import judge_account, stop_streak
from ratchet.risk.cool_down import cool_down_until
from ratchet.risk.correlation import companions
from ratchet.risk.exposure import Exposure
from ratchet.risk.guard import Approved
from ratchet.risk.leverage import leverage_cap
from ratchet.risk.liquidation import Holding, liquidation_distance
from ratchet.risk.record import Close, Day
from ratchet.trading.entries.planner import Planner, orders_of
from tests.unit.ratchet.risk.brackets import (
    MINUTE_MS,
    NOW_MS,
    SIDES,
    SYMBOL,
    a_balance,
    a_bracket,
    a_close,
    a_day,
    a_funding,
    a_path,
    a_signal,
    an_exposure,
    some_brackets,
    some_rules,
)

RULES = some_rules(step="0.0001")
NAMES = ["ETHUSDC", "SOLUSDC", "XRPUSDC", "ADAUSDC"]


def fractions(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """In thousandths."""
    return st.integers(low, high).map(lambda part: Decimal(part) / 1_000)


LIMITS = st.builds(
    RiskLimits,
    risk_per_trade_fraction=fractions(1, 100),
    position_notional_fraction_max=fractions(10, 1_000),
    exposure_fraction_max=fractions(500, 20_000),
    open_positions_max=st.integers(2, 6),
    correlated_positions_max=st.integers(2, 6),
    liquidation_distance_fraction_min=fractions(1, 300),
    stop_streak_max=st.integers(2, 4),
    stop_streak_pause_minutes=st.integers(1, 100),
    cool_down_stop_minutes=st.integers(0, 100),
    cool_down_close_minutes=st.integers(0, 100),
    day_loss_fraction_max=fractions(20, 200),
    day_drawdown_fraction_max=fractions(20, 200),
    funding_minutes_before=st.integers(0, 30),
    leverage=st.integers(3, 20),
    leverage_min=st.integers(1, 3),
)
HELD = st.lists(
    st.builds(a_bracket, st.sampled_from(["0.001", "0.002", "0.008"]), SIDES, st.sampled_from(NAMES)),
    max_size=4,
    unique_by=lambda bracket: bracket.symbol,
)
CLOSES = st.lists(
    st.builds(
        a_close,
        st.integers(0, 120),
        reason=st.sampled_from(["stop", "stop", "rungs"]),
        symbol=st.sampled_from([SYMBOL, "ETHUSDC"]),
        net=st.sampled_from(["-4", "3"]),
    ),
    max_size=3,
).map(lambda found: sorted(found, key=lambda close: close.at_ms))
DAYS = st.builds(
    lambda start, above, loss, drawdown: a_day(str(start), str(start + above), loss=str(loss), drawdown=str(drawdown)),
    st.integers(300, 420),
    st.integers(0, 40),
    fractions(0, 30),
    fractions(0, 30),
)
FUNDINGS = st.builds(
    lambda rate, minutes: a_funding(str(rate), in_minutes=minutes), fractions(-2, 2), st.integers(-5, 100)
)


@given(
    limits=LIMITS,
    side=SIDES,
    held=HELD,
    leverage=st.none() | st.integers(1, 20),
    closes=CLOSES,
    day=DAYS,
    funding=FUNDINGS,
    equity=st.integers(380, 500),
    available=st.integers(20, 500),
    rate=st.sampled_from(["0.004", "0.05", "0.2"]),
    cap=st.sampled_from([2, 5, 50]),
    knows_brackets=st.booleans(),
    moves_alike=st.booleans(),
    atr_fraction=st.floats(0.0001, 0.05),
)
def test_whatever_is_approved_breaks_no_limit(
    limits: RiskLimits,
    side: Side,
    held: Sequence[Bracket],
    leverage: int | None,
    closes: Sequence[Close],
    day: Day,
    funding: Funding,
    equity: int,
    available: int,
    rate: str,
    cap: int,
    knows_brackets: bool,
    moves_alike: bool,
    atr_fraction: float,
) -> None:
    stop = min(Decimal("0.02"), MARGIN_FRACTION_LOST_MAX / limits.leverage)
    shape = BracketSettings(stop_fraction=stop)
    names = {SYMBOL, *(bracket.symbol for bracket in held)}
    exposure = an_exposure(
        a_balance(str(equity), available=str(available)),
        day=day,
        held=held,
        leverage=leverage,
        closes=closes,
        funding=funding,
        paths=dict.fromkeys(names, a_path(1)) if moves_alike else None,
        brackets=some_brackets(cap, rate) if knows_brackets else (),
    )
    settings = Settings.model_validate(
        {
            "exchange": {"api_key": "k", "api_secret": "s"},
            "risk": limits.model_dump(),
            "bracket": shape.model_dump(),
        }
    )
    answer = Planner({SYMBOL: RULES}, lambda: settings).plan(a_signal(side=side, atr_fraction=atr_fraction), exposure)
    if isinstance(answer, Approved):
        _breaks_nothing(answer, exposure, limits, shape)
    else:
        assert len(answer.splitlines()) == 1


def _breaks_nothing(answer: Approved, exposure: Exposure, limits: RiskLimits, shape: BracketSettings) -> None:
    bracket, facts, record = answer.bracket, exposure.facts, exposure.record
    equity, notional = exposure.balance.equity, bracket.quantity * bracket.price_entry
    held = [each.bracket for each in exposure.held]
    # Size
    assert abs(bracket.price_entry - bracket.price_stop) * bracket.quantity <= equity * limits.risk_per_trade_fraction
    assert notional <= equity * answer.leverage * limits.position_notional_fraction_max
    assert notional + sum(each.notional for each in exposure.held) <= equity * limits.exposure_fraction_max
    margins = sum(each.notional / (each.leverage or 1) for each in exposure.held)
    assert notional / answer.leverage <= min(exposure.balance.available, equity - margins)
    for order in orders_of(bracket):
        check_order(order, RULES, bracket.price_entry)
    # Leverage
    brackets = facts.brackets[SYMBOL]
    assert 1 <= answer.leverage <= limits.leverage
    assert answer.leverage <= (leverage_cap(brackets, notional) if brackets else limits.leverage_min)
    # Positions
    assert bracket.symbol not in [each.symbol for each in held]
    assert len(held) + 1 <= limits.open_positions_max
    together = companions(SYMBOL, bracket.side, held, facts.candles, limits)
    assert together.count + 1 <= limits.correlated_positions_max
    own = Holding(side=bracket.side, notional=notional, leverage=answer.leverage, brackets=brackets)
    distance = liquidation_distance(equity, [*exposure.holdings(), own])
    assert distance >= limits.liquidation_distance_fraction_min
    assert distance > abs(bracket.price_entry - bracket.price_stop) / bracket.price_entry
    assert shape.stop_fraction * answer.leverage <= MARGIN_FRACTION_LOST_MAX
    # The account
    assert judge_account(record, limits, NOW_MS) == ()
    is_paused = stop_streak(record) >= limits.stop_streak_max
    assert not is_paused or NOW_MS - record.closes[-1].at_ms >= limits.stop_streak_pause_minutes * MINUTE_MS
    assert record.day is not None
    assert equity > record.day.equity_start * (1 - limits.day_loss_fraction_max)
    assert equity > record.day.equity_high * (1 - limits.day_drawdown_fraction_max)
    # Waiting
    assert (cool_down_until(SYMBOL, record.closes, limits) or 0) <= NOW_MS
    funding = facts.funding[SYMBOL]
    if 0 <= funding.next_ms - NOW_MS <= limits.funding_minutes_before * MINUTE_MS:
        assert bracket.side.sign * funding.rate <= limits.funding_cost_fraction_max
