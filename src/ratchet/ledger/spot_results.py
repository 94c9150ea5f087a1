"""Results of spot: what the companion's cases came to by day, the story of one of them, and what was left alone.

Money is added up here, exactly; SQL only finds the rows.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ratchet.domain.identity import CaseId, ClientOrderId
from ratchet.domain.money import ZERO
from ratchet.domain.order import OrderStatus, Origin, Side
from ratchet.domain.rebound import SpotRole, profit_of
from ratchet.domain.symbol import Symbol
from ratchet.ledger.aggregates import DAY_MS
from ratchet.ledger.spot_tables import SpotCaseRow, SpotFillRow, SpotOrderRow, SpotWatchRow


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotDay:
    """What a day, UTC, came to. Money is quote asset and counts when it was traded; a case when it was closed."""

    since_ms: int  # the day's start
    cases: int  # closed in it
    sold: Decimal  # what SELLs of the companion brought
    profit: Decimal  # of it, more than the average that was paid for the same coins; before fees
    bought_back: Decimal  # what BUYs back cost
    fees: Mapping[str, Decimal]  # by asset, of all executions that belong to cases, the person's too


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """A case in one line."""

    case_id: CaseId
    symbol: Symbol
    quantity_bought: Decimal  # base asset
    quote: Decimal  # that it cost
    quantity_sold: Decimal  # base asset
    sold: Decimal  # quote asset
    opened_ms: int
    closed_ms: int | None  # None: it is open
    reason: str  # of its end


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFill:
    """An execution of a story."""

    fill_id: int
    at_ms: int
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal  # of its asset
    fee_asset: str
    origin: Origin
    client_order_id: ClientOrderId


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldOrder:
    """An order of a story."""

    client_order_id: ClientOrderId
    role: SpotRole
    origin: Origin
    side: Side
    quantity: Decimal
    price: Decimal | None  # of the companion's
    status: OrderStatus
    quantity_filled: Decimal
    price_average: Decimal  # 0 while nothing is filled
    reason: str
    intended_ms: int  # of a person's: when it was first seen
    updated_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStory:
    """All that is known of a case."""

    case: CaseResult
    quantity: Decimal  # base asset, to be sold: less the fees that were taken in it
    orders: tuple[ToldOrder, ...]  # the person's BUY, then those of the companion as they were intended
    fills: tuple[ToldFill, ...]  # oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolStory:
    """The last cases of a symbol, and the executions that belong to none."""

    began_ms: int | None  # when watching began last; None: it never did
    start_id: int  # executions up to this number are left alone
    cases: tuple[CaseResult, ...]  # newest first
    left_alone: tuple[ToldFill, ...]  # newest first


async def spot_days(session: AsyncSession, since_ms: int, until_ms: int) -> list[SpotDay]:
    """The days that two instants, both included, touch, oldest first; only what lies between them is counted.

    Days in which nothing happened are there too, but for those before the first execution.
    """
    first_ms = await session.scalar(select(func.min(SpotFillRow.at_ms)))
    if first_ms is None or first_ms > until_ms:
        return []
    sums = await _sums(session, since_ms, until_ms)
    day: ColumnElement[Any] = SpotCaseRow.closed_ms // DAY_MS
    counted = select(day, func.count()).where(SpotCaseRow.closed_ms.between(since_ms, until_ms)).group_by(day)
    closed: dict[int, int] = dict((await session.execute(counted)).all())
    return [
        SpotDay(
            since_ms=number * DAY_MS,
            cases=closed.get(number, 0),
            sold=sums[number].sold,
            profit=sums[number].profit,
            bought_back=sums[number].bought_back,
            fees={asset: fee for asset, fee in sorted(sums[number].fees.items()) if fee},
        )
        for number in range(max(since_ms, first_ms) // DAY_MS, until_ms // DAY_MS + 1)
    ]


async def case_story(session: AsyncSession, case_id: CaseId) -> CaseStory | None:
    """The story of a case; None where there is none of that number."""
    row = await session.get(SpotCaseRow, case_id)
    if row is None:
        return None
    own = select(SpotOrderRow).where(SpotOrderRow.case_id == row.id).order_by(SpotOrderRow.id)
    bought = select(SpotOrderRow).where(
        SpotOrderRow.symbol == row.symbol, SpotOrderRow.order_id == row.buy_order_id, SpotOrderRow.case_id.is_(None)
    )
    fills = await _fills_of(session, [row.id])
    return CaseStory(
        case=_result(row, fills),
        quantity=row.quantity,
        orders=tuple([_told_order(each) for query in (bought, own) for each in await session.scalars(query)]),
        fills=tuple(_told_fill(each) for each in fills),
    )


async def symbol_story(session: AsyncSession, symbol: Symbol, most: int) -> SymbolStory:
    """The last of its cases, and of the executions that belong to none; at most so many of each."""
    watch = await session.get(SpotWatchRow, symbol)
    alone = select(SpotFillRow).where(SpotFillRow.symbol == symbol, SpotFillRow.case_id.is_(None))
    newest = await session.scalars(alone.order_by(SpotFillRow.fill_id.desc()).limit(most))
    return SymbolStory(
        began_ms=None if watch is None else watch.began_ms,
        start_id=0 if watch is None else watch.start_id,
        cases=tuple(await last_cases(session, symbol, most)),
        left_alone=tuple(_told_fill(row) for row in newest),
    )


async def last_cases(session: AsyncSession, symbol: Symbol, most: int) -> list[CaseResult]:
    """The newest cases of a symbol, newest first, at most so many."""
    newest = select(SpotCaseRow).where(SpotCaseRow.symbol == symbol).order_by(SpotCaseRow.id.desc()).limit(most)
    rows = list(await session.scalars(newest))
    by_case: defaultdict[int | None, list[SpotFillRow]] = defaultdict(list)
    for fill in await _fills_of(session, [row.id for row in rows]):
        by_case[fill.case_id].append(fill)
    return [_result(row, by_case[row.id]) for row in rows]


async def cases_of_orders(
    session: AsyncSession, names: Collection[ClientOrderId]
) -> dict[ClientOrderId, tuple[CaseId, SpotRole]]:
    """The case and the role of those of these orders that are the companion's."""
    known = select(SpotOrderRow).where(SpotOrderRow.client_order_id.in_(names), SpotOrderRow.case_id.is_not(None))
    return {
        ClientOrderId(row.client_order_id): (CaseId(row.case_id), SpotRole(row.role))
        for row in await session.scalars(known)
        if row.case_id is not None
    }


@dataclass(slots=True)
class _Sums:
    sold: Decimal = ZERO
    profit: Decimal = ZERO
    bought_back: Decimal = ZERO
    fees: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(lambda: ZERO))


async def _sums(session: AsyncSession, since_ms: int, until_ms: int) -> defaultdict[int, _Sums]:
    sums: defaultdict[int, _Sums] = defaultdict(_Sums)
    traded = (
        select(SpotFillRow, SpotCaseRow.quote, SpotCaseRow.quantity_bought)
        .join(SpotCaseRow, SpotFillRow.case_id == SpotCaseRow.id)
        .where(SpotFillRow.at_ms.between(since_ms, until_ms))
    )
    for fill, quote, bought in await session.execute(traded):
        day, came = sums[fill.at_ms // DAY_MS], fill.quantity * fill.price
        day.fees[fill.fee_asset] += fill.fee
        if fill.side == Side.SELL.value:
            day.sold += came
            day.profit += profit_of(fill.quantity, fill.price, quote, bought)
        elif fill.origin == Origin.SYSTEM.value:
            day.bought_back += came
    return sums


async def _fills_of(session: AsyncSession, case_ids: Collection[int]) -> Sequence[SpotFillRow]:
    """Oldest first: within a symbol the exchange's numbers go up."""
    wanted = select(SpotFillRow).where(SpotFillRow.case_id.in_(case_ids)).order_by(SpotFillRow.fill_id)
    return list(await session.scalars(wanted))


def _result(row: SpotCaseRow, fills: Sequence[SpotFillRow]) -> CaseResult:
    sells = [fill for fill in fills if fill.side == Side.SELL.value]
    return CaseResult(
        case_id=CaseId(row.id),
        symbol=Symbol(row.symbol),
        quantity_bought=row.quantity_bought,
        quote=row.quote,
        quantity_sold=sum((fill.quantity for fill in sells), ZERO),
        sold=sum((fill.quantity * fill.price for fill in sells), ZERO),
        opened_ms=row.opened_ms,
        closed_ms=row.closed_ms,
        reason=row.reason,
    )


def _told_fill(row: SpotFillRow) -> ToldFill:
    return ToldFill(
        fill_id=row.fill_id,
        at_ms=row.at_ms,
        side=Side(row.side),
        price=row.price,
        quantity=row.quantity,
        fee=row.fee,
        fee_asset=row.fee_asset,
        origin=Origin(row.origin),
        client_order_id=ClientOrderId(row.client_order_id),
    )


def _told_order(row: SpotOrderRow) -> ToldOrder:
    return ToldOrder(
        client_order_id=ClientOrderId(row.client_order_id),
        role=SpotRole(row.role),
        origin=Origin(row.origin),
        side=Side(row.side),
        quantity=row.quantity,
        price=row.price,
        status=OrderStatus(row.status),
        quantity_filled=row.quantity_filled,
        price_average=row.price_average,
        reason=row.reason,
        intended_ms=row.intended_ms,
        updated_ms=row.updated_ms,
    )
