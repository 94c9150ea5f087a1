"""The history that limits ask about: how trades ended, the equity of the last day, the last resume."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ratchet.domain.identity import TradeId
from ratchet.domain.money import ZERO
from ratchet.domain.symbol import Symbol
from ratchet.ledger.operator_events import Deed
from ratchet.ledger.summary import EquityPoint
from ratchet.ledger.tables import EquityRow, FillRow, OperatorEventRow, TradeRow

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedTrade:
    """A trade that had held something and is over."""

    trade_id: TradeId
    symbol: Symbol
    at_ms: int
    reason: str
    net: Decimal  # USDC, after fees, without funding


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskHistory:
    """All of it."""

    closed: Sequence[ClosedTrade]  # oldest first
    equity: Sequence[EquityPoint]  # oldest first: those of the last day that has any, and the one before them
    resumed_ms: int | None


async def risk_history(session: AsyncSession, trades_max: int) -> RiskHistory:
    """The last `trades_max` trades that are over, and the rest."""
    resumes = select(func.max(OperatorEventRow.at_ms)).where(OperatorEventRow.what == Deed.RESUME.value)
    return RiskHistory(
        closed=await _closed(session, trades_max),
        equity=await _equity(session),
        resumed_ms=await session.scalar(resumes),
    )


async def _closed(session: AsyncSession, trades_max: int) -> list[ClosedTrade]:
    has_held = select(FillRow.trade_id).where(FillRow.trade_id == TradeRow.id).exists()
    last = select(TradeRow).where(TradeRow.closed_ms.is_not(None), has_held)
    newest_first = last.order_by(TradeRow.closed_ms.desc(), TradeRow.id.desc()).limit(trades_max)
    trades = (await session.scalars(newest_first)).all()[::-1]
    net: dict[int, Decimal] = {}
    if trades:
        # By the smallest number: numbers rise with time, and a list of thousands is no question for a database.
        first = min(trade.id for trade in trades)
        for fill in await session.scalars(select(FillRow).where(FillRow.trade_id >= first)):
            if fill.trade_id is not None:
                net[fill.trade_id] = net.get(fill.trade_id, ZERO) + fill.net
    return [
        ClosedTrade(
            trade_id=TradeId(trade.id),
            symbol=Symbol(trade.symbol),
            at_ms=trade.closed_ms,
            reason=trade.reason,
            net=net.get(trade.id, ZERO),
        )
        for trade in trades
        if trade.closed_ms is not None
    ]


async def _equity(session: AsyncSession) -> list[EquityPoint]:
    newest_ms = await session.scalar(select(func.max(EquityRow.at_ms)))
    if newest_ms is None:
        return []
    day_ms = newest_ms - newest_ms % DAY_MS
    before = select(EquityRow).where(EquityRow.at_ms < day_ms).order_by(EquityRow.at_ms.desc(), EquityRow.id.desc())
    since = select(EquityRow).where(EquityRow.at_ms >= day_ms).order_by(EquityRow.at_ms, EquityRow.id)
    rows = [*await session.scalars(before.limit(1)), *await session.scalars(since)]
    return [EquityPoint(row.at_ms, row.equity) for row in rows]
