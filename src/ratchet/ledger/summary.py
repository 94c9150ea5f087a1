"""The summary: what the ledger adds up to, for reports."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.money import QUOTE, ZERO
from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol
from ratchet.ledger.tables import ChargeRow, FillRow, FundingRow, GapRow, TradeRow


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """The account at an instant."""

    at_ms: int
    equity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeSummary:
    """One trade. Prices are averages over its fills; 0 without any."""

    symbol: Symbol
    side: Side
    opened_ms: int
    closed_ms: int | None
    quantity: Decimal  # entered
    price_entry: Decimal
    price_exit: Decimal
    net_pnl: Decimal  # after fees, funding and charges
    naked_ms: float | None
    reason: str
    strategy: str
    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSummary:
    """Sums since an instant, USDC. A trade counts when it was entered."""

    trades: int
    closed_trades: int
    win_rate: float | None  # of the closed ones
    net_pnl: Decimal  # realized − fees + funding + charges + gaps, of everything booked
    fees: Decimal
    fees_in: Mapping[str, Decimal]  # by asset, of those that were paid in others: part of no sum
    funding: Decimal
    charges: Decimal  # liquidation fees, rebates; negative = paid
    gaps: Decimal  # income whose executions cannot be had
    signals: int
    naked_ms: list[float]
    equity: list[EquityPoint]
    trade_rows: list[TradeSummary]


def summarise(
    trades: Sequence[TradeRow],
    fills: Sequence[FillRow],
    funding: Sequence[FundingRow],
    charges: Sequence[ChargeRow] = (),
    gaps: Sequence[GapRow] = (),
    *,
    signals: int,
    equity: list[EquityPoint],
) -> LedgerSummary:
    """Add up."""
    fills_of: defaultdict[int | None, list[FillRow]] = defaultdict(list)
    for fill in fills:
        fills_of[fill.trade_id].append(fill)
    booked: list[ChargeRow | GapRow] = [*charges, *gaps]
    other_of: defaultdict[int | None, Decimal] = defaultdict(lambda: ZERO)
    others: list[FundingRow | ChargeRow | GapRow] = [*funding, *(row for row in booked if row.asset == QUOTE)]
    for payment in others:
        other_of[payment.trade_id] += payment.amount
    rows = [_trade(trade, fills_of[trade.id], other_of[trade.id]) for trade in trades if fills_of[trade.id]]
    closed = [row for row in rows if row.closed_ms is not None]
    fees: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for fill in fills:
        fees[fill.fee_asset] += fill.fee
    return LedgerSummary(
        trades=len(rows),
        closed_trades=len(closed),
        win_rate=sum(row.net_pnl > 0 for row in closed) / len(closed) if closed else None,
        net_pnl=sum((fill.net for fill in fills), ZERO) + sum(other_of.values(), ZERO),
        fees=fees.pop(QUOTE, ZERO),
        fees_in={asset: fee for asset, fee in fees.items() if fee},
        funding=_sum(funding),
        charges=_sum(each for each in charges if each.asset == QUOTE),
        gaps=_sum(each for each in gaps if each.asset == QUOTE),
        signals=signals,
        naked_ms=[row.naked_ms for row in rows if row.naked_ms is not None],
        equity=equity,
        trade_rows=rows,
    )


def _sum(rows: Iterable[FundingRow | ChargeRow | GapRow]) -> Decimal:
    return sum((row.amount for row in rows), ZERO)


def _trade(trade: TradeRow, fills: Sequence[FillRow], other: Decimal) -> TradeSummary:
    entered = [fill for fill in fills if fill.side == trade.side]
    left = [fill for fill in fills if fill.side != trade.side]
    return TradeSummary(
        symbol=Symbol(trade.symbol),
        side=Side(trade.side),
        opened_ms=trade.opened_ms,
        closed_ms=trade.closed_ms,
        quantity=sum((fill.quantity for fill in entered), ZERO),
        price_entry=average_price(entered),
        price_exit=average_price(left),
        net_pnl=sum((fill.net for fill in fills), ZERO) + other,
        naked_ms=trade.naked_ms,
        reason=trade.reason,
        strategy=trade.strategy,
        profile=trade.profile,
    )


def average_price(fills: Iterable[FillRow]) -> Decimal:
    """Of fills, by their quantity; 0 without any."""
    pairs = [(fill.price * fill.quantity, fill.quantity) for fill in fills]
    quantity = sum((each for _, each in pairs), ZERO)
    return sum((paid for paid, _ in pairs), ZERO) / quantity if quantity else ZERO
