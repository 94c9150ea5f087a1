"""Notices as the ledger keeps them, for a time: what operators heard of, or would have."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ratchet.ledger.tables import NoticeRow

TEXT_LENGTH_MAX = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLine:
    """One of them."""

    at_ms: int  # exchange time
    kind: str
    weight: str  # info, warning, alarm
    symbol: str | None
    text: str  # one line


def add_notices(session: Session, notices: Sequence[NoticeLine], forget_before_ms: int) -> None:
    """Write them down, and forget what is older than an instant."""
    session.add_all(
        NoticeRow(
            at_ms=each.at_ms,
            kind=each.kind,
            weight=each.weight,
            symbol=each.symbol,
            text=each.text[:TEXT_LENGTH_MAX],
        )
        for each in notices
    )
    session.execute(delete(NoticeRow).where(NoticeRow.at_ms < forget_before_ms))


async def notices_since(session: AsyncSession, since_ms: int, most: int, kind: str | None) -> list[NoticeLine]:
    """The newest from an instant on, at most so many, of one kind or of all; oldest first."""
    found = select(NoticeRow).where(NoticeRow.at_ms >= since_ms)
    if kind is not None:
        found = found.where(NoticeRow.kind == kind)
    rows = list(await session.scalars(found.order_by(NoticeRow.at_ms.desc(), NoticeRow.id.desc()).limit(most)))
    return [
        NoticeLine(at_ms=row.at_ms, kind=row.kind, weight=row.weight, symbol=row.symbol, text=row.text)
        for row in reversed(rows)
    ]


async def count_notices(session: AsyncSession, kind: str, since_ms: int, until_ms: int) -> int:
    """How many of a kind there were between two instants, both included."""
    counted = select(func.count()).where(NoticeRow.kind == kind, NoticeRow.at_ms.between(since_ms, until_ms))
    return int(await session.scalar(counted) or 0)
