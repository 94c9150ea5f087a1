"""Results by hour and by day, UTC. Rows are put into their periods by SQL; money is added up here, exactly, for SQLite
can only add its text up as floats. For other tools the database has views of the same names with such sums, rounded to
1e-8: `select * from results_by_hour` (the migrations make them).
"""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Select, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from ratchet.domain.money import QUOTE, ZERO
from ratchet.ledger.tables import ChargeRow, EquityRow, FillRow, FundingRow, GapRow, TradeRow

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

Instant: TypeAlias = InstrumentedAttribute[int] | InstrumentedAttribute[int | None]
# The number of a row's period, and whether the row counts at all.
Within: TypeAlias = Callable[[Instant], tuple[ColumnElement[Any], ColumnElement[bool]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodResult:
    """What an hour or a day came to. Money is USDC and counts when it was booked; a trade counts when it was closed."""

    since_ms: int  # the period's start
    until_ms: int  # the next one's
    trades: int  # closed in it, of those that were entered
    wins: int  # of them, with more than nothing left of all that was ever booked to them
    net_pnl: Decimal  # realized − fees + funding + charges + gaps
    fees: Decimal  # positive = paid; those in other assets are in no sum
    funding: Decimal  # positive = received
    naked_ms_max: float | None  # of the trades opened in it, real ms


async def results_by(session: AsyncSession, length_ms: int, since_ms: int, until_ms: int) -> list[PeriodResult]:
    """The periods that two instants, both included, touch, oldest first; only what lies between them is counted.

    Periods in which nothing happened are there too, but for those before the ledger's first entry.
    Args: length_ms, `HOUR_MS` or `DAY_MS`.
    """
    first_ms = await _first_ms(session)
    if first_ms is None or first_ms > until_ms:
        return []

    def within(at_ms: Instant) -> tuple[ColumnElement[Any], ColumnElement[bool]]:
        return at_ms // length_ms, at_ms.between(since_ms, until_ms)

    money = await _money(session, within)
    trades, wins = await _trades(session, within)
    naked = await _naked(session, within)
    return [
        PeriodResult(
            since_ms=period * length_ms,
            until_ms=(period + 1) * length_ms,
            trades=trades[period],
            wins=wins[period],
            net_pnl=money[period].net,
            fees=money[period].fees,
            funding=money[period].funding,
            naked_ms_max=naked.get(period),
        )
        for period in range(max(since_ms, first_ms) // length_ms, until_ms // length_ms + 1)
    ]


@dataclass(slots=True)
class _Money:
    net: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO


async def _first_ms(session: AsyncSession) -> int | None:
    instants: list[Instant] = [
        TradeRow.opened_ms,
        EquityRow.at_ms,
        FillRow.at_ms,
        FundingRow.at_ms,
        ChargeRow.at_ms,
        GapRow.at_ms,
    ]
    firsts = union_all(*(select(func.min(instant).label("at_ms")) for instant in instants)).subquery()
    found: int | None = await session.scalar(select(func.min(firsts.c.at_ms)))
    return found


async def _money(session: AsyncSession, within: Within) -> defaultdict[int, _Money]:
    money: defaultdict[int, _Money] = defaultdict(_Money)
    period, is_in = within(FillRow.at_ms)
    fills = select(period, FillRow.realized_pnl, FillRow.fee, FillRow.fee_asset).where(is_in)
    for of, realized, fee, fee_asset in await session.execute(fills):
        paid = fee if fee_asset == QUOTE else ZERO
        money[of].net += realized - paid
        money[of].fees += paid
    period, is_in = within(FundingRow.at_ms)
    for of, amount in await session.execute(select(period, FundingRow.amount).where(is_in)):
        money[of].net += amount
        money[of].funding += amount
    for kind in (ChargeRow, GapRow):
        period, is_in = within(kind.at_ms)
        others = select(period, kind.amount).where(is_in, kind.asset == QUOTE)
        for of, amount in await session.execute(others):
            money[of].net += amount
    return money


async def _trades(session: AsyncSession, within: Within) -> tuple[Counter[int], Counter[int]]:
    """Trades and wins by period."""
    period, is_in = within(TradeRow.closed_ms)
    was_entered = TradeRow.id.in_(select(FillRow.trade_id))
    closed = select(TradeRow.id, period.label("period")).where(is_in, was_entered)
    periods = dict((await session.execute(closed)).all())
    net = await _net_of(session, select(closed.subquery().c.id))
    wins = Counter(of for trade_id, of in periods.items() if net[trade_id] > 0)
    return Counter(periods.values()), wins


async def _net_of(session: AsyncSession, trade_ids: Select[tuple[int]]) -> defaultdict[int | None, Decimal]:
    """All that was ever booked to them."""
    net: defaultdict[int | None, Decimal] = defaultdict(lambda: ZERO)
    fills = select(FillRow.trade_id, FillRow.realized_pnl, FillRow.fee, FillRow.fee_asset)
    for trade_id, realized, fee, fee_asset in await session.execute(fills.where(FillRow.trade_id.in_(trade_ids))):
        net[trade_id] += realized - (fee if fee_asset == QUOTE else ZERO)
    payments = [
        select(FundingRow.trade_id, FundingRow.amount).where(FundingRow.trade_id.in_(trade_ids)),
        *(
            select(kind.trade_id, kind.amount).where(kind.trade_id.in_(trade_ids), kind.asset == QUOTE)
            for kind in (ChargeRow, GapRow)
        ),
    ]
    for each in payments:
        for trade_id, amount in await session.execute(each):
            net[trade_id] += amount
    return net


async def _naked(session: AsyncSession, within: Within) -> dict[int, float | None]:
    period, is_in = within(TradeRow.opened_ms)
    longest = select(period, func.max(TradeRow.naked_ms)).where(is_in, TradeRow.naked_ms.is_not(None)).group_by(period)
    return dict((await session.execute(longest)).all())
