"""The ledger: the trader's memory. What is to be sent is in it before it is sent; what came of it, as soon as known."""

import secrets
import string
from collections.abc import Awaitable, Callable, Collection, Sequence
from decimal import Decimal
from typing import Self, TypeVar

from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Session

import ratchet.ledger.spot_tables  # noqa: F401 - they belong to the database, though the books of spot use them
from ratchet.domain.bracket import Bracket
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId, TradeId, client_order_id, life_of
from ratchet.domain.money import ZERO
from ratchet.domain.order import LimitOrder, MarketOrder, OrderStatus, Origin, Role, StopOrder
from ratchet.domain.outcome import Outcome
from ratchet.domain.position import Income
from ratchet.domain.symbol import Symbol
from ratchet.ledger.aggregates import DAY_MS, HOUR_MS, PeriodResult, results_by
from ratchet.ledger.books import Books, audited_ms, books_between, note_audited, trade_at, trades_between
from ratchet.ledger.database import for_writing, open_database, reason
from ratchet.ledger.errors import LedgerError, LedgerUnavailable
from ratchet.ledger.fills import book_charge, book_fill, book_funding
from ratchet.ledger.funnel import (
    DecisionLine,
    StageCounts,
    decisions_on,
    latest_decisions,
    newest_ms,
    stage_counts,
)
from ratchet.ledger.notices import NoticeLine, add_notices, count_notices, notices_since
from ratchet.ledger.operator_events import (
    Deed,
    OperatorEvent,
    Standing,
    events_since,
    operator_event_row,
    standing,
)
from ratchet.ledger.orders import mark_order, order_row
from ratchet.ledger.places import Place, last_places, place_row, places_of
from ratchet.ledger.recent import last_signals, prices_of_orders
from ratchet.ledger.risk_history import RiskHistory, risk_history
from ratchet.ledger.signals import Said, Scan, forget_decisions, scan_row, scans_since, signal_row
from ratchet.ledger.summary import EquityPoint, LedgerSummary, summarise
from ratchet.ledger.tables import (
    ChargeRow,
    EquityRow,
    FillRow,
    FundingRow,
    GapRow,
    MetaRow,
    OrderRow,
    SignalRow,
    TradeRow,
)
from ratchet.ledger.trades import close_trade, note_naked, reopen_trade
from ratchet.ledger.writer import Writer
from ratchet.ledger.writing import Writing

RUN_LENGTH = 4
RUN_ALPHABET = string.ascii_lowercase + string.digits
REASON_LENGTH_MAX = 200
_EQUITY = insert(EquityRow.metadata.tables[EquityRow.__tablename__])

Answer = TypeVar("Answer")


class Ledger:
    """Each call is done wholly or not at all, and is on the disk when it returns."""

    def __init__(self, engine: AsyncEngine, run: str, trades_known: int) -> None:
        """Use `Ledger.open`."""
        self._trades_known = trades_known  # the largest number of a trade
        self.run = run  # a short token of this database, part of every client order id
        self._engine = engine
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self._writer = Writer(engine)
        self._sequences: dict[tuple[TradeId, Role], int] = {}
        self._lives: dict[TradeId, str] = {}  # of trades that an earlier process began

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open a database, made and migrated if need be. Raises: LedgerError."""
        return await cls.on(await open_database(url))

    @classmethod
    async def on(cls, engine: AsyncEngine) -> Self:
        """The ledger in a database that has its tables. Raises: LedgerError."""
        try:
            async with AsyncSession(engine) as session:
                row = await session.get(MetaRow, "run")
                known = int(await session.scalar(select(func.max(TradeRow.id))) or 0)
            # Written once, when it is new: one that is locked or full just now can be begun with all the same.
            run = await _name_run(engine) if row is None else row.value
        except DBAPIError as error:
            await engine.dispose()
            raise LedgerError(f"{engine.url.database}: {reason(error)}") from None
        return cls(engine, run, known)

    async def close(self) -> None:
        """Close. What was acknowledged is on the disk already."""
        try:
            await self._writer.close()
        finally:
            await self._engine.dispose()

    async def ask(self, question: Callable[[AsyncSession], Awaitable[Answer]]) -> Answer:
        """The answer to a question that has a module of its own."""
        async with self._sessions() as session:
            return await question(session)

    async def write(self, work: Callable[[Session], Answer]) -> Answer:
        """Have rows written, or read in line with what is written; returns once it is on the disk.

        Raises: LedgerError.
        """
        return await self._writer.write(lambda writing: writing.with_rows(work))

    # Trades ----------------------------------------------------------------------------------------------------------

    def next_trade_id(self) -> TradeId:
        """The number of a trade that is about to be recorded. None of its orders has a name yet."""
        trade_id = TradeId(self._trades_known + 1)
        self._trades_known = trade_id
        for role in Role:
            self._sequences[trade_id, role] = 0
        return trade_id

    async def record_trade(
        self,
        trade_id: TradeId,
        bracket: Bracket,
        strategy: str,
        orders: Sequence[tuple[Role, MarketOrder | LimitOrder | StopOrder]],
        *,
        profile: str,
        at_ms: int,
        leverage: int | None = None,
    ) -> None:
        """A trade begins: its plan and the intent of every order, in one. `leverage` none: not known."""
        trade = TradeRow(
            id=trade_id,
            symbol=bracket.symbol,
            side=bracket.side.value,
            quantity=bracket.quantity,
            price_entry=bracket.price_entry,
            price_stop=bracket.price_stop,
            rungs=[{"price": str(rung.price), "quantity": str(rung.quantity)} for rung in bracket.rungs],
            hold_ms_max=bracket.hold_ms_max or 0,
            strategy=strategy,
            profile=profile,
            opened_ms=at_ms,
            reason="",
            leverage=leverage,
        )
        rows = [order_row(trade_id, role, order, at_ms, Origin.SYSTEM) for role, order in orders]
        await self._writer.write(lambda writing: writing.add([trade, *rows]))

    async def record_naked(self, trade_id: TradeId, naked_ms: float) -> None:
        """How long the trade has stood without a confirmed stop so far, real ms."""
        await self._writer.write(lambda writing: note_naked(writing.connection, trade_id, naked_ms))

    async def close_trade(self, trade_id: TradeId, *, reason: str, at_ms: int) -> None:
        """A trade is over, once. Orders of it that were never sent are cancelled."""
        await self._writer.write(lambda writing: close_trade(writing.connection, trade_id, reason, at_ms))

    async def open_trades(self) -> list[TradeRow]:
        """Trades that are not over, oldest first."""
        async with self._sessions() as session:
            rows = await session.scalars(select(TradeRow).where(TradeRow.closed_ms.is_(None)).order_by(TradeRow.id))
            return list(rows)

    # Orders ----------------------------------------------------------------------------------------------------------

    def name_order(self, trade_id: TradeId, role: Role) -> ClientOrderId:
        """A name that no order of the trade has. Raises: LedgerError for a trade of before that was not recalled."""
        sequence = self._sequences.get((trade_id, role))
        if sequence is None:
            raise LedgerError(f"the names of trade {trade_id} were not recalled")
        self._sequences[trade_id, role] = sequence + 1
        return client_order_id(self.run, trade_id, role.value, sequence, self._lives.get(trade_id, ""))

    def recall(self, trade_id: TradeId, at_ms: int) -> None:
        """Make ready to name further orders of a trade of before, or of none (0). Asks the database nothing."""
        if (trade_id, Role.STOP) in self._sequences:
            return
        self._lives[trade_id] = life_of(at_ms)
        for role in Role:
            self._sequences[trade_id, role] = 0

    async def record_intents(
        self,
        trade_id: TradeId | None,
        orders: Sequence[tuple[Role, MarketOrder | LimitOrder | StopOrder]],
        *,
        at_ms: int,
        origin: Origin = Origin.SYSTEM,
    ) -> None:
        """What is going to be sent. All of them or none; on the disk before this returns."""
        rows = [order_row(trade_id, role, order, at_ms, origin) for role, order in orders]
        await self._writer.write(lambda writing: writing.add(rows))

    async def mark(
        self,
        name: ClientOrderId,
        status: OrderStatus,
        *,
        at_ms: int,
        order_id: OrderId | None = None,
        reason: str = "",
    ) -> None:
        """What has become of an order. News that come late do not take back what is known. Raises: LedgerError."""

        def write(writing: Writing) -> None:
            mark_order(writing.connection, name, status, at_ms=at_ms, order_id=order_id, reason=reason)

        await self._writer.write(write)

    async def trade_of_order(self, symbol: Symbol, order_id: OrderId) -> TradeId | None:
        """The trade that an order of the exchange's number belongs to, as far as the ledger knows."""
        numbered = select(OrderRow.trade_id).where(OrderRow.symbol == symbol, OrderRow.order_id == order_id)
        async with self._sessions() as session:
            found = await session.scalar(numbered)
            return None if found is None else TradeId(found)

    async def orders_of(self, trade_id: TradeId) -> list[OrderRow]:
        """A trade's orders in the order of their intent."""
        async with self._sessions() as session:
            ordered = select(OrderRow).where(OrderRow.trade_id == trade_id).order_by(OrderRow.intended_ms)
            return list(await session.scalars(ordered))

    async def trade(self, trade_id: TradeId) -> TradeRow | None:
        """A trade."""
        async with self._sessions() as session:
            return await session.get(TradeRow, trade_id)

    async def fills_of(self, trade_id: TradeId) -> list[FillRow]:
        """A trade's executions, oldest first."""
        async with self._sessions() as session:
            ordered = select(FillRow).where(FillRow.trade_id == trade_id).order_by(FillRow.at_ms, FillRow.fill_id)
            return list(await session.scalars(ordered))

    async def reopen_trade(self, trade_id: TradeId) -> None:
        """A trade that was taken to be over is not: an execution of it has come to light."""
        await self._writer.write(lambda writing: reopen_trade(writing.connection, trade_id))

    # Money -----------------------------------------------------------------------------------------------------------

    async def record_fill(self, fill: Fill, trade_id: TradeId | None = None) -> bool:
        """Book an execution, once, to a trade or to that of its order. False when it was booked already.

        Raises: UnknownFill when no trade is given and no order of the ledger matches by client id or number.
        """
        return await self._writer.write(lambda writing: book_fill(writing, fill, trade_id))

    async def unknown_fills(self, fills: Sequence[tuple[Symbol, FillId]]) -> list[tuple[Symbol, FillId]]:
        """Which of these executions are not booked."""
        async with self._sessions() as session:
            return [each for each in fills if await session.get(FillRow, each) is None]

    async def record_gap(
        self, trade_id: TradeId, symbol: Symbol, quantity: Decimal, price: Decimal, reason: str, *, at_ms: int
    ) -> None:
        """Book a change of a position, signed, of which no execution can be found any more."""
        row = GapRow(
            trade_id=trade_id,
            symbol=symbol,
            quantity=quantity,
            price=price,
            reason=reason[:REASON_LENGTH_MAX],
            at_ms=at_ms,
        )
        await self._writer.write(lambda writing: writing.add([row]))

    async def gaps_of(self, trade_id: TradeId) -> list[GapRow]:
        """A trade's gaps, oldest first."""
        async with self._sessions() as session:
            return list(await session.scalars(select(GapRow).where(GapRow.trade_id == trade_id).order_by(GapRow.id)))

    async def record_funding(self, income: Income, trade_id: TradeId | None) -> bool:
        """Book a funding payment, once. False when it was booked already."""

        return await self.write(lambda session: book_funding(session, income, trade_id))

    async def record_charge(self, income: Income, trade_id: TradeId | None) -> bool:
        """Book income that neither a fill nor funding explains, once. False when it was booked already."""
        return await self.write(lambda session: book_charge(session, income, trade_id))

    async def record_equity(self, at_ms: int, equity: Decimal, wallet: Decimal) -> None:
        """The account at an instant."""
        row = {"at_ms": at_ms, "equity": equity, "wallet": wallet}
        await self._writer.write(lambda writing: writing.connection.execute(_EQUITY, row))

    # Decisions -------------------------------------------------------------------------------------------------------

    async def record_signals(self, decisions: Sequence[tuple[Said, Outcome]]) -> None:
        """What strategies said, or that none was asked, each with what became of it."""
        rows = [signal_row(said, outcome) for said, outcome in decisions]
        await self._writer.write(lambda writing: writing.add(rows))

    async def record_places(self, places: Collection[Place]) -> None:
        """Places in the universe that have changed."""
        rows = [place_row(place) for place in places]
        await self._writer.write(lambda writing: writing.add(rows))

    async def last_places(self) -> dict[Symbol, Place]:
        """The newest place of every symbol that ever had one. Raises: LedgerUnavailable."""
        try:
            async with self._sessions() as session:
                return await last_places(session)
        except DBAPIError as error:
            raise LedgerUnavailable(f"the ledger cannot be read: {reason(error)}") from None

    async def record_scan(self, scan: Scan) -> None:
        """What became of the symbols at a candle's close. Told again, the later word holds."""
        await self.write(lambda session: session.merge(scan_row(scan)))

    async def forget_decisions(self, before_ms: int, most: int) -> int:
        """Delete the oldest decisions of before an instant, at most so many, but for those that led to trades.
        Returns how many were deleted."""
        return await self.write(lambda session: forget_decisions(session, before_ms, most))

    async def decisions_on(self, symbol: Symbol, most: int) -> list[DecisionLine]:
        """The newest decisions on a symbol, newest first."""
        async with self._sessions() as session:
            return await decisions_on(session, symbol, most)

    async def latest_decisions(self, since_ms: int) -> list[DecisionLine]:
        """Of each symbol the decision on its newest candle since an instant, by symbol."""
        async with self._sessions() as session:
            return await latest_decisions(session, since_ms)

    async def stage_counts(self, since_ms: int, until_ms: int, symbol: Symbol | None = None) -> StageCounts:
        """Where the decisions between two instants, both included, ended; of one symbol or of all."""
        async with self._sessions() as session:
            return await stage_counts(session, since_ms, until_ms, symbol)

    async def places_of(self, symbol: Symbol) -> list[Place]:
        """A symbol's places in the universe, oldest first."""
        async with self._sessions() as session:
            return await places_of(session, symbol)

    async def scans_since(self, since_ms: int) -> list[Scan]:
        """What became of the symbols at every candle's close from an instant on, oldest first."""
        async with self._sessions() as session:
            return await scans_since(session, since_ms)

    async def newest_ms(self) -> int | None:
        """The newest instant that it tells of; None when it is empty."""
        async with self._sessions() as session:
            return await newest_ms(session)

    async def summary(self, since_ms: int) -> LedgerSummary:
        """Sums of everything from an instant on."""
        async with self._sessions() as session:
            trades = await session.scalars(select(TradeRow).where(TradeRow.opened_ms >= since_ms).order_by(TradeRow.id))
            fills = await session.scalars(select(FillRow).where(FillRow.at_ms >= since_ms))
            funding = await session.scalars(select(FundingRow).where(FundingRow.at_ms >= since_ms))
            signals = await session.scalar(
                select(func.count()).where(SignalRow.side.is_not(None), SignalRow.candle_close_ms >= since_ms)
            )
            charges = await session.scalars(select(ChargeRow).where(ChargeRow.at_ms >= since_ms))
            gaps = await session.scalars(select(GapRow).where(GapRow.at_ms >= since_ms))
            # Columns, not rows: there is one a minute, and an object for each would take most of the time.
            instants = select(EquityRow.at_ms, EquityRow.equity).where(EquityRow.at_ms >= since_ms)
            equity = await session.execute(instants.order_by(EquityRow.id))
            points = [EquityPoint(at_ms, value) for at_ms, value in equity]
            return summarise(
                trades.all(),
                fills.all(),
                funding.all(),
                charges.all(),
                gaps.all(),
                signals=int(signals or 0),
                equity=points,
            )

    # Looking in ------------------------------------------------------------------------------------------------------

    async def last_signals(self, limit: int) -> list[SignalRow]:
        """The newest decisions that wanted a trade, newest first."""
        async with self._sessions() as session:
            return await last_signals(session, limit)

    async def prices_of_orders(
        self, names: Collection[ClientOrderId]
    ) -> dict[ClientOrderId, tuple[str, Decimal | None]]:
        """Role and price of those orders that are known: of a limit order, or the trigger of a stop."""
        async with self._sessions() as session:
            return await prices_of_orders(session, names)

    # Operators -------------------------------------------------------------------------------------------------------

    async def record_operator_event(self, event: OperatorEvent) -> None:
        """What an operator did."""
        await self._writer.write(lambda writing: writing.add([operator_event_row(event)]))

    async def operator_events(
        self, since_ms: int, *, deeds: Sequence[Deed] = (), limit: int | None = None
    ) -> list[OperatorEvent]:
        """Deeds from an instant on, oldest first; of these kinds (none: of all), and no more than the last `limit`."""
        async with self._sessions() as session:
            return await events_since(session, since_ms, deeds, limit)

    async def standing(self) -> Standing:
        """Whether entries are paused, and whether there is an emergency, by what operators did.

        Raises: LedgerUnavailable.
        """
        try:
            async with self._sessions() as session:
                return await standing(session)
        except DBAPIError as error:
            raise LedgerUnavailable(f"the ledger cannot be read: {reason(error)}") from None

    async def results_by_hour(self, since_ms: int, until_ms: int) -> list[PeriodResult]:
        """What every hour, UTC, that two instants touch came to; only what lies between them is counted."""
        async with self._sessions() as session:
            return await results_by(session, HOUR_MS, since_ms, until_ms)

    async def results_by_day(self, since_ms: int, until_ms: int) -> list[PeriodResult]:
        """What every day, UTC, that two instants touch came to; only what lies between them is counted."""
        async with self._sessions() as session:
            return await results_by(session, DAY_MS, since_ms, until_ms)

    async def risk_history(self, trades_max: int) -> RiskHistory:
        """What limits ask about: the last trades that are over, the equity of the last day, the last resume.

        Raises: LedgerUnavailable.
        """
        try:
            async with self._sessions() as session:
                return await risk_history(session, trades_max)
        except DBAPIError as error:
            raise LedgerUnavailable(f"the ledger cannot be read: {reason(error)}") from None

    # Notices ---------------------------------------------------------------------------------------------------------

    async def record_notices(self, notices: Sequence[NoticeLine], *, forget_before_ms: int) -> None:
        """Write down what operators were told, and forget what they were told before an instant."""
        await self.write(lambda session: add_notices(session, notices, forget_before_ms))

    async def notices_since(self, since_ms: int, most: int, kind: str | None = None) -> list[NoticeLine]:
        """The newest notices from an instant on, at most so many, of one kind or of all; oldest first."""
        async with self._sessions() as session:
            return await notices_since(session, since_ms, most, kind)

    async def count_notices(self, kind: str, since_ms: int, until_ms: int) -> int:
        """How many notices of a kind there were between two instants, both included."""
        async with self._sessions() as session:
            return await count_notices(session, kind, since_ms, until_ms)

    # Audits ----------------------------------------------------------------------------------------------------------

    async def books(self, since_ms: int, until_ms: int) -> Books:
        """All that is booked between two instants, both included."""
        async with self._sessions() as session:
            return await books_between(session, since_ms, until_ms)

    async def trades_between(self, since_ms: int, until_ms: int) -> Sequence[TradeRow]:
        """Trades that were open at any instant between."""
        async with self._sessions() as session:
            return await trades_between(session, since_ms, until_ms)

    async def trade_at(self, symbol: Symbol, at_ms: int) -> TradeId | None:
        """The trade that had a symbol at an instant."""
        async with self._sessions() as session:
            row = await trade_at(session, symbol, at_ms)
            return None if row is None else TradeId(row.id)

    async def audited_ms(self) -> int | None:
        """Up to when the books are known to agree with the exchange's; before any audit, when the first trade began."""
        async with self._sessions() as session:
            return await audited_ms(session)

    async def record_audit(self, until_ms: int, gaps: Sequence[GapRow] = ()) -> None:
        """The books agree up to an instant, but for these gaps."""

        def write(session: Session) -> None:
            session.add_all(gaps)
            note_audited(session, until_ms)

        await self.write(write)

    async def record_income_gap(self, income: Income, trade_id: TradeId | None, reason: str) -> None:
        """Book a row of income whose execution cannot be had; with the amount turned round, take that back."""
        row = GapRow(
            trade_id=trade_id,
            symbol=income.symbol,
            quantity=ZERO,
            price=ZERO,
            reason=reason[:REASON_LENGTH_MAX],
            income_name=income.name,
            income_id=income.income_id,
            asset=income.asset,
            amount=income.amount,
            at_ms=income.at_ms,
        )
        await self._writer.write(lambda writing: writing.add([row]))


async def _name_run(engine: AsyncEngine) -> str:
    async with AsyncSession(for_writing(engine)) as session, session.begin():
        row = await session.get(MetaRow, "run")  # another process may have been faster
        if row is None:
            row = MetaRow(key="run", value="".join(secrets.choice(RUN_ALPHABET) for _ in range(RUN_LENGTH)))
            session.add(row)
        return row.value
