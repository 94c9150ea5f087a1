"""The trades of a run as its ledger has them, each with the signal that it came from."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ratchet.domain.money import QUOTE, ZERO
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.ledger.summary import average_price
from ratchet.ledger.tables import ChargeRow, FillRow, FundingRow, GapRow, SignalRow, TradeRow


@dataclass(frozen=True, slots=True)
class SignalKey:
    """What makes two runs' signals the same one."""

    symbol: Symbol
    side: Side
    strategy: str
    candle_close_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTrade:
    """One trade. Quantities are of the base asset, money is USDC; prices are averages, 0 without a fill."""

    key: SignalKey
    opened_ms: int
    closed_ms: int | None
    reason: str
    quantity: Decimal  # entered
    price_entry: Decimal
    price_exit: Decimal
    realized: Decimal  # before fees
    fees: Decimal  # positive = paid
    funding: Decimal  # positive = received; charges and gaps are in it

    @property
    def net(self) -> Decimal:
        """What it changed."""
        return self.realized - self.fees + self.funding


@dataclass(frozen=True, slots=True)
class Run:
    """Everything of a run that a comparison looks at."""

    trades: Sequence[RunTrade]  # that were entered
    outcomes: dict[SignalKey, str]  # of signals: what became of them
    silences: dict[tuple[Symbol, str, int], str]  # symbol, strategy, candle close: why there was no signal


async def read_run(session: AsyncSession) -> Run:
    """All of a ledger."""
    outcomes: dict[SignalKey, str] = {}
    silences: dict[tuple[Symbol, str, int], str] = {}
    for row in await session.scalars(select(SignalRow)):
        symbol = Symbol(row.symbol)
        if row.side is None:
            silences[symbol, row.strategy, row.candle_close_ms] = row.outcome
        else:
            outcomes[SignalKey(symbol, Side(row.side), row.strategy, row.candle_close_ms)] = row.outcome
    fills: defaultdict[int, list[FillRow]] = defaultdict(list)
    for fill in await session.scalars(select(FillRow)):
        if fill.trade_id is not None:
            fills[fill.trade_id].append(fill)
    others: defaultdict[int, Decimal] = defaultdict(lambda: ZERO)
    funding = (await session.scalars(select(FundingRow))).all()
    charges = (await session.scalars(select(ChargeRow).where(ChargeRow.asset == QUOTE))).all()
    gaps = (await session.scalars(select(GapRow).where(GapRow.asset == QUOTE))).all()
    payments: list[FundingRow | ChargeRow | GapRow] = [*funding, *charges, *gaps]
    for payment in payments:
        if payment.trade_id is not None:
            others[payment.trade_id] += payment.amount
    trades = [
        _trade(row, fills[row.id], others[row.id], outcomes)
        for row in await session.scalars(select(TradeRow).order_by(TradeRow.opened_ms, TradeRow.id))
        if fills[row.id]
    ]
    return Run(trades, outcomes, silences)


def _trade(row: TradeRow, fills: Sequence[FillRow], other: Decimal, outcomes: dict[SignalKey, str]) -> RunTrade:
    entered = [fill for fill in fills if fill.side == row.side]
    left = [fill for fill in fills if fill.side != row.side]
    return RunTrade(
        key=_signal_of(row, outcomes),
        opened_ms=row.opened_ms,
        closed_ms=row.closed_ms,
        reason=row.reason,
        quantity=sum((fill.quantity for fill in entered), ZERO),
        price_entry=average_price(entered),
        price_exit=average_price(left),
        realized=sum((fill.realized_pnl for fill in fills), ZERO),
        fees=sum((fill.fee for fill in fills if fill.fee_asset == QUOTE), ZERO),
        funding=other,
    )


def _signal_of(row: TradeRow, outcomes: dict[SignalKey, str]) -> SignalKey:
    """The newest signal before it; its own opening where there is none, as for another hand's."""
    symbol, side = Symbol(row.symbol), Side(row.side)
    closes = [
        key.candle_close_ms
        for key in outcomes
        if (key.symbol, key.side, key.strategy) == (symbol, side, row.strategy) and key.candle_close_ms <= row.opened_ms
    ]
    return SignalKey(symbol, side, row.strategy, max(closes, default=row.opened_ms))
