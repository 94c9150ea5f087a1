"""Decisions as the ledger keeps them: what a strategy said, every vote of it in few bytes, and what became of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ratchet.domain.order import Side
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.signal import Kind, NoSignal, Signal, Vote
from ratchet.domain.symbol import Symbol
from ratchet.ledger.tables import ScanRow, SignalRow

OUTCOME_LENGTH_MAX = 400
NOBODY = ""  # the strategy of a decision that none was asked for

_Compact: TypeAlias = list[Any]  # name, kind, side, value, note


@dataclass(frozen=True, slots=True)
class NotAsked:
    """No strategy was asked about a symbol, for its candles were not there."""

    symbol: Symbol
    candle_close_ms: int  # of the candle that should have been


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What became of the symbols at the close of one candle."""

    candle_close_ms: int
    symbols: int  # about which strategies were asked
    missing: int  # whose candles were not there
    decided_ms_max: float | None  # from a known candle to its decision, real ms; None when nobody was asked


Said: TypeAlias = Signal | NoSignal | NotAsked


def signal_row(said: Said, outcome: Outcome) -> SignalRow:
    """One decision."""
    signal = said if isinstance(said, Signal) else None
    return SignalRow(
        strategy=NOBODY if isinstance(said, NotAsked) else said.strategy,
        symbol=said.symbol,
        side=None if signal is None else signal.side.value,
        candle_close_ms=said.candle_close_ms,
        price=None if signal is None else signal.price,
        breakdown=[] if isinstance(said, NotAsked) else [compact(vote) for vote in said.breakdown],
        outcome=outcome.reason[:OUTCOME_LENGTH_MAX],
        stage=outcome.stage.value,
    )


def compact(vote: Vote) -> _Compact:
    """A vote in few bytes of JSON. A value that is no number is kept as none."""
    value = vote.value if math.isfinite(vote.value) else None
    return [vote.name, vote.kind.value[0], None if vote.side is None else vote.side.value[0], value, vote.note]


def votes_of(breakdown: Sequence[_Compact | Mapping[str, Any]]) -> tuple[Vote, ...]:
    """The votes of a row. Older ledgers have them under names."""
    return tuple(_named(each) if isinstance(each, Mapping) else _vote(*each) for each in breakdown)


_KINDS = {kind.value[0]: kind for kind in Kind}
_SIDES = {side.value[0]: side for side in Side}


def _vote(name: str, kind: str, side: str | None, value: float | None, note: str) -> Vote:
    return Vote(
        name=name,
        kind=_KINDS[kind],
        side=None if side is None else _SIDES[side],
        value=math.nan if value is None else value,
        note=note,
    )


def _named(told: Mapping[str, Any]) -> Vote:
    side = told["side"]
    return Vote(
        name=told["name"],
        kind=Kind(told["kind"]),
        side=None if side is None else Side(side),
        value=told["value"],
        note=told["note"],
    )


def scan_row(scan: Scan) -> ScanRow:
    """One scan."""
    return ScanRow(
        candle_close_ms=scan.candle_close_ms,
        symbols=scan.symbols,
        missing=scan.missing,
        decided_ms_max=scan.decided_ms_max,
    )


async def scans_since(session: AsyncSession, since_ms: int) -> list[Scan]:
    """Scans of candles that closed from an instant on, oldest first."""
    rows = select(ScanRow).where(ScanRow.candle_close_ms >= since_ms).order_by(ScanRow.candle_close_ms)
    return [
        Scan(
            candle_close_ms=row.candle_close_ms,
            symbols=row.symbols,
            missing=row.missing,
            decided_ms_max=row.decided_ms_max,
        )
        for row in await session.scalars(rows)
    ]


def forget_decisions(session: Session, before_ms: int, most: int) -> int:
    """Delete the oldest decisions on candles that closed before an instant, at most so many. Those that led to trades
    stay. Returns how many were deleted."""
    old = (
        select(SignalRow.id)
        .where(SignalRow.candle_close_ms < before_ms, SignalRow.stage != Stage.SENT.value)
        .order_by(SignalRow.candle_close_ms)
        .limit(most)
    )
    ids = session.scalars(old).all()
    if ids:
        session.execute(delete(SignalRow).where(SignalRow.id.in_(ids)))
    return len(ids)
