"""The books of a time: all that the ledger has booked in it, and whose a symbol was then."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ratchet.domain.money import ZERO
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.ledger.tables import ChargeRow, FillRow, FundingRow, GapRow, MetaRow, TradeRow

AUDITED = "audited_ms"

Row = TypeVar("Row", FillRow, FundingRow, ChargeRow, GapRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What is booked."""

    fills: Sequence[FillRow]
    funding: Sequence[FundingRow]
    charges: Sequence[ChargeRow]
    gaps: Sequence[GapRow]


async def books_between(session: AsyncSession, since_ms: int, until_ms: int) -> Books:
    """Both ends included."""

    async def all_of(kind: type[Row]) -> Sequence[Row]:
        return (await session.scalars(select(kind).where(kind.at_ms.between(since_ms, until_ms)))).all()

    return Books(
        fills=await all_of(FillRow),
        funding=await all_of(FundingRow),
        charges=await all_of(ChargeRow),
        gaps=await all_of(GapRow),
    )


async def trades_between(session: AsyncSession, since_ms: int, until_ms: int) -> Sequence[TradeRow]:
    """Trades that were open at any instant of it."""
    closed_ms = func.coalesce(TradeRow.closed_ms, until_ms)
    is_in = (TradeRow.opened_ms <= until_ms) & (closed_ms >= since_ms)
    return (await session.scalars(select(TradeRow).where(is_in).order_by(TradeRow.id))).all()


async def trade_at(session: AsyncSession, symbol: Symbol, at_ms: int) -> TradeRow | None:
    """The trade that had a symbol at an instant: open then, or taken to be over with something still held."""
    of_symbol = select(TradeRow).where(TradeRow.symbol == symbol, TradeRow.opened_ms <= at_ms)
    last = await session.scalar(of_symbol.order_by(TradeRow.opened_ms.desc(), TradeRow.id.desc()).limit(1))
    if last is None or last.closed_ms is None or last.closed_ms >= at_ms:
        return last
    fills = await session.scalars(select(FillRow).where(FillRow.trade_id == last.id, FillRow.at_ms <= at_ms))
    gaps = await session.scalars(select(GapRow).where(GapRow.trade_id == last.id, GapRow.at_ms <= at_ms))
    held = sum((Side(fill.side).sign * fill.quantity for fill in fills), ZERO)
    return last if held + sum((gap.quantity for gap in gaps), ZERO) else None


async def audited_ms(session: AsyncSession) -> int | None:
    """Up to when the books are known to agree with the exchange's; before any audit, when the first trade began."""
    row = await session.get(MetaRow, AUDITED)
    return await session.scalar(select(func.min(TradeRow.opened_ms))) if row is None else int(row.value)


def note_audited(session: Session, until_ms: int) -> None:
    """The books agree up to an instant."""
    row = session.get(MetaRow, AUDITED)
    if row is None:
        session.add(MetaRow(key=AUDITED, value=str(until_ms)))
    else:
        row.value = str(max(int(row.value), until_ms))
