"""The books of the ledger: whose a symbol was at an instant, and an older ledger that is brought to the newest form."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine

from ratchet.domain.identity import TradeId
from ratchet.domain.order import Side
from ratchet.ledger.database import migrations
from ratchet.ledger.ledger import Ledger
from tests.unit.ratchet.ledger.test_ledger import NOW_MS, SYMBOL, a_fill, a_trade, url_of


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(url_of(tmp_path / "ledger.db"))
    yield it
    await it.close()


async def test_a_symbol_is_its_last_trades_while_that_is_open_or_holds_something(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    assert await ledger.trade_at(SYMBOL, NOW_MS - 1) is None
    assert await ledger.trade_at(SYMBOL, NOW_MS) == trade
    await ledger.record_fill(a_fill(None, number=1), trade)
    await ledger.close_trade(trade, reason="given up too early", at_ms=NOW_MS + 5)
    assert await ledger.trade_at(SYMBOL, NOW_MS + 6) == trade
    await ledger.record_fill(a_fill(None, number=9, side=Side.SELL, order_id=8), trade)
    assert await ledger.trade_at(SYMBOL, NOW_MS + 8) == trade  # sold a ms later
    assert await ledger.trade_at(SYMBOL, NOW_MS + 9) is None


async def test_until_a_trade_is_over_its_symbol_is_its_own_whatever_it_holds(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    assert await ledger.trade_at(SYMBOL, NOW_MS + 4) == trade
    await ledger.close_trade(trade, reason="refused", at_ms=NOW_MS + 5)
    assert await ledger.trade_at(SYMBOL, NOW_MS + 5) == trade
    assert await ledger.trade_at(SYMBOL, NOW_MS + 6) is None


async def test_a_booked_gap_counts_as_sold(ledger: Ledger) -> None:
    trade = await a_trade(ledger)
    await ledger.record_fill(a_fill(None, number=1), trade)
    await ledger.record_gap(trade, SYMBOL, Decimal("-0.010"), Decimal(1), "no fill explains it", at_ms=NOW_MS + 2)
    await ledger.close_trade(trade, reason="closed_outside", at_ms=NOW_MS + 3)
    assert await ledger.trade_at(SYMBOL, NOW_MS + 4) is None


async def test_the_mark_of_the_audits_only_moves_on(ledger: Ledger) -> None:
    assert await ledger.audited_ms() is None
    await a_trade(ledger)
    assert await ledger.audited_ms() == NOW_MS
    for until_ms in (NOW_MS + 9, NOW_MS + 4):
        await ledger.record_audit(until_ms)
    assert await ledger.audited_ms() == NOW_MS + 9


BEFORE = """
INSERT INTO trades VALUES (1, 'BTCUSDC', 'BUY', '1', '100', '98', '[]', 0, 'told', 'balanced', 1, NULL, '', NULL);
INSERT INTO orders VALUES ('o', 1, 'system', 'entry', 'MARKET', 'BTCUSDC', 'BUY', '1', NULL, 0, 'FILLED', 7, '', 1, 1);
INSERT INTO fills VALUES ('BTCUSDC', 1, 1, 'o', 7, 'BUY', '100', '1', '0.4', '0', 0, 5);
INSERT INTO gaps VALUES (1, 1, 'BTCUSDC', '0.5', '100', 'no fill explains it', 5);
"""


async def test_a_ledger_of_before_audits_keeps_its_fills_and_gaps(tmp_path: Path) -> None:
    path, config = tmp_path / "ledger.db", migrations()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    with closing(sqlite3.connect(path)) as book:
        book.executescript(BEFORE)
    ledger = await Ledger.open(url_of(path))
    books, gaps = await ledger.books(0, NOW_MS), await ledger.gaps_of(TradeId(1))
    summary = await ledger.summary(0)
    await ledger.close()
    assert [(row.fee, row.fee_asset) for row in books.fills] == [(Decimal("0.4"), "USDC")]
    assert [(row.quantity, row.amount, row.asset, row.reason) for row in gaps] == [
        (Decimal("0.5"), Decimal(0), "USDC", "no fill explains it")
    ]
    assert (summary.net_pnl, summary.gaps) == (Decimal("-0.4"), Decimal(0))
