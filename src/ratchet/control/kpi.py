"""The report: a run against what is wanted of it. It promises nothing: it tells what was, and how sure that is."""

import asyncio
from collections.abc import Mapping, Sequence

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.desk import Refused
from ratchet.control.shape import DASH, at, day, lasting, percent, signed
from ratchet.domain.money import plain
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.performance import GroupResult, Measured, Performance, Target, Unit, performance
from ratchet.observe.notices import Kind

FAULTS_MAX = 10_000
GROUP_ROWS_MAX = 5  # of the best and of the worst symbols
NO_PROMISE = "What was says nothing certain of what will be."


async def measure(ledger: Ledger, since_ms: int, until_ms: int) -> Performance:
    """A ledger's performance between two instants. Raises: Refused when nothing is known of it."""
    scans = await ledger.scans_since(since_ms)
    measured = Measured(
        summary=await ledger.summary(since_ms),
        hours=await ledger.results_by_hour(since_ms, until_ms),
        scans_ms=[scan.decided_ms_max for scan in scans if scan.decided_ms_max is not None],
        faults_ms=await _faults_ms(ledger, since_ms),
        until_ms=until_ms,
    )
    if not measured.summary.equity and not measured.summary.trade_rows:
        raise Refused(f"report: the ledger tells of nothing since {at(since_ms)}")
    return await asyncio.to_thread(performance, measured)  # the resamples take a while


async def _faults_ms(ledger: Ledger, since_ms: int) -> Sequence[int] | None:
    """When exceptions that nobody caught were noticed. None where no notice was written down at all."""
    if not await ledger.notices_since(since_ms, 1):
        return None
    return [each.at_ms for each in await ledger.notices_since(since_ms, FAULTS_MAX, Kind.UNHANDLED.value)]


async def report(ledger: Ledger, now_ms: int, since_ms: int = 0) -> Answer:
    """The run since an instant. Raises: Refused."""
    return answer_of(await measure(ledger, since_ms, now_ms))


def answer_of(run: Performance) -> Answer:
    """As an answer."""
    summary = run.summary
    return Answer(
        title=f"Report, {at(run.since_ms)} to {at(run.until_ms)} UTC",
        facts=(
            ("net result", f"{signed(summary.net_pnl)} USDC, after fees and funding"),
            ("of it fees, funding", f"{signed(-summary.fees)}, {signed(summary.funding)} USDC"),
            ("trades", f"{summary.trades}, {summary.closed_trades} of them closed, of {summary.signals} signals"),
            ("cost per trade", DASH if run.cost_per_trade is None else f"{run.cost_per_trade:.4f} USDC"),
            ("something held", f"{percent(run.exposure)} of the time"),
            ("held on average", DASH if run.hold_ms_mean is None else lasting(run.hold_ms_mean)),
            ("deepest drawdown", percent(run.drawdown)),
            ("running", f"{run.running_h:.1f} h, longest gap {lasting(run.gap_ms_max)}"),
            *((f"by {name}", _groups_words(groups)) for name, groups in run.groups.items() if groups),
        ),
        table=Table(
            headings=("target", "wanted", "is", "95 % sure", "", "from"),
            rows=tuple(_target_row(target) for target in run.targets),
            numeric=frozenset({2, 3}),
        ),
        notes=(NO_PROMISE,),
        data=data_of(run),
    )


def data_of(run: Performance) -> Mapping[str, Json]:
    """For machines: money is text, rates are fractions, times are ms."""
    summary = run.summary
    return {
        "since_ms": run.since_ms,
        "until_ms": run.until_ms,
        "running_hours": round(run.running_h, 4),
        "gap_ms_max": run.gap_ms_max,
        "trades": summary.trades,
        "closed_trades": summary.closed_trades,
        "win_rate": summary.win_rate,
        "net_pnl": plain(summary.net_pnl),
        "fees": plain(summary.fees),
        "funding": plain(summary.funding),
        "charges": plain(summary.charges),
        "gaps": plain(summary.gaps),
        "signals": summary.signals,
        "max_drawdown": round(run.drawdown, 6),
        "cost_per_trade": None if run.cost_per_trade is None else plain(run.cost_per_trade),
        "exposure": round(run.exposure, 6),
        "hold_ms_mean": run.hold_ms_mean,
        "targets": [_target_data(target) for target in run.targets],
        "days": [{"day": day(each.since_ms), "drawdown": round(each.drawdown, 6)} for each in run.days],
        "by": {name: [_group_data(group) for group in groups] for name, groups in run.groups.items()},
    }


def target_words(target: Target) -> str:
    """A target in few words."""
    value, interval = _value(target, target.value), _interval(target)
    sure = f" ({interval})" if interval != DASH else ""
    return f"{value}{sure}, {target.wanted} is wanted: {target.standing}"


def _target_row(target: Target) -> tuple[str, ...]:
    value, interval = _value(target, target.value), _interval(target)
    return (target.name, target.wanted, value, interval, target.standing.value, target.seen)


def _interval(target: Target) -> str:
    if target.interval is None:
        return DASH
    return f"{_value(target, target.interval.low)} to {_value(target, target.interval.high)}"


def _value(target: Target, value: float | None) -> str:
    if value is None:
        return DASH
    match target.unit:
        case Unit.USDC:
            return f"{value:+.2f}"
        case Unit.FRACTION:
            return percent(value)
        case Unit.SECONDS:
            return f"{value:.3f} s"
        case Unit.HOURS:
            return f"{value:.1f} h"


def _target_data(target: Target) -> Mapping[str, Json]:
    return {
        "name": target.name,
        "wanted": target.wanted,
        "unit": target.unit.value,
        "value": target.value,
        "low": None if target.interval is None else target.interval.low,
        "high": None if target.interval is None else target.interval.high,
        "standing": target.standing.value,
        "seen": target.seen,
    }


def _groups_words(groups: tuple[GroupResult, ...]) -> str:
    """The best and the worst, where there are many."""
    if len(groups) <= 2 * GROUP_ROWS_MAX:
        return ", ".join(_group_words(group) for group in groups)
    best, worst = groups[:GROUP_ROWS_MAX], groups[-GROUP_ROWS_MAX:]
    return f"{', '.join(map(_group_words, best))} … {', '.join(map(_group_words, worst))}"


def _group_words(group: GroupResult) -> str:
    return f"{group.name} {signed(group.net_pnl)} ({group.wins} of {group.trades} won)"


def _group_data(group: GroupResult) -> Mapping[str, Json]:
    return {
        "name": group.name,
        "trades": group.trades,
        "wins": group.wins,
        "win_rate": group.win_rate,
        "net_pnl": plain(group.net_pnl),
    }
