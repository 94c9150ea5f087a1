"""The audit: the ledger against the exchange's own books. What it lacks is booked, what cannot be had is a gap, and
what remains is shown. Nothing is ever deleted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import structlog

from ratchet.domain.fill import Fill
from ratchet.domain.identity import TradeId
from ratchet.domain.money import QUOTE, ZERO, plain
from ratchet.domain.position import Income, IncomeKind
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.history import REACH_MS
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.tables import GapRow
from ratchet.trading.books.attribution import Attribution
from ratchet.trading.books.comparison import Comparison, Disagreement, Line, compare

BORDER_MS = 5_000  # by which the times of one thing may differ between the exchange's books
SETTLING_MS = 60_000  # until all of the exchange's books have what happened
NOT_TO_BE_HAD = "its execution cannot be had"
CAME_TO_LIGHT = "its execution has come to light"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """An entry that the ledger lacked, and has now."""

    what: str
    symbol: str  # "": of no market
    trade_id: TradeId | None
    asset: str
    amount: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """What is booked as lacking."""

    symbol: str
    trade_id: int | None
    quantity: Decimal  # base asset, signed
    asset: str
    amount: Decimal
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What an audit came to. Times are the exchange's."""

    since_ms: int
    until_ms: int
    unreachable_ms: int | None  # what was asked for from here to `since_ms` is no longer in the exchange's histories
    compared: int
    mended: tuple[Mended, ...]
    gaps: tuple[Gap, ...]  # all that are booked in this time, and now
    lines: tuple[Line, ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def remainder(self) -> dict[str, Decimal]:
        """By symbol, USDC, what the exchange has more than the ledger; only what is not 0."""
        return {line.symbol: line.remainder for line in self.lines if line.asset == QUOTE and line.remainder}

    @property
    def is_clean(self) -> bool:
        """Whether nothing is left to explain, in any asset."""
        return not self.disagreements

    @property
    def doubts(self) -> str:
        """What remains, in one line; empty when nothing does."""
        lines = [line for line in self.lines if line.remainder]
        left = [f"{plain(line.remainder)} {line.asset} of {line.symbol or 'no market'}" for line in lines]
        return ", ".join(left) or ", ".join(f"{each.what} of {each.symbol}" for each in self.disagreements)


class Auditor:
    """Asks in the ordinary lane only: what protects does not wait for it."""

    def __init__(self, client: BinanceClient, ledger: Ledger, attribution: Attribution) -> None:
        self._client = client
        self._ledger = ledger
        self._attribution = attribution

    async def audit(self, since_ms: int, until_ms: int, *, mends: bool = True) -> AuditReport:
        """Compare what happened between two instants of exchange time, both included; book what the ledger lacks.

        Args: mends, whether anything is booked at all.
        Raises: ExchangeError, LedgerError: what was booked by then stays.
        """
        reach_ms = await self._client.fetch_time_ms() - REACH_MS
        beyond = await self._book_unreachable(reach_ms) if mends else []
        from_ms = max(since_ms, reach_ms)
        income = await self._client.fetch_income(since_ms=from_ms - BORDER_MS, until_ms=until_ms + BORDER_MS)
        fills = await self._fills(from_ms, until_ms, income)
        first = await self._compare(fills, income, from_ms, until_ms)
        mended = await self._mend(first) if mends else []
        result = await self._compare(fills, income, from_ms, until_ms) if mended else first
        booked = (await self._ledger.books(from_ms, until_ms)).gaps
        report = AuditReport(
            since_ms=from_ms,
            until_ms=until_ms,
            unreachable_ms=since_ms if since_ms < from_ms else None,
            compared=result.compared,
            mended=tuple(mended),
            gaps=tuple(_gap(row) for row in (*(each for each in beyond if each.at_ms < from_ms), *booked)),
            lines=result.lines,
            disagreements=result.disagreements,
        )
        if mends and report.is_clean:
            await self._note_audited(from_ms, until_ms)
        return report

    async def _fills(self, since_ms: int, until_ms: int, income: Sequence[Income]) -> list[Fill]:
        """Of every symbol that either side knows anything of."""
        books = await self._ledger.books(since_ms, until_ms)
        symbols = {row.symbol for row in income if row.symbol is not None}
        symbols |= {Symbol(row.symbol) for row in books.fills}
        symbols |= {Symbol(row.symbol) for row in await self._ledger.trades_between(since_ms, until_ms)}
        fills: list[Fill] = []
        for symbol in sorted(symbols):
            fills += await self._client.fetch_fills(symbol, since_ms=since_ms - BORDER_MS)
        return fills

    async def _compare(
        self, fills: Sequence[Fill], income: Sequence[Income], since_ms: int, until_ms: int
    ) -> Comparison:
        books = await self._ledger.books(since_ms - BORDER_MS, until_ms + BORDER_MS)
        return compare(fills, income, books, since_ms, until_ms)

    # What is mended ---------------------------------------------------------------------------------------------

    async def _mend(self, found: Comparison) -> list[Mended]:
        mended = [done for fill in found.fills_missing if (done := await self._mend_fill(fill)) is not None]
        mended += [await self._mend_income(row) for row in found.income_missing]
        mended += [await self._mend_gap(row, NOT_TO_BE_HAD) for row in found.income_orphaned]
        taken_back = [replace(row, amount=-row.amount) for row in found.gaps_filled]
        mended += [await self._mend_gap(row, CAME_TO_LIGHT) for row in taken_back]
        for symbol, trade_id in sorted({(each.symbol, each.trade_id or 0) for each in mended}):
            entries = sum((each.symbol, each.trade_id or 0) == (symbol, trade_id) for each in mended)
            log.warning("ledger_mended", symbol=symbol, trade_id=trade_id or None, entries=entries)
        return mended

    async def _mend_fill(self, fill: Fill) -> Mended | None:
        trade_id = await self._attribution.book(fill)
        if trade_id is None:
            return None
        return Mended(
            what=f"execution {fill.fill_id}",
            symbol=fill.symbol,
            trade_id=trade_id,
            asset=QUOTE,
            amount=fill.realized_pnl - (fill.fee if fill.fee_asset == QUOTE else ZERO),
            at_ms=fill.at_ms,
        )

    async def _mend_income(self, row: Income) -> Mended:
        trade_id = await self._trade_at(row)
        if row.kind is IncomeKind.FUNDING_FEE:
            await self._ledger.record_funding(row, trade_id)
        else:
            await self._ledger.record_charge(row, trade_id)
        return _mended(row, trade_id)

    async def _mend_gap(self, row: Income, reason: str) -> Mended:
        trade_id = await self._trade_at(row)
        number = "" if row.fill_id is None else f" {row.fill_id}"
        await self._ledger.record_income_gap(row, trade_id, f"{row.name} of execution{number}: {reason}")
        return replace(_mended(row, trade_id), what=f"gap: {row.name} of execution{number}")

    async def _trade_at(self, row: Income) -> TradeId | None:
        return None if row.symbol is None else await self._ledger.trade_at(row.symbol, row.at_ms)

    # How far it has come ----------------------------------------------------------------------------------------

    async def _book_unreachable(self, reach_ms: int) -> list[GapRow]:
        """What the exchange tells no more, and no audit has seen, is a gap of every trade of that time."""
        audited_ms = await self._ledger.audited_ms()
        if audited_ms is None or audited_ms >= reach_ms:
            return []
        trades = await self._ledger.trades_between(audited_ms, reach_ms)
        reason = f"not to be compared any more: {_day(audited_ms)} to {_day(reach_ms)}, beyond the exchange's histories"
        log.error("books_not_comparable", since_ms=audited_ms, until_ms=reach_ms, trades=[row.id for row in trades])
        whose: list[tuple[int | None, str | None]] = [(row.id, row.symbol) for row in trades]
        rows = [
            GapRow(
                trade_id=trade_id,
                symbol=symbol,
                quantity=ZERO,
                price=ZERO,
                reason=reason,
                asset=QUOTE,
                amount=ZERO,
                at_ms=reach_ms,
            )
            for trade_id, symbol in whose or [(None, None)]
        ]
        await self._ledger.record_audit(reach_ms, rows)
        return rows

    async def _note_audited(self, since_ms: int, until_ms: int) -> None:
        """Only a time that joins what was audited before takes the mark further."""
        audited_ms = await self._ledger.audited_ms()
        if audited_ms is None or since_ms <= audited_ms:
            await self._ledger.record_audit(until_ms)


def _mended(row: Income, trade_id: TradeId | None) -> Mended:
    return Mended(
        what=f"{row.name} {row.income_id}",
        symbol=row.symbol or "",
        trade_id=trade_id,
        asset=row.asset,
        amount=row.amount,
        at_ms=row.at_ms,
    )


def _gap(row: GapRow) -> Gap:
    return Gap(
        symbol=row.symbol or "",
        trade_id=row.trade_id,
        quantity=row.quantity,
        asset=row.asset,
        amount=row.amount,
        reason=row.reason,
        at_ms=row.at_ms,
    )


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, tz=UTC).strftime("%Y-%m-%d")
