"""Places: which symbols were in the universe and which were not, by which rule, as the ledger keeps it."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ratchet.domain.symbol import Symbol
from ratchet.ledger.tables import UniverseRow

REASON_LENGTH_MAX = 200
_BETWEEN = ": "


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A symbol's, from a time on."""

    symbol: Symbol
    at_ms: int
    is_traded: bool
    rule: str  # the kind of reason
    reason: str = ""  # with the figures of that time


def place_row(place: Place) -> UniverseRow:
    """The row of a place; its reason begins with the rule."""
    reason = f"{place.rule}{_BETWEEN}{place.reason}" if place.reason else place.rule
    return UniverseRow(
        at_ms=place.at_ms, symbol=place.symbol, is_traded=place.is_traded, reason=reason[:REASON_LENGTH_MAX]
    )


async def last_places(session: AsyncSession) -> dict[Symbol, Place]:
    """The newest of every symbol that has one."""
    newest = select(func.max(UniverseRow.id)).group_by(UniverseRow.symbol)
    rows = await session.scalars(select(UniverseRow).where(UniverseRow.id.in_(newest)).order_by(UniverseRow.symbol))
    return {Symbol(row.symbol): _place(row) for row in rows}


async def places_of(session: AsyncSession, symbol: Symbol) -> list[Place]:
    """All of a symbol's, oldest first."""
    rows = select(UniverseRow).where(UniverseRow.symbol == symbol).order_by(UniverseRow.at_ms, UniverseRow.id)
    return [_place(row) for row in await session.scalars(rows)]


def _place(row: UniverseRow) -> Place:
    rule, _, reason = row.reason.partition(_BETWEEN)
    return Place(symbol=Symbol(row.symbol), at_ms=row.at_ms, is_traded=row.is_traded, rule=rule, reason=reason)
