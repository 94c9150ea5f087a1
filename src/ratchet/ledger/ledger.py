"""The ledger: the trader's memory. What is to be sent is in it before it is sent; what came of it, as soon as known."""

import secrets
import string
from collections.abc import Sequence
from decimal import Decimal
from typing import Self

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from ratchet.domain.bracket import Bracket
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, OrderId, TradeId, client_order_id
from ratchet.domain.order import LimitOrder, MarketOrder, OrderStatus, Origin, Role, StopOrder
from ratchet.domain.position import Income
from ratchet.domain.signal import NoSignal, Signal
from ratchet.ledger.database import for_writing, open_database, reason
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.fills import book_fill, book_funding
from ratchet.ledger.orders import mark_order, order_row, sequence_after
from ratchet.ledger.signals import signal_row
from ratchet.ledger.summary import EquityPoint, LedgerSummary, summarise
from ratchet.ledger.tables import Base, EquityRow, FillRow, FundingRow, MetaRow, OrderRow, SignalRow, TradeRow
from ratchet.ledger.writer import Writer

RUN_LENGTH = 4
RUN_ALPHABET = string.ascii_lowercase + string.digits
REASON_LENGTH_MAX = 200


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

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open a database, made and migrated if need be. Raises: LedgerError."""
        engine = await open_database(url)
        try:
            async with AsyncSession(for_writing(engine)) as session, session.begin():
                row = await session.get(MetaRow, "run")
                if row is None:
                    row = MetaRow(key="run", value="".join(secrets.choice(RUN_ALPHABET) for _ in range(RUN_LENGTH)))
                    session.add(row)
                run, known = row.value, int(await session.scalar(select(func.max(TradeRow.id))) or 0)
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
        signal: Signal,
        orders: Sequence[tuple[Role, MarketOrder | LimitOrder | StopOrder]],
        *,
        profile: str,
        at_ms: int,
    ) -> None:
        """A trade begins: its plan and the intent of every order, in one."""
        trade = TradeRow(
            id=trade_id,
            symbol=bracket.symbol,
            side=bracket.side.value,
            quantity=bracket.quantity,
            price_entry=bracket.price_entry,
            price_stop=bracket.price_stop,
            rungs=[{"price": str(rung.price), "quantity": str(rung.quantity)} for rung in bracket.rungs],
            hold_ms_max=bracket.hold_ms_max,
            strategy=signal.strategy,
            profile=profile,
            opened_ms=at_ms,
            reason="",
        )
        rows = [order_row(trade_id, role, order, at_ms, Origin.SYSTEM) for role, order in orders]
        await self._writer.write(lambda session: _add_all(session, [trade, *rows]))

    async def record_naked(self, trade_id: TradeId, naked_ms: float) -> None:
        """How long the trade has stood without a confirmed stop so far, real ms."""

        async def write(session: AsyncSession) -> None:
            (await self._trade(session, trade_id)).naked_ms = naked_ms

        await self._writer.write(write)

    async def close_trade(self, trade_id: TradeId, *, reason: str, at_ms: int) -> None:
        """A trade is over, once. Orders of it that were never sent are cancelled."""

        async def write(session: AsyncSession) -> None:
            trade = await self._trade(session, trade_id)
            if trade.closed_ms is not None:
                return
            trade.closed_ms, trade.reason = at_ms, reason[:REASON_LENGTH_MAX]
            unsent = select(OrderRow).where(
                OrderRow.trade_id == trade_id, OrderRow.status == OrderStatus.INTENDED.value
            )
            for order in await session.scalars(unsent):
                order.status, order.reason, order.updated_ms = OrderStatus.CANCELED.value, "never sent", at_ms

        await self._writer.write(write)

    async def open_trades(self) -> list[TradeRow]:
        """Trades that are not over, oldest first."""
        async with self._sessions() as session:
            rows = await session.scalars(select(TradeRow).where(TradeRow.closed_ms.is_(None)).order_by(TradeRow.id))
            return list(rows)

    # Orders ----------------------------------------------------------------------------------------------------------

    async def next_client_order_id(self, trade_id: TradeId, role: Role) -> ClientOrderId:
        """A name that no order has or will have."""
        key = (trade_id, role)
        if key not in self._sequences:
            names = select(OrderRow.client_order_id).where(OrderRow.trade_id == trade_id, OrderRow.role == role.value)
            async with self._sessions() as session:
                known = list(await session.scalars(names))
            self._sequences.setdefault(key, sequence_after(self.run, trade_id, role, known))
        sequence = self._sequences[key]
        self._sequences[key] = sequence + 1
        return client_order_id(self.run, trade_id, role.value, sequence)

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
        await self._writer.write(lambda session: _add_all(session, rows))

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

        async def write(session: AsyncSession) -> None:
            row = await session.get(OrderRow, name)
            if row is None:
                raise LedgerError(f"order {name} is not in the ledger")
            mark_order(row, status, at_ms=at_ms, order_id=order_id, reason=reason)

        await self._writer.write(write)

    async def client_order_ids(self, trade_id: TradeId) -> dict[OrderId, ClientOrderId]:
        """Our names of the trade's orders by the exchange's numbers, as far as these are known."""
        numbered = select(OrderRow).where(OrderRow.trade_id == trade_id, OrderRow.order_id.is_not(None))
        async with self._sessions() as session:
            rows = await session.scalars(numbered)
            return {OrderId(row.order_id): ClientOrderId(row.client_order_id) for row in rows if row.order_id}

    async def unfinished_orders(self, trade_id: TradeId) -> list[tuple[ClientOrderId, Role]]:
        """Orders that were sent and whose end is not known."""
        async with self._sessions() as session:
            rows = await session.scalars(select(OrderRow).where(OrderRow.trade_id == trade_id))
            return [
                (ClientOrderId(row.client_order_id), Role(row.role))
                for row in rows
                if row.status != OrderStatus.INTENDED.value and not OrderStatus(row.status).is_final
            ]

    async def orders_of(self, trade_id: TradeId) -> list[OrderRow]:
        """A trade's orders in the order of their intent."""
        async with self._sessions() as session:
            ordered = select(OrderRow).where(OrderRow.trade_id == trade_id).order_by(OrderRow.intended_ms)
            return list(await session.scalars(ordered))

    # Money -----------------------------------------------------------------------------------------------------------

    async def record_fill(self, fill: Fill) -> bool:
        """Book an execution, once. False when it was booked already.

        Raises: UnknownFill when no order of the ledger matches by client id or by the exchange's number.
        """

        return await self._writer.write(lambda session: book_fill(session, fill))

    async def record_funding(self, income: Income, trade_id: TradeId | None) -> bool:
        """Book a funding payment, once. False when it was booked already."""

        return await self._writer.write(lambda session: book_funding(session, income, trade_id))

    async def record_equity(self, at_ms: int, equity: Decimal, wallet: Decimal) -> None:
        """The account at an instant."""
        rows = [EquityRow(at_ms=at_ms, equity=equity, wallet=wallet)]
        await self._writer.write(lambda session: _add_all(session, rows))

    # Decisions -------------------------------------------------------------------------------------------------------

    async def record_signals(self, decisions: Sequence[tuple[Signal | NoSignal, str]]) -> None:
        """What strategies said, `Signal` or `NoSignal`, each with what became of it."""
        rows = [signal_row(said, outcome) for said, outcome in decisions]
        await self._writer.write(lambda session: _add_all(session, rows))

    async def summary(self, since_ms: int) -> LedgerSummary:
        """Sums of everything from an instant on."""
        async with self._sessions() as session:
            trades = await session.scalars(select(TradeRow).where(TradeRow.opened_ms >= since_ms).order_by(TradeRow.id))
            fills = await session.scalars(select(FillRow).where(FillRow.at_ms >= since_ms))
            funding = await session.scalars(select(FundingRow).where(FundingRow.at_ms >= since_ms))
            signals = await session.scalar(
                select(func.count()).where(SignalRow.side.is_not(None), SignalRow.candle_close_ms >= since_ms)
            )
            equity = await session.scalars(select(EquityRow).where(EquityRow.at_ms >= since_ms).order_by(EquityRow.id))
            points = [EquityPoint(row.at_ms, row.equity) for row in equity]
            return summarise(trades.all(), fills.all(), funding.all(), signals=int(signals or 0), equity=points)

    # -----------------------------------------------------------------------------------------------------------------

    @staticmethod
    async def _trade(session: AsyncSession, trade_id: TradeId) -> TradeRow:
        row = await session.get(TradeRow, trade_id)
        if row is None:
            raise LedgerError(f"trade {trade_id} is not in the ledger")
        return row


async def _add_all(session: AsyncSession, rows: Sequence[Base]) -> None:
    session.add_all(rows)
