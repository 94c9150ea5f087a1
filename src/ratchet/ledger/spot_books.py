"""The books of spot: what the companion has seen and placed. What it is going to send is in them before it is sent."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from ratchet.domain.fill import Fill
from ratchet.domain.identity import CaseId, ClientOrderId, FillId, OrderId
from ratchet.domain.money import ZERO
from ratchet.domain.order import LimitOrder, OrderReport, OrderStatus, Origin, Side
from ratchet.domain.rebound import Case, OwnOrder, SpotFill, SpotRole, Watch, flows_of, profit_of
from ratchet.domain.symbol import Symbol
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_tables import SpotCaseRow, SpotFillRow, SpotOrderRow, SpotWatchRow

REASON_LENGTH_MAX = 400
FINAL = [status.value for status in OrderStatus if status.is_final]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What is known of a symbol from before."""

    watch: Watch | None
    unsold: tuple[SpotFill, ...]  # of a person's BUYs, in no case yet
    cases: tuple[Case, ...]  # that are open
    profit: Decimal  # quote asset, of all its SELLs, before fees


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """A case for people."""

    case: Case
    closed_ms: int | None
    reason: str
    flows: dict[str, Decimal]  # what its executions changed, by asset


class SpotBooks:
    """Each call is done wholly or not at all, and is on the disk when it returns. Raises: LedgerError."""

    def __init__(self, ledger: Ledger, cases_known: int) -> None:
        """Use `SpotBooks.on`."""
        self._ledger = ledger
        self._cases_known = cases_known  # the largest number of a case

    @classmethod
    async def on(cls, ledger: Ledger) -> Self:
        """The books in a ledger."""
        return cls(ledger, await ledger.ask(_cases_known))

    def next_case_id(self) -> CaseId:
        """The number of a case that is about to be opened."""
        self._cases_known += 1
        return CaseId(self._cases_known)

    # What is read, in line with what is written: nothing that was written before is missing --------------------------

    async def remember(self, symbol: Symbol) -> Remembered:
        """All that matters of what was before."""

        def read(session: Session) -> Remembered:
            watch = session.get(SpotWatchRow, symbol)
            unsold = select(SpotFillRow).where(
                SpotFillRow.symbol == symbol,
                SpotFillRow.case_id.is_(None),
                SpotFillRow.side == Side.BUY.value,
                SpotFillRow.origin == Origin.MANUAL.value,
            )
            opened = select(SpotCaseRow).where(SpotCaseRow.symbol == symbol, SpotCaseRow.closed_ms.is_(None))
            return Remembered(
                watch=None if watch is None else _watch(watch),
                unsold=tuple(_fill(row) for row in session.scalars(unsold.order_by(SpotFillRow.fill_id))),
                cases=tuple(_case(session, row) for row in session.scalars(opened.order_by("id"))),
                profit=_profit(session, symbol),
            )

        return await self._ledger.write(read)

    async def backs_since(self, symbol: Symbol, since_ms: int) -> int:
        """How many BUYs back of a symbol were intended since then, but for those that were refused."""
        counted = select(func.count()).where(
            SpotOrderRow.symbol == symbol,
            SpotOrderRow.role == SpotRole.BACK.value,
            SpotOrderRow.intended_ms >= since_ms,
            SpotOrderRow.status != OrderStatus.REJECTED.value,
        )

        def read(session: Session) -> int:
            return session.scalar(counted) or 0

        return await self._ledger.write(read)

    async def backs_open_quote(self) -> Decimal:
        """What all BUYs back that may still be filled can cost together, quote asset."""

        def read(session: Session) -> Decimal:
            waiting = select(SpotOrderRow).where(
                SpotOrderRow.role == SpotRole.BACK.value, SpotOrderRow.status.not_in(FINAL)
            )
            rows = session.scalars(waiting)
            return sum(((row.quantity - row.quantity_filled) * (row.price or ZERO) for row in rows), ZERO)

        return await self._ledger.write(read)

    async def cases(self) -> list[CaseLine]:
        """Every case, oldest first."""

        def read(session: Session) -> list[CaseLine]:
            rows = list(session.scalars(select(SpotCaseRow).order_by(SpotCaseRow.id)))
            return [
                CaseLine(
                    case=_case(session, row),
                    closed_ms=row.closed_ms,
                    reason=row.reason,
                    flows=_flows(session, SpotFillRow.case_id == row.id),
                )
                for row in rows
            ]

        return await self._ledger.ask(lambda session: session.run_sync(read))

    async def executions(self, symbol: Symbol, from_id: int, to_id: int) -> list[Fill]:
        """Those of these numbers, both included, oldest first."""
        wanted = select(SpotFillRow).where(SpotFillRow.symbol == symbol, SpotFillRow.fill_id.between(from_id, to_id))

        def read(session: Session) -> list[Fill]:
            return [_fill(row).fill for row in session.scalars(wanted.order_by(SpotFillRow.fill_id))]

        return await self._ledger.write(read)

    async def flows(self) -> dict[str, Decimal]:
        """What all executions together have changed, by asset."""
        return await self._ledger.ask(lambda session: session.run_sync(_flows))

    # What is written -------------------------------------------------------------------------------------------------

    async def watch(self, symbol: Symbol, watch: Watch, *, at_ms: int) -> None:
        """A symbol is watched from here on."""
        row = SpotWatchRow(
            symbol=symbol,
            start_id=watch.start_id,
            seen_id=watch.seen_id,
            began_ms=at_ms,
            ended_ms=watch.ended_ms,
        )

        def write(session: Session) -> None:
            session.merge(row)

        await self._ledger.write(write)

    async def end_watch(self, symbols: Collection[Symbol], *, at_ms: int) -> None:
        """Watching ends in good order: what comes until the next start is left alone."""
        ended = update(SpotWatchRow).where(SpotWatchRow.symbol.in_(symbols)).values(ended_ms=at_ms)

        def write(session: Session) -> None:
            session.execute(ended)

        await self._ledger.write(write)

    async def record(
        self,
        symbol: Symbol,
        fills: Sequence[SpotFill],
        people: Sequence[OrderReport],
        *,
        at_ms: int,
        seen_id: int | None = None,
    ) -> list[SpotFill]:
        """Executions, each once, and orders of people. Returns those executions that are new.

        Args: seen_id, up to which everything is known now.
        """

        def write(session: Session) -> list[SpotFill]:
            for report in people:
                _note_order(session, report, at_ms)
            new = [each for each in fills if session.get(SpotFillRow, (symbol, int(each.fill.fill_id))) is None]
            session.add_all([_fill_row(each) for each in new])
            if seen_id is not None:
                row = session.get(SpotWatchRow, symbol)
                if row is None:
                    raise LedgerError(f"{symbol} is not watched")
                row.seen_id = max(row.seen_id, seen_id)
            return new

        return await self._ledger.write(write)

    async def open_case(self, case: Case, fills: Collection[FillId]) -> None:
        """Executions are going to be sold together. None of them is in another case."""
        row = SpotCaseRow(
            id=case.case_id,
            symbol=case.symbol,
            buy_order_id=case.buy_order_id,
            quantity=case.quantity,
            quantity_bought=case.quantity_bought,
            quote=case.quote,
            opened_ms=case.opened_ms,
            reason="",
        )

        def write(session: Session) -> None:
            session.add(row)
            session.flush()
            for fill_id in fills:
                found = session.get(SpotFillRow, (case.symbol, int(fill_id)))
                if found is None or found.case_id is not None:
                    raise LedgerError(f"{case.symbol} execution {fill_id} is not there to be sold")
                found.case_id = case.case_id

        await self._ledger.write(write)

    async def intend(self, case: Case, own: OwnOrder) -> None:
        """An order is going to be sent, for the first time or once more. An attempt takes the place of the one before.

        Raises: LedgerError, also for a name that stands for something of another case.
        """

        def write(session: Session) -> None:
            row = session.scalar(select(SpotOrderRow).where(SpotOrderRow.client_order_id == own.name))
            if row is None:
                row = SpotOrderRow(client_order_id=own.name, case_id=case.case_id, origin=Origin.SYSTEM.value)
                session.add(row)
            elif row.case_id != case.case_id:
                raise LedgerError(f"order {own.name} is of case {row.case_id}, not of {case.case_id}")
            row.role, row.sequence = own.role.value, own.sequence
            row.symbol, row.side = own.order.symbol, own.order.side.value
            row.quantity, row.price = own.order.quantity, own.order.price
            row.status, row.order_id, row.reason = own.status.value, own.order_id, ""
            row.quantity_filled, row.price_average = own.quantity_filled, own.price_average
            row.intended_ms = row.updated_ms = own.intended_ms

        await self._ledger.write(write)

    async def mark(self, own: OwnOrder, *, at_ms: int) -> None:
        """What has become of an order of the companion."""

        def write(session: Session) -> None:
            row = session.scalar(select(SpotOrderRow).where(SpotOrderRow.client_order_id == own.name))
            if row is None:
                raise LedgerError(f"order {own.name} is not in the ledger")
            row.status, row.order_id = own.status.value, own.order_id
            row.quantity_filled, row.price_average = own.quantity_filled, own.price_average
            row.reason, row.updated_ms = own.reason[:REASON_LENGTH_MAX], at_ms

        await self._ledger.write(write)

    async def close_case(self, case_id: CaseId, reason: str, *, at_ms: int) -> None:
        """Nothing more is placed for a case."""
        closed = (
            update(SpotCaseRow)
            .where(SpotCaseRow.id == case_id)
            .values(closed_ms=at_ms, reason=reason[:REASON_LENGTH_MAX])
        )

        def write(session: Session) -> None:
            session.execute(closed)

        await self._ledger.write(write)


async def _cases_known(session: AsyncSession) -> int:
    return await session.scalar(select(func.max(SpotCaseRow.id))) or 0


def _flows(session: Session, *which: ColumnElement[bool]) -> dict[str, Decimal]:
    return flows_of(_fill(row).fill for row in session.scalars(select(SpotFillRow).where(*which)))


def _profit(session: Session, symbol: Symbol) -> Decimal:
    sold = (
        select(SpotFillRow.quantity, SpotFillRow.price, SpotCaseRow.quote, SpotCaseRow.quantity_bought)
        .join(SpotCaseRow, SpotFillRow.case_id == SpotCaseRow.id)
        .where(SpotFillRow.symbol == symbol, SpotFillRow.side == Side.SELL.value)
    )
    return sum((profit_of(*row) for row in session.execute(sold)), ZERO)


def _case(session: Session, row: SpotCaseRow) -> Case:
    ordered = select(SpotOrderRow).where(SpotOrderRow.case_id == row.id).order_by(SpotOrderRow.id)
    first = session.scalar(
        select(func.min(SpotFillRow.fill_id)).where(
            SpotFillRow.case_id == row.id, SpotFillRow.origin == Origin.MANUAL.value
        )
    )
    if first is None:
        raise LedgerError(f"case {row.id} has no executions")
    return Case(
        case_id=CaseId(row.id),
        symbol=Symbol(row.symbol),
        buy_order_id=OrderId(row.buy_order_id),
        first_fill_id=FillId(first),
        quantity=row.quantity,
        quantity_bought=row.quantity_bought,
        quote=row.quote,
        opened_ms=row.opened_ms,
        orders=tuple(_own(order) for order in session.scalars(ordered)),
    )


def _own(row: SpotOrderRow) -> OwnOrder:
    order = LimitOrder(
        client_order_id=ClientOrderId(row.client_order_id),
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        quantity=row.quantity,
        price=row.price or ZERO,
    )
    return OwnOrder(
        order=order,
        role=SpotRole(row.role),
        sequence=row.sequence,
        intended_ms=row.intended_ms,
        status=OrderStatus(row.status),
        order_id=None if row.order_id is None else OrderId(row.order_id),
        quantity_filled=row.quantity_filled,
        price_average=row.price_average,
        reason=row.reason,
    )


def _note_order(session: Session, report: OrderReport, at_ms: int) -> None:
    """A person's order: seen first, or seen again."""
    known = select(SpotOrderRow).where(SpotOrderRow.symbol == report.symbol, SpotOrderRow.order_id == report.order_id)
    row = session.scalar(known)
    if row is None:
        row = SpotOrderRow(
            client_order_id=report.client_order_id[:36],
            origin=Origin.MANUAL.value,
            role=SpotRole.MANUAL.value,
            sequence=0,
            symbol=report.symbol,
            side=report.side.value,
            quantity=report.quantity,
            order_id=report.order_id,
            reason="",
            intended_ms=at_ms,
        )
        session.add(row)
    row.status, row.updated_ms = report.status.value, report.updated_ms
    row.quantity_filled, row.price_average = report.quantity_filled, report.price_average
    session.flush()


def _watch(row: SpotWatchRow) -> Watch:
    return Watch(start_id=row.start_id, seen_id=row.seen_id, ended_ms=row.ended_ms)


def _fill(row: SpotFillRow) -> SpotFill:
    fill = Fill(
        fill_id=FillId(row.fill_id),
        order_id=OrderId(row.order_id),
        client_order_id=ClientOrderId(row.client_order_id),
        symbol=Symbol(row.symbol),
        side=Side(row.side),
        price=row.price,
        quantity=row.quantity,
        fee=row.fee,
        fee_asset=row.fee_asset,
        realized_pnl=ZERO,
        is_maker=row.is_maker,
        at_ms=row.at_ms,
    )
    return SpotFill(
        fill=fill,
        origin=Origin(row.origin),
        client_order_id=ClientOrderId(row.client_order_id),
        case_id=None if row.case_id is None else CaseId(row.case_id),
    )


def _fill_row(told: SpotFill) -> SpotFillRow:
    fill = told.fill
    return SpotFillRow(
        symbol=fill.symbol,
        fill_id=fill.fill_id,
        order_id=fill.order_id,
        client_order_id=told.client_order_id[:36],
        case_id=told.case_id,
        origin=told.origin.value,
        side=fill.side.value,
        price=fill.price,
        quantity=fill.quantity,
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        is_maker=fill.is_maker,
        at_ms=fill.at_ms,
    )
