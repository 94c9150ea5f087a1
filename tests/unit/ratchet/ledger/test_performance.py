"""Performance: what was wanted, what was, and whether there is enough of it to tell."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.ledger.aggregates import DAY_MS, HOUR_MS, PeriodResult
from ratchet.ledger.performance import GAP_MS, Measured, Performance, Standing, Target, max_drawdown, performance
from ratchet.ledger.summary import EquityPoint, LedgerSummary, TradeSummary

MINUTE_MS = 60_000
START_MS = 20_000 * DAY_MS


def a_trade(net: str = "1", *, minute: int = 0, minutes: int | None = 10, **told: str) -> TradeSummary:
    opened_ms = START_MS + minute * MINUTE_MS
    return TradeSummary(
        symbol=Symbol(told.get("symbol", "BTCUSDC")),
        side=Side(told.get("side", "BUY")),
        opened_ms=opened_ms,
        closed_ms=None if minutes is None else opened_ms + minutes * MINUTE_MS,
        quantity=Decimal(1),
        price_entry=Decimal(100),
        price_exit=Decimal(101),
        net_pnl=Decimal(net),
        naked_ms=2.0,
        reason=told.get("reason", "hold"),
        strategy=told.get("strategy", "scalping_v1"),
        profile=told.get("profile", "balanced"),
    )


def minutes_of(equity: Sequence[str], start_ms: int = START_MS) -> list[EquityPoint]:
    return [EquityPoint(start_ms + number * MINUTE_MS, Decimal(value)) for number, value in enumerate(equity)]


def a_summary(trades: Sequence[TradeSummary], equity: list[EquityPoint], **told: str) -> LedgerSummary:
    closed = [trade for trade in trades if trade.closed_ms is not None]
    return LedgerSummary(
        trades=len(trades),
        closed_trades=len(closed),
        win_rate=sum(trade.net_pnl > 0 for trade in closed) / len(closed) if closed else None,
        net_pnl=sum((trade.net_pnl for trade in trades), Decimal(0)),
        fees=Decimal(told.get("fees", "0")),
        fees_in={},
        funding=Decimal(told.get("funding", "0")),
        charges=Decimal(0),
        gaps=Decimal(0),
        signals=len(trades),
        naked_ms=[],
        equity=equity,
        trade_rows=list(trades),
    )


def of(
    trades: Sequence[TradeSummary] = (),
    equity: list[EquityPoint] | None = None,
    *,
    hourly: Sequence[str] = (),
    scans_ms: Sequence[float] = (),
    faults_ms: Sequence[int] | None = None,
    **told: str,
) -> Performance:
    points = minutes_of(["400"] * (60 * len(hourly) + 1)) if equity is None else equity
    hours = [
        PeriodResult(
            since_ms=START_MS + number * HOUR_MS,
            until_ms=START_MS + (number + 1) * HOUR_MS,
            trades=0,
            wins=0,
            net_pnl=Decimal(net),
            fees=Decimal(0),
            funding=Decimal(0),
            naked_ms_max=None,
        )
        for number, net in enumerate(hourly)
    ]
    summary = a_summary(trades, points, **told)
    if hourly:
        summary = replace(summary, net_pnl=sum(map(Decimal, hourly), Decimal(0)))
    until_ms = points[-1].at_ms if points else START_MS
    return performance(
        Measured(summary=summary, hours=hours, scans_ms=scans_ms, faults_ms=faults_ms, until_ms=until_ms)
    )


def target(run: Performance, name: str) -> Target:
    return next(each for each in run.targets if name in each.name)


@pytest.mark.parametrize(
    ("wins", "losses", "standing"),
    [(90, 10, Standing.MET), (20, 80, Standing.NOT_MET), (56, 44, Standing.OPEN), (10, 0, Standing.OPEN)],
)
def test_a_win_rate_is_met_when_it_can_hardly_be_less(wins: int, losses: int, standing: Standing) -> None:
    trades = [a_trade("1")] * wins + [a_trade("-1")] * losses
    rate = target(of(trades, minutes_of(["400"])), "win rate")
    assert rate.standing is standing
    assert rate.value == wins / (wins + losses)


@pytest.mark.parametrize(
    ("hourly", "standing"),
    [
        (["1.5"] * 30, Standing.MET),
        (["0.5"] * 30, Standing.NOT_MET),
        (["3", "-1"] * 15, Standing.OPEN),
        (["1.5"] * 5, Standing.OPEN),
    ],
)
def test_an_hourly_result_is_met_when_it_can_hardly_be_less(hourly: list[str], standing: Standing) -> None:
    assert target(of(hourly=hourly), "net result").standing is standing


def test_the_hourly_result_is_told_as_on_400_usdc() -> None:
    run = of(hourly=["1"] * 4, equity=minutes_of(["800"] * 241))
    assert target(run, "net result").value == pytest.approx(0.5)


def test_hours_in_which_it_did_not_run_are_none() -> None:
    before = minutes_of(["400"] * 61)
    after = minutes_of(["400"] * 61, START_MS + 10 * HOUR_MS)
    run = of(hourly=["2"] + ["0"] * 9 + ["2"], equity=before + after)
    assert run.running_h == 2.0
    assert run.gap_ms_max == 9 * HOUR_MS
    assert target(run, "net result").value == pytest.approx(2.0)


def test_a_drawdown_is_of_its_day_and_one_too_deep_is_enough() -> None:
    first = minutes_of(["400", "420", "400"])  # 4.8 %
    second = minutes_of(["400", "390", "395"], START_MS + DAY_MS)
    run = of(equity=first + second)
    assert [round(day.drawdown, 4) for day in run.days] == [0.0476, 0.025]
    assert target(run, "drawdown").standing is Standing.OPEN
    assert run.drawdown == pytest.approx(30 / 420)
    assert target(of(equity=minutes_of(["400", "379"])), "drawdown").standing is Standing.NOT_MET


def test_a_day_within_the_limit_is_met() -> None:
    assert target(of(hourly=["0"] * 24), "drawdown").standing is Standing.MET


@pytest.mark.parametrize(
    ("scans_ms", "standing"),
    [([20.0] * 100, Standing.MET), ([20.0] * 99, Standing.OPEN), ([20.0, 3_001.0], Standing.NOT_MET)],
)
def test_one_loop_that_takes_too_long_is_one_too_many(scans_ms: list[float], standing: Standing) -> None:
    assert target(of(equity=minutes_of(["400"]), scans_ms=scans_ms), "loop").standing is standing


def test_a_day_without_an_unhandled_exception_is_a_day_on_end() -> None:
    day = ["0"] * 25
    name = "unhandled"
    assert target(of(hourly=day, faults_ms=[]), name).standing is Standing.MET
    assert target(of(hourly=day, faults_ms=[START_MS + 12 * HOUR_MS]), name).standing is Standing.NOT_MET
    assert target(of(hourly=day[:3], faults_ms=[]), name).standing is Standing.OPEN
    assert target(of(hourly=day), name).value is None, "nobody wrote faults down"


def test_a_gap_ends_a_run() -> None:
    half = minutes_of(["400"] * (13 * 60))
    other = minutes_of(["400"] * (13 * 60), half[-1].at_ms + GAP_MS + 1)
    assert target(of(equity=half + other, faults_ms=[]), "unhandled").standing is Standing.OPEN


def test_costs_are_fees_and_what_funding_took_of_each_closed_trade() -> None:
    run = of([a_trade()] * 4, minutes_of(["400"]), fees="2", funding="-0.4")
    assert run.cost_per_trade == Decimal("0.6")


def test_time_with_two_trades_open_counts_once() -> None:
    trades = [a_trade(minute=0, minutes=10), a_trade(minute=5, minutes=10), a_trade(minute=50, minutes=None)]
    run = of(trades, minutes_of(["400"] * 61))
    assert run.exposure == pytest.approx(25 / 60)
    assert run.hold_ms_mean == 10 * MINUTE_MS


def test_nothing_at_all_is_told_as_that() -> None:
    run = of(equity=[])
    assert {each.standing for each in run.targets} == {Standing.OPEN}
    assert {each.value for each in run.targets} == {None}
    assert run.cost_per_trade is None


TRADES = st.lists(
    st.builds(
        a_trade,
        net=st.decimals(-5, 5, places=8).map(str),
        symbol=st.sampled_from(["BTCUSDC", "ETHUSDC"]),
        side=st.sampled_from(["BUY", "SELL"]),
        reason=st.sampled_from(["hold", "stop", "break_even"]),
        minutes=st.sampled_from([3, None]),
    ),
    max_size=30,
)


@given(TRADES)
def test_every_grouping_adds_up_to_the_closed_trades(trades: list[TradeSummary]) -> None:
    run = of(trades, minutes_of(["400"]))
    closed = [trade for trade in trades if trade.closed_ms is not None]
    for groups in run.groups.values():
        assert sum(group.trades for group in groups) == len(closed)
        assert sum(group.wins for group in groups) == sum(trade.net_pnl > 0 for trade in closed)
        assert sum((group.net_pnl for group in groups), Decimal(0)) == sum((t.net_pnl for t in closed), Decimal(0))


@given(st.lists(st.decimals(1, 1_000, places=2), min_size=1))
def test_a_drawdown_is_a_share_and_nothing_where_equity_only_rises(equity: list[Decimal]) -> None:
    assert 0 <= max_drawdown(equity) < 1
    assert max_drawdown(sorted(equity)) == 0
