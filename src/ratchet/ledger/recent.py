"""The newest rows, for whoever looks in."""

from collections.abc import Collection
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ratchet.domain.identity import ClientOrderId
from ratchet.ledger.tables import OrderRow, SignalRow


async def last_signals(session: AsyncSession, limit: int) -> list[SignalRow]:
    """The newest decisions that wanted a trade, newest first."""
    wanted = select(SignalRow).where(SignalRow.side.is_not(None)).order_by(SignalRow.id.desc()).limit(limit)
    return list(await session.scalars(wanted))


async def prices_of_orders(
    session: AsyncSession, names: Collection[ClientOrderId]
) -> dict[ClientOrderId, tuple[str, Decimal | None]]:
    """Role and price of those orders that are known: of a limit order, or the trigger of a stop."""
    named = select(OrderRow.client_order_id, OrderRow.role, OrderRow.price).where(OrderRow.client_order_id.in_(names))
    return {ClientOrderId(name): (role, price) for name, role, price in await session.execute(named)}
