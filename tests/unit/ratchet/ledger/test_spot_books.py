"""The books of spot: an execution is sold in one case, and what was is found again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ratchet.domain.fill import Fill
from ratchet.domain.identity import OrderId
from ratchet.domain.order import OrderStatus, Origin, Side
from ratchet.domain.rebound import Case, SpotFill, SpotRole, Watch
from ratchet.domain.symbol import Symbol
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.spot_books import SpotBooks
from ratchet.ledger.spot_tables import SpotOrderRow
from tests.unit.ratchet.ledger.test_ledger import url_of
from tests.unit.ratchet.rebound.bought import NOW_MS, TRUMP, a_case, a_fill, a_report, an_order

HERE = Watch(start_id=10, seen_id=10)


def told(fill: Fill, origin: Origin = Origin.MANUAL) -> SpotFill:
    assert fill.client_order_id is not None
    return SpotFill(fill=fill, origin=origin, client_order_id=fill.client_order_id)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(url_of(tmp_path / "ledger.db"))
    yield it
    await it.close()


@pytest.fixture
async def books(ledger: Ledger) -> SpotBooks:
    it = await SpotBooks.on(ledger)
    await it.watch(TRUMP, HERE, at_ms=NOW_MS)
    return it


async def a_kept_case(books: SpotBooks, *fills: Fill) -> Case:
    bought = fills or (a_fill(11, "10", "8"),)
    await books.record(TRUMP, [told(fill) for fill in bought], [], at_ms=NOW_MS)
    case = replace(a_case(*bought), case_id=books.next_case_id())
    await books.open_case(case, [fill.fill_id for fill in bought])
    return case


async def test_an_execution_is_booked_once_however_often_it_is_told(books: SpotBooks) -> None:
    fills = [told(a_fill(11, "1", "8")), told(a_fill(12, "2", "8"))]
    assert await books.record(TRUMP, fills[:1], [], at_ms=NOW_MS) == fills[:1]
    assert await books.record(TRUMP, fills, [], at_ms=NOW_MS, seen_id=12) == fills[1:]
    assert await books.record(TRUMP, fills, [], at_ms=NOW_MS, seen_id=11) == []
    remembered = await books.remember(TRUMP)
    assert [each.fill.fill_id for each in remembered.unsold] == [11, 12]
    assert remembered.watch == Watch(start_id=10, seen_id=12)


async def test_no_execution_is_sold_in_two_cases(books: SpotBooks) -> None:
    case = await a_kept_case(books)
    again = replace(case, case_id=books.next_case_id())
    with pytest.raises(LedgerError, match="execution 11 is not there to be sold"):
        await books.open_case(again, [a_fill(11, "10", "8").fill_id])
    assert [each.case_id for each in (await books.remember(TRUMP)).cases] == [case.case_id]
    assert (await books.remember(TRUMP)).unsold == ()


async def test_a_case_is_found_again_with_what_was_intended(ledger: Ledger, books: SpotBooks) -> None:
    case = await a_kept_case(books)
    own = replace(an_order(OrderStatus.INTENDED))
    await books.intend(case, own)
    later = await SpotBooks.on(ledger)
    assert (await later.remember(TRUMP)).cases == (replace(case, orders=(own,)),)
    sold = replace(an_order(OrderStatus.FILLED), order_id=OrderId(99))
    await later.mark(sold, at_ms=NOW_MS + 1)
    assert (await later.remember(TRUMP)).cases[0].orders == (sold,)
    assert later.next_case_id() == case.case_id + 1
    await later.close_case(case.case_id, "sold", at_ms=NOW_MS + 2)
    assert (await later.remember(TRUMP)).cases == ()
    assert [(line.reason, line.closed_ms) for line in await later.cases()] == [("sold", NOW_MS + 2)]


async def test_an_end_in_good_order_is_known_from_one_that_was_not(books: SpotBooks) -> None:
    watch = (await books.remember(TRUMP)).watch
    assert watch is not None
    assert watch.ended_ms is None
    await books.end_watch([TRUMP], at_ms=NOW_MS + 5)
    watch = (await books.remember(TRUMP)).watch
    assert watch is not None
    assert watch.ended_ms == NOW_MS + 5


async def test_what_programs_bought_waits_for_no_sell(books: SpotBooks) -> None:
    await books.record(TRUMP, [told(a_fill(11, "1", "8"), Origin.SYSTEM)], [], at_ms=NOW_MS)
    await books.record(TRUMP, [told(a_fill(12, "1", "8", side=Side.SELL))], [], at_ms=NOW_MS)
    assert (await books.remember(TRUMP)).unsold == ()


async def test_the_capital_of_buys_back_is_what_may_still_be_filled(books: SpotBooks) -> None:
    case = await a_kept_case(books)
    back = an_order(OrderStatus.NEW, SpotRole.BACK, price="7")
    await books.intend(case, back)
    assert await books.backs_open_quote() == Decimal(70)
    assert await books.backs_since(TRUMP, NOW_MS) == 1
    assert await books.backs_since(TRUMP, NOW_MS + 1) == 0
    await books.mark(replace(back, status=OrderStatus.CANCELED), at_ms=NOW_MS)
    assert await books.backs_open_quote() == 0


async def test_the_profit_of_a_symbol_is_what_sells_of_cases_brought_beyond_what_they_cost(books: SpotBooks) -> None:
    case = await a_kept_case(books, a_fill(11, "6", "8"), a_fill(12, "4", "8.5"))  # 8.2 on average
    assert (await books.remember(TRUMP)).profit == 0
    ours = [told(a_fill(13, "3", "8.3", side=Side.SELL), Origin.SYSTEM), told(a_fill(14, "2", "8"), Origin.SYSTEM)]
    by_hand = told(a_fill(15, "1", "9", side=Side.SELL))
    await books.record(TRUMP, [*(replace(each, case_id=case.case_id) for each in ours), by_hand], [], at_ms=NOW_MS)
    await books.close_case(case.case_id, "sold", at_ms=NOW_MS)
    assert (await books.remember(TRUMP)).profit == Decimal("0.3")
    assert (await books.remember(Symbol("SOLUSDC"))).profit == 0


async def test_flows_are_of_each_case_and_of_all(books: SpotBooks) -> None:
    await a_kept_case(books, a_fill(11, "10", "8", "0.01"))
    await books.record(TRUMP, [told(a_fill(12, "1", "8", "0.1", "BNB"))], [], at_ms=NOW_MS)
    assert [line.flows for line in await books.cases()] == [{"TRUMP": Decimal("9.99"), "USDC": Decimal(-80)}]
    assert await books.flows() == {"TRUMP": Decimal("10.99"), "USDC": Decimal(-88), "BNB": Decimal("-0.1")}


async def test_a_persons_order_is_one_row_however_often_it_is_seen(books: SpotBooks, ledger: Ledger) -> None:
    for status, filled in ((OrderStatus.PARTIALLY_FILLED, "4"), (OrderStatus.FILLED, "100")):
        await books.record(TRUMP, [], [a_report(status, filled)], at_ms=NOW_MS)
    rows = await ledger.ask(_orders)
    assert [(row.origin, row.role, row.status, row.quantity_filled) for row in rows] == [
        ("MANUAL", "manual", "FILLED", Decimal(100))
    ]


async def _orders(session: AsyncSession) -> list[SpotOrderRow]:
    return list(await session.scalars(select(SpotOrderRow)))
