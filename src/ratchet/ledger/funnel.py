"""The funnel: where every decision ended, for a symbol, over a time, and now for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import ColumnElement, ScalarSelect, exists, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ratchet.domain.identity import TradeId
from ratchet.domain.order import Side
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import Vote
from ratchet.domain.symbol import Symbol
from ratchet.ledger.signals import votes_of
from ratchet.ledger.tables import EquityRow, FillRow, SignalRow, TradeRow, UniverseRow

ENTRY_LATEST_MS = 3_600_000  # an entry follows its candle sooner, whatever the settings


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeTaken:
    """The trade that a decision led to."""

    trade_id: TradeId
    is_filled: bool
    ended_by: str  # empty while it is open


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLine:
    """What was decided about a symbol at the close of a candle, and what became of it."""

    symbol: Symbol
    candle_close_ms: int
    strategy: str  # empty: none was asked
    side: Side | None
    price: Decimal | None  # at which an entry was wanted
    votes: tuple[Vote, ...]
    outcome: Outcome
    trade: TradeTaken | None


@dataclass(frozen=True, slots=True)
class StageCounts:
    """How many decisions ended at each stage."""

    ended: Mapping[Stage, int]  # every stage is in it
    filled: int  # of those that were sent

    @property
    def total(self) -> int:
        """All decisions."""
        return sum(self.ended.values())

    def reached(self, stage: Stage) -> int:
        """How many came so far: those that ended at this stage or beyond."""
        stages = list(Stage)
        return sum(self.ended[each] for each in stages[stages.index(stage) :])


async def decisions_on(session: AsyncSession, symbol: Symbol, most: int) -> list[DecisionLine]:
    """The newest decisions on a symbol, newest first."""
    of_symbol = select(SignalRow).where(SignalRow.symbol == symbol)
    newest = of_symbol.order_by(SignalRow.candle_close_ms.desc(), SignalRow.id).limit(most)
    return await _lines(session, (await session.scalars(newest)).all())


async def latest_decisions(session: AsyncSession, since_ms: int) -> list[DecisionLine]:
    """Of each symbol the decision on its newest candle since an instant, by symbol. Of several strategies' decisions
    the one that came furthest counts."""
    newest = (
        select(SignalRow.symbol, func.max(SignalRow.candle_close_ms).label("close_ms"))
        .where(SignalRow.candle_close_ms >= since_ms)
        .group_by(SignalRow.symbol)
        .subquery()
    )
    is_newest = (SignalRow.symbol == newest.c.symbol) & (SignalRow.candle_close_ms == newest.c.close_ms)
    lines = await _lines(session, (await session.scalars(select(SignalRow).join(newest, is_newest))).all())
    stages = list(Stage)
    furthest = {line.symbol: line for line in sorted(lines, key=lambda line: stages.index(line.outcome.stage))}
    return [furthest[symbol] for symbol in sorted(furthest)]


async def stage_counts(
    session: AsyncSession, since_ms: int, until_ms: int, symbol: Symbol | None = None
) -> StageCounts:
    """Decisions on candles that closed between two instants, both included, by stage; of one symbol or of all."""
    is_in: ColumnElement[bool] = SignalRow.candle_close_ms.between(since_ms, until_ms)
    if symbol is not None:
        is_in &= SignalRow.symbol == symbol
    by_stage = select(SignalRow.stage, func.count().label("decisions")).where(is_in).group_by(SignalRow.stage)
    found = {row.stage: row.decisions for row in await session.execute(by_stage)}
    sent = is_in & (SignalRow.stage == Stage.SENT.value)
    filled = select(func.count()).where(sent, _trade_id().in_(select(FillRow.trade_id)))
    return StageCounts({stage: found.get(stage.value, 0) for stage in Stage}, int(await session.scalar(filled) or 0))


async def newest_ms(session: AsyncSession) -> int | None:
    """The newest instant that the ledger tells of: of a run that is over, its end."""
    instants = (SignalRow.candle_close_ms, EquityRow.at_ms, FillRow.at_ms, TradeRow.opened_ms, UniverseRow.at_ms)
    newest = union_all(*(select(func.max(instant).label("at_ms")) for instant in instants)).subquery()
    found: int | None = await session.scalar(select(func.max(newest.c.at_ms)))
    return found


def _trade_id() -> ScalarSelect[int]:
    """The trade that the decision of a row led to: the first of its strategy on its symbol after its candle.

    None if that is a later decision's: a trade that could not be written down was not begun.
    """
    later = aliased(SignalRow)
    is_later = (later.symbol == SignalRow.symbol) & (later.strategy == SignalRow.strategy)
    is_later &= (later.stage == Stage.SENT.value) & (later.candle_close_ms > SignalRow.candle_close_ms)
    is_anothers = exists().where(is_later, later.candle_close_ms <= TradeRow.opened_ms).correlate(SignalRow, TradeRow)
    is_soon: ColumnElement[bool] = TradeRow.opened_ms.between(
        SignalRow.candle_close_ms, SignalRow.candle_close_ms + ENTRY_LATEST_MS
    )
    is_its = (TradeRow.symbol == SignalRow.symbol) & (TradeRow.strategy == SignalRow.strategy)
    found = select(func.min(TradeRow.id)).where(is_its, is_soon, ~is_anothers)
    return found.correlate(SignalRow).scalar_subquery()


async def _lines(session: AsyncSession, rows: Sequence[SignalRow]) -> list[DecisionLine]:
    trades = await _trades(session, [row.id for row in rows if row.stage == Stage.SENT.value])
    return [
        DecisionLine(
            symbol=Symbol(row.symbol),
            candle_close_ms=row.candle_close_ms,
            strategy=row.strategy,
            side=None if row.side is None else Side(row.side),
            price=row.price,
            votes=votes_of(row.breakdown),
            outcome=Outcome(Stage(row.stage), row.outcome),
            trade=trades.get(row.id),
        )
        for row in rows
    ]


async def _trades(session: AsyncSession, decisions: Sequence[int]) -> Mapping[int, TradeTaken]:
    if not decisions:
        return {}
    pairs = select(SignalRow.id, _trade_id().label("trade_id")).where(SignalRow.id.in_(decisions))
    trade_of = {row.id: row.trade_id for row in await session.execute(pairs) if row.trade_id is not None}
    trades = await session.scalars(select(TradeRow).where(TradeRow.id.in_(trade_of.values())))
    filled = set(await session.scalars(select(FillRow.trade_id).where(FillRow.trade_id.in_(trade_of.values()))))
    taken = {
        trade.id: TradeTaken(
            trade_id=TradeId(trade.id),
            is_filled=trade.id in filled,
            ended_by=trade.reason if trade.closed_ms is not None else "",
        )
        for trade in trades
    }
    return {decision: taken[trade_id] for decision, trade_id in trade_of.items()}
