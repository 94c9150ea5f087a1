"""The audit: what each of the two sets of books may lack, and what becomes of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from ratchet.domain.identity import TradeId
from ratchet.domain.order import Side
from ratchet.domain.position import IncomeKind
from ratchet.exchange.budget import Lane
from ratchet.exchange.history import REACH_MS
from ratchet.ledger.ledger import Ledger
from ratchet.trading.books.attribution import REASON
from ratchet.trading.books.audit import AuditReport
from ratchet.trading.start.reconciler import STRATEGY
from tests.unit.ratchet.trading.account import SYMBOL
from tests.unit.ratchet.trading.bookkeeping import (
    END_MS,
    ORDER,
    START_MS,
    Exchange,
    a_fill,
    a_trade,
    an_income,
    auditor_on,
    income_of,
    open_ledger,
)

DAY_MS = 86_400_000


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await open_ledger(tmp_path)
    yield it
    await it.close()


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


async def audited(exchange: Exchange, ledger: Ledger, since_ms: int = START_MS, *, mends: bool = True) -> AuditReport:
    return await auditor_on(exchange, ledger).audit(since_ms, END_MS, mends=mends)


async def trade_of(ledger: Ledger, number: int) -> int | None:
    rows = {row.fill_id: row.trade_id for row in (await ledger.books(0, 2 * END_MS)).fills}
    return rows[number]


async def test_books_that_agree_leave_nothing_and_are_audited_up_to_the_end(exchange: Exchange, ledger: Ledger) -> None:
    trade_id, _ = await a_trade(ledger)
    await ledger.record_fill(exchange.books(a_fill(1)), trade_id)
    await ledger.record_fill(exchange.books(a_fill(2, Side.SELL, pnl="1.23456789")), trade_id)
    report = await audited(exchange, ledger)
    assert (report.compared, report.mended, report.remainder, report.is_clean) == (2, (), {}, True)
    assert [(line.exchange, line.ledger) for line in report.lines] == [(Decimal("1.15456789"), Decimal("1.15456789"))]
    assert await ledger.audited_ms() == END_MS


@pytest.mark.parametrize(("fee", "left"), [("0.04000001", "0.00000001"), ("0.03999999", "-0.00000001")])
async def test_one_part_in_a_hundred_million_is_a_remainder(
    exchange: Exchange, ledger: Ledger, fee: str, left: str
) -> None:
    trade_id, _ = await a_trade(ledger)
    await ledger.record_fill(replace(exchange.books(a_fill(1)), fee=Decimal(fee)), trade_id)
    report = await audited(exchange, ledger)
    assert report.remainder == {SYMBOL: Decimal(left)}
    assert report.doubts == f"{left} USDC of {SYMBOL}"
    assert [each.what for each in report.disagreements] == ["execution 1"]
    assert await ledger.audited_ms() == START_MS  # the first trade's beginning: nothing is taken for settled


async def test_a_fill_is_found_by_the_name_of_its_order_and_asked_for_in_the_ordinary_lane(
    exchange: Exchange, ledger: Ledger
) -> None:
    first, name = await a_trade(ledger)
    await ledger.close_trade(first, reason="rungs", at_ms=START_MS + 10)
    await a_trade(ledger, at_ms=START_MS + 20)  # it has the symbol when the fill happens
    exchange.names[ORDER] = name
    exchange.books(a_fill(1))
    report = await audited(exchange, ledger)
    assert report.is_clean
    assert await trade_of(ledger, 1) == first
    assert exchange.lanes == [Lane.ORDINARY]
    [row] = await ledger.fills_of(first)
    assert row.client_order_id == name


@pytest.mark.parametrize("name", ["web_order", "autoclose-123", "adl_autoclose", "rt-zzzz-1-entry0", "", "unknown"])
async def test_what_is_not_ours_goes_to_the_trade_that_has_the_symbol(
    exchange: Exchange, ledger: Ledger, name: str
) -> None:
    trade_id, _ = await a_trade(ledger)
    if name != "unknown":
        exchange.names[ORDER] = name
    exchange.books(a_fill(1))
    assert (await audited(exchange, ledger)).is_clean
    assert await trade_of(ledger, 1) == trade_id


async def test_beside_all_trades_a_foreign_one_is_begun_and_has_the_rest_of_its_fills(
    exchange: Exchange, ledger: Ledger
) -> None:
    exchange.books(a_fill(1, Side.SELL, at_ms=START_MS + 1))
    exchange.books(a_fill(2, Side.SELL, order=8, at_ms=START_MS + 2))
    exchange.books(a_fill(3, Side.BUY, order=9, at_ms=START_MS + 3))
    await audited(exchange, ledger)
    exchange.books(a_fill(4, Side.BUY, order=10, at_ms=START_MS + 500_000))
    exchange.books(a_fill(5, Side.BUY, order=11, at_ms=START_MS + 600_000))
    assert (await audited(exchange, ledger)).is_clean
    first, second = [await trade_of(ledger, number) for number in (1, 5)]
    assert [await trade_of(ledger, number) for number in (2, 3, 4)] == [first] * 3
    assert first is not None
    assert second is not None
    assert first != second
    row = await ledger.trade(TradeId(first))
    assert row is not None
    assert (row.strategy, row.side, row.reason, row.price_stop) == (STRATEGY, "SELL", REASON, Decimal(102))


async def test_nothing_is_booked_where_that_is_not_wanted(exchange: Exchange, ledger: Ledger) -> None:
    trade_id, _ = await a_trade(ledger)
    exchange.books(a_fill(1))
    report = await audited(exchange, ledger, mends=False)
    assert (report.mended, report.remainder) == ((), {SYMBOL: Decimal("-0.04")})
    assert await ledger.fills_of(trade_id) == []


async def test_a_row_that_comes_twice_counts_once(exchange: Exchange, ledger: Ledger) -> None:
    trade_id, _ = await a_trade(ledger)
    fill = exchange.books(a_fill(1))
    exchange.fills.append(fill)
    exchange.income += income_of(fill)
    await ledger.record_fill(fill, trade_id)
    assert (await audited(exchange, ledger)).is_clean


async def test_funding_charges_and_transfers(exchange: Exchange, ledger: Ledger) -> None:
    trade_id, _ = await a_trade(ledger)
    exchange.income = [
        an_income(1, IncomeKind.FUNDING_FEE, "-0.1"),
        an_income(1, IncomeKind.OTHER, "-2.5", name="INSURANCE_CLEAR"),
        an_income(2, IncomeKind.OTHER, "0.4", name="INSURANCE_CLEAR", symbol=None),
        an_income(3, IncomeKind.TRANSFER, "500", symbol=None),
    ]
    report = await audited(exchange, ledger)
    assert report.is_clean
    assert {(each.what, each.trade_id) for each in report.mended} == {
        ("FUNDING_FEE 1", trade_id),
        ("INSURANCE_CLEAR 1", trade_id),
        ("INSURANCE_CLEAR 2", None),
    }
    summary = await ledger.summary(0)
    assert (summary.funding, summary.charges, summary.net_pnl) == (Decimal("-0.1"), Decimal("-2.1"), Decimal("-2.2"))
    assert (await audited(exchange, ledger)).mended == ()


async def test_a_commission_in_bnb_is_compared_and_shown_in_bnb(exchange: Exchange, ledger: Ledger) -> None:
    trade_id, _ = await a_trade(ledger)
    await ledger.record_fill(exchange.books(a_fill(1, fee="0.0001", fee_asset="BNB")), trade_id)
    exchange.books(a_fill(2, Side.SELL, pnl="3", fee="0.0002", fee_asset="BNB"))
    report = await audited(exchange, ledger)
    assert report.is_clean
    assert [(line.asset, line.exchange, line.ledger) for line in report.lines] == [
        ("BNB", Decimal("-0.0003"), Decimal("-0.0003")),
        ("USDC", Decimal(3), Decimal(3)),
    ]
    summary = await ledger.summary(0)
    assert (summary.net_pnl, summary.fees, summary.fees_in) == (Decimal(3), Decimal(0), {"BNB": Decimal("0.0003")})
    await ledger.record_fill(a_fill(3, fee="0.5", fee_asset="BNB"), trade_id)
    late = await audited(exchange, ledger)
    assert (late.remainder, late.is_clean) == ({}, False)
    assert late.doubts == f"0.5 BNB of {SYMBOL}"


async def test_income_of_an_execution_that_nobody_has_is_a_gap_until_it_comes_to_light(
    exchange: Exchange, ledger: Ledger
) -> None:
    trade_id, _ = await a_trade(ledger)
    fill = a_fill(1, pnl="2")
    exchange.income += income_of(fill)
    report = await audited(exchange, ledger)
    assert report.is_clean
    assert sum(gap.amount for gap in report.gaps) == Decimal("1.96")
    assert {gap.trade_id for gap in report.gaps} == {trade_id}
    assert all("its execution cannot be had" in gap.reason for gap in report.gaps)
    assert (await ledger.summary(0)).net_pnl == Decimal("1.96")
    assert (await audited(exchange, ledger)).mended == ()
    exchange.fills.append(fill)
    await audited(exchange, ledger)
    late = await audited(exchange, ledger)
    assert (late.is_clean, late.mended) == (True, ())
    assert len(late.gaps) == 4  # nothing is deleted: each is taken back by another
    assert sum(gap.amount for gap in late.gaps) == 0
    assert (await ledger.summary(0)).net_pnl == Decimal("1.96")


async def test_what_only_the_ledger_has_is_shown_even_when_it_is_worth_nothing(
    exchange: Exchange, ledger: Ledger
) -> None:
    trade_id, _ = await a_trade(ledger)
    await ledger.record_fill(a_fill(1, fee="0"), trade_id)
    report = await audited(exchange, ledger)
    assert (report.remainder, report.is_clean) == ({}, False)
    assert report.doubts == f"execution 1 of {SYMBOL}"
    assert await trade_of(ledger, 1) == trade_id


async def test_a_fill_at_the_border_is_not_cut_in_half(exchange: Exchange, ledger: Ledger) -> None:
    trade_id, _ = await a_trade(ledger)
    before, last = a_fill(1, pnl="5", at_ms=START_MS - 300), a_fill(2, pnl="7", at_ms=END_MS - 300)
    exchange.fills = [before, last]
    # The income history has whole seconds.
    exchange.income = [replace(row, at_ms=row.at_ms + 600) for fill in (before, last) for row in income_of(fill)]
    await ledger.record_fill(before, trade_id)
    await ledger.record_fill(last, trade_id)
    report = await audited(exchange, ledger)
    assert (report.compared, report.is_clean, report.remainder) == (1, True, {})


async def test_a_time_beyond_the_histories_is_a_gap_of_every_trade_of_that_time_once(
    exchange: Exchange, ledger: Ledger
) -> None:
    long_ago_ms = END_MS - REACH_MS - 30 * DAY_MS
    old, _ = await a_trade(ledger, at_ms=long_ago_ms)
    await ledger.close_trade(old, reason="rungs", at_ms=long_ago_ms + DAY_MS)
    held, _ = await a_trade(ledger, at_ms=long_ago_ms + 2 * DAY_MS)
    young, _ = await a_trade(ledger, at_ms=END_MS - DAY_MS)
    report = await audited(exchange, ledger, long_ago_ms)
    assert (report.unreachable_ms, report.since_ms) == (long_ago_ms, END_MS - REACH_MS)
    assert {gap.trade_id for gap in report.gaps} == {old, held}
    assert all("beyond the exchange's histories" in gap.reason for gap in report.gaps)
    assert await ledger.gaps_of(young) == []
    assert await ledger.audited_ms() == END_MS
    await audited(exchange, ledger, long_ago_ms)
    assert len(await ledger.gaps_of(held)) == 1


async def test_a_remainder_is_left_behind_neither_by_a_later_audit_nor_by_one_of_another_time(
    exchange: Exchange, ledger: Ledger
) -> None:
    trade_id, _ = await a_trade(ledger)
    await ledger.record_fill(a_fill(1), trade_id)
    await audited(exchange, ledger)
    assert await ledger.audited_ms() == START_MS
    assert (await audited(exchange, ledger, START_MS + 60_000)).is_clean
    assert await ledger.audited_ms() == START_MS  # it began behind what is in doubt
