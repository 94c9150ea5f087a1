"""Performance: a run against what is wanted of it, with how sure that is. Pure: from sums and rows to figures."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from ratchet.domain.money import ZERO
from ratchet.ledger.aggregates import DAY_MS, HOUR_MS, PeriodResult
from ratchet.ledger.intervals import Interval, bootstrap_rate, wilson
from ratchet.ledger.summary import EquityPoint, LedgerSummary, TradeSummary

BALANCE = Decimal(400)  # USDC, on which the hourly result is wanted
HOURLY_MIN = 1.0  # USDC; up to 2 is hoped for
WIN_RATE_MIN = 0.55
DRAWDOWN_MAX = 0.05  # of a day's highest equity
LOOP_S_MAX = 3.0
QUIET_H_MIN = 24.0

TRADES_MIN = 20  # fewer say nothing of a win rate
HOURS_MIN = 24.0  # fewer say nothing of an hourly result, or of a day
SCANS_MIN = 100
GAP_MS = 5 * 60_000  # equity is written every minute: after so long nobody was there


class Standing(StrEnum):
    """How it stands with a target."""

    MET = "met"
    NOT_MET = "not met"
    OPEN = "too little data to tell"


class Unit(StrEnum):
    """Of a figure."""

    USDC = "USDC"  # an hour
    FRACTION = "fraction"
    SECONDS = "s"
    HOURS = "h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One figure against what is wanted."""

    name: str
    wanted: str
    unit: Unit
    value: float | None  # None: nothing was measured
    interval: Interval | None  # of 95 % confidence, where one can be given
    standing: Standing
    seen: str  # from how much, and how


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """The closed trades that have something in common."""

    name: str
    trades: int
    wins: int
    net_pnl: Decimal  # USDC, after fees and funding

    @property
    def win_rate(self) -> float:
        """Of its trades."""
        return self.wins / self.trades


@dataclass(frozen=True, slots=True, kw_only=True)
class DayResult:
    """A day, UTC. Drawdown: the deepest fall below the day's highest equity before it, as a fraction of that."""

    since_ms: int
    drawdown: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a performance is worked out from, all of one time."""

    summary: LedgerSummary
    hours: Sequence[PeriodResult]
    scans_ms: Sequence[float]  # how long the slowest decision of each scan took, real time
    faults_ms: Sequence[int] | None  # when something failed that nobody had expected to; None: nobody wrote it down
    until_ms: int  # the newest instant that is known of


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """A run in figures. Money is USDC, rates are fractions."""

    since_ms: int  # the first instant that is known of
    until_ms: int
    running_h: float  # without the gaps
    gap_ms_max: int  # the longest time without a word
    summary: LedgerSummary
    targets: tuple[Target, ...]
    cost_per_trade: Decimal | None  # fees less funding and charges, of each closed trade
    exposure: float  # of the time, with something held
    hold_ms_mean: float | None
    drawdown: float  # the deepest fall below the highest equity before it
    days: tuple[DayResult, ...]
    groups: Mapping[str, tuple[GroupResult, ...]]  # by symbol, side, reason, profile, strategy


def performance(measured: Measured) -> Performance:
    """Work it out."""
    summary = measured.summary
    closed = [trade for trade in summary.trade_rows if trade.closed_ms is not None]
    since_ms = _first_ms(summary, measured.until_ms)
    spells = _spells([since_ms, *(point.at_ms for point in summary.equity), measured.until_ms])
    running_h = sum(until - since for since, until in spells) / HOUR_MS
    days = _days(summary.equity)
    holds = [trade.closed_ms - trade.opened_ms for trade in closed if trade.closed_ms is not None]
    cost = summary.fees - summary.funding - summary.charges
    return Performance(
        since_ms=since_ms,
        until_ms=measured.until_ms,
        running_h=running_h,
        gap_ms_max=_gap_ms_max([since_ms, *(point.at_ms for point in summary.equity), measured.until_ms]),
        summary=summary,
        targets=(
            _hourly(measured, spells, running_h),
            _win_rate(closed),
            _daily_drawdown(days, running_h),
            _loop(measured.scans_ms),
            _quiet(spells, measured.faults_ms),
        ),
        cost_per_trade=cost / len(closed) if closed else None,
        exposure=_exposure(summary.trade_rows, since_ms, measured.until_ms),
        hold_ms_mean=sum(holds) / len(holds) if holds else None,
        drawdown=max_drawdown([point.equity for point in summary.equity]),
        days=days,
        groups={name: _groups(closed, key) for name, key in _GROUPED_BY.items()},
    )


def max_drawdown(equity: Sequence[Decimal]) -> float:
    """The deepest fall below the highest equity before it, as a fraction of that."""
    deepest, highest = ZERO, ZERO
    for value in equity:
        highest = max(highest, value)
        if highest > 0:
            deepest = max(deepest, (highest - value) / highest)
    return float(deepest)


# Targets -------------------------------------------------------------------------------------------------------------


def _hourly(measured: Measured, spells: Sequence[tuple[int, int]], running_h: float) -> Target:
    wanted = f"{HOURLY_MIN:g} to 2 USDC an hour on {BALANCE}"
    equity = measured.summary.equity
    if running_h <= 0 or not equity or equity[0].equity <= 0:
        return _nothing("net result an hour", wanted, Unit.USDC)
    scale = float(BALANCE / equity[0].equity)
    hours = [_overlap(spells, hour.since_ms, hour.until_ms) / HOUR_MS for hour in measured.hours]
    interval = bootstrap_rate([float(hour.net_pnl) * scale for hour in measured.hours], hours)
    return Target(
        name="net result an hour",
        wanted=wanted,
        unit=Unit.USDC,
        value=float(measured.summary.net_pnl) * scale / running_h,
        interval=interval,
        standing=_standing(interval, HOURLY_MIN, is_enough=running_h >= HOURS_MIN),
        seen=f"{running_h:.1f} h; bootstrap over the hours",
    )


def _win_rate(closed: Sequence[TradeSummary]) -> Target:
    wanted = f"at least {WIN_RATE_MIN:.0%}"
    if not closed:
        return _nothing("win rate", wanted, Unit.FRACTION)
    wins = sum(trade.net_pnl > 0 for trade in closed)
    interval = wilson(wins, len(closed))
    return Target(
        name="win rate",
        wanted=wanted,
        unit=Unit.FRACTION,
        value=wins / len(closed),
        interval=interval,
        standing=_standing(interval, WIN_RATE_MIN, is_enough=len(closed) >= TRADES_MIN),
        seen=f"{len(closed)} closed trades; Wilson",
    )


def _daily_drawdown(days: Sequence[DayResult], running_h: float) -> Target:
    wanted = f"at most {DRAWDOWN_MAX:.0%}"
    if not days:
        return _nothing("deepest drawdown of a day", wanted, Unit.FRACTION)
    deepest = max(day.drawdown for day in days)
    return Target(
        name="deepest drawdown of a day",
        wanted=wanted,
        unit=Unit.FRACTION,
        value=deepest,
        interval=None,
        standing=_kept(is_broken=deepest > DRAWDOWN_MAX, is_enough=running_h >= HOURS_MIN),
        seen=f"UTC days: {len(days)}",
    )


def _loop(scans_ms: Sequence[float]) -> Target:
    wanted = f"at most 2 to {LOOP_S_MAX:g} s"
    if not scans_ms:
        return _nothing("longest loop", wanted, Unit.SECONDS)
    longest_s = max(scans_ms) / 1_000
    return Target(
        name="longest loop",
        wanted=wanted,
        unit=Unit.SECONDS,
        value=longest_s,
        interval=None,
        standing=_kept(is_broken=longest_s > LOOP_S_MAX, is_enough=len(scans_ms) >= SCANS_MIN),
        seen=f"{len(scans_ms)} scans",
    )


def _quiet(spells: Sequence[tuple[int, int]], faults_ms: Sequence[int] | None) -> Target:
    """The longest time on end that it ran without an unhandled exception."""
    name, wanted = "longest run without an unhandled exception", f"{QUIET_H_MIN:g} h"
    if faults_ms is None:
        return _nothing(name, wanted, Unit.HOURS)
    quiet = [
        until - since
        for begun, ended in spells
        for since, until in pairwise([begun, *(at for at in sorted(faults_ms) if begun <= at <= ended), ended])
    ]
    longest_h = max(quiet, default=0) / HOUR_MS
    return Target(
        name=name,
        wanted=wanted,
        unit=Unit.HOURS,
        value=longest_h,
        interval=None,
        standing=Standing.MET if longest_h >= QUIET_H_MIN else Standing.NOT_MET if faults_ms else Standing.OPEN,
        seen=f"{len(faults_ms)} unhandled exceptions",
    )


def _standing(interval: Interval | None, least: float, *, is_enough: bool) -> Standing:
    if interval is None or not is_enough or interval.low < least <= interval.high:
        return Standing.OPEN
    return Standing.MET if interval.low >= least else Standing.NOT_MET


def _kept(*, is_broken: bool, is_enough: bool) -> Standing:
    """Of a limit: broken once is broken; kept for long enough is kept."""
    if is_broken:
        return Standing.NOT_MET
    return Standing.MET if is_enough else Standing.OPEN


def _nothing(name: str, wanted: str, unit: Unit) -> Target:
    return Target(
        name=name, wanted=wanted, unit=unit, value=None, interval=None, standing=Standing.OPEN, seen="nothing measured"
    )


# Time ----------------------------------------------------------------------------------------------------------------


def _first_ms(summary: LedgerSummary, until_ms: int) -> int:
    firsts = [point.at_ms for point in summary.equity[:1]] + [trade.opened_ms for trade in summary.trade_rows]
    return min([*firsts, until_ms])


def _spells(instants: Sequence[int]) -> list[tuple[int, int]]:
    """The times between instants at which it was alive: from each to the last that follows without a gap."""
    ordered = sorted(instants)
    spells = [(ordered[0], ordered[0])]
    for before, after in pairwise(ordered):
        if after - before <= GAP_MS:
            spells[-1] = (spells[-1][0], after)
        else:
            spells.append((after, after))
    return spells


def _gap_ms_max(instants: Sequence[int]) -> int:
    return max((after - before for before, after in pairwise(sorted(instants))), default=0)


def _overlap(spells: Sequence[tuple[int, int]], since_ms: int, until_ms: int) -> int:
    return sum(max(0, min(ended, until_ms) - max(begun, since_ms)) for begun, ended in spells)


def _exposure(trades: Sequence[TradeSummary], since_ms: int, until_ms: int) -> float:
    """The share of the time in which at least one trade was open."""
    if until_ms <= since_ms:
        return 0.0
    held, covered_ms = 0, since_ms
    for trade in sorted(trades, key=lambda trade: trade.opened_ms):
        closed_ms = until_ms if trade.closed_ms is None else min(trade.closed_ms, until_ms)
        held += max(0, closed_ms - max(trade.opened_ms, covered_ms))
        covered_ms = max(covered_ms, closed_ms)
    return held / (until_ms - since_ms)


def _days(equity: Sequence[EquityPoint]) -> tuple[DayResult, ...]:
    by_day: defaultdict[int, list[Decimal]] = defaultdict(list)
    for point in equity:
        by_day[point.at_ms // DAY_MS].append(point.equity)
    return tuple(DayResult(since_ms=day * DAY_MS, drawdown=max_drawdown(of)) for day, of in sorted(by_day.items()))


# Groups --------------------------------------------------------------------------------------------------------------

_GROUPED_BY: Mapping[str, Callable[[TradeSummary], str]] = {
    "symbol": lambda trade: trade.symbol,
    "side": lambda trade: "long" if trade.side.sign > 0 else "short",
    "reason": lambda trade: trade.reason,
    "profile": lambda trade: trade.profile,
    "strategy": lambda trade: trade.strategy,
}


def _groups(closed: Sequence[TradeSummary], key: Callable[[TradeSummary], str]) -> tuple[GroupResult, ...]:
    """The one that brought most first."""
    by_name: defaultdict[str, list[TradeSummary]] = defaultdict(list)
    for trade in closed:
        by_name[key(trade)].append(trade)
    groups = [
        GroupResult(
            name=name,
            trades=len(trades),
            wins=sum(trade.net_pnl > 0 for trade in trades),
            net_pnl=sum((trade.net_pnl for trade in trades), ZERO),
        )
        for name, trades in by_name.items()
    ]
    return tuple(sorted(groups, key=lambda group: (-group.net_pnl, group.name)))
