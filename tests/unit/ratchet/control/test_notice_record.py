"""Notices reach the ledger without anybody waiting for it, whatever state it is in."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from ratchet.control.notice_record import DAY_MS, WAITING_MAX, NoticeRecord
from ratchet.domain.symbol import Symbol
from ratchet.exchange.clock import SystemClock
from ratchet.ledger import database
from ratchet.ledger.ledger import Ledger
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from tests.unit.ratchet.ledger.test_ledger import url_of

IN_TIME_S = 20.0


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(url_of(tmp_path / "ledger.db"))
    yield it
    await it.close()


def a_notice(text: str = "", *, at_ms: int | None = None, kind: Kind = Kind.ENTRY) -> Notice:
    at_ms = SystemClock().now_ms() if at_ms is None else at_ms
    return Notice(kind=kind, at_ms=at_ms, text=text, weight=Weight.WARNING, symbol=Symbol("BTCUSDC"))


def a_record(ledger: Ledger) -> NoticeRecord:
    return NoticeRecord(ledger, SystemClock(), keep_days=7, redact=str, retry_s=0.01)


@asynccontextmanager
async def running(record: NoticeRecord) -> AsyncIterator[None]:
    task = asyncio.create_task(record.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def texts(ledger: Ledger, kind: str | None = None) -> list[str]:
    return [each.text for each in await ledger.notices_since(0, WAITING_MAX + 10, kind)]


async def test_what_is_posted_is_in_the_ledger_in_order(ledger: Ledger) -> None:
    record, board = a_record(ledger), Noticeboard()
    board.listen(record.on_notice)
    async with running(record):
        for number in range(5):
            board.post(a_notice(f"{number}"))
        assert await record.written(IN_TIME_S)
    found = await ledger.notices_since(0, 10)
    assert [each.text for each in found] == ["0", "1", "2", "3", "4"]
    assert (found[0].kind, found[0].weight, found[0].symbol) == ("entry", "warning", "BTCUSDC")


async def test_a_locked_ledger_has_them_all_once_it_is_free(
    tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 10)
    impatient = await Ledger.open(url_of(tmp_path / "ledger.db"))
    record = a_record(impatient)
    async with running(record):
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            record.on_notice(a_notice("first"))
            assert not await record.written(0.2)
            record.on_notice(a_notice("second"))
            other.execute("ROLLBACK")
        assert await record.written(IN_TIME_S)
    await impatient.close()
    assert await texts(ledger) == ["first", "second"]


async def test_of_more_than_it_can_hold_the_oldest_are_lost(ledger: Ledger) -> None:
    record = a_record(ledger)
    for number in range(WAITING_MAX + 3):
        record.on_notice(a_notice(f"{number}"))
    async with running(record):
        assert await record.written(IN_TIME_S)
    found = await texts(ledger)
    assert (len(found), found[0], found[-1]) == (WAITING_MAX, "3", f"{WAITING_MAX + 2}")


async def test_those_that_are_too_old_are_forgotten(ledger: Ledger) -> None:
    now_ms = SystemClock().now_ms()
    record = a_record(ledger)
    async with running(record):
        record.on_notice(a_notice("old", at_ms=now_ms - 7 * DAY_MS - 1))
        record.on_notice(a_notice("of a week ago", at_ms=now_ms - 7 * DAY_MS + 60_000))
        assert await record.written(IN_TIME_S)
        record.on_notice(a_notice("new"))
        assert await record.written(IN_TIME_S)
    assert await texts(ledger) == ["of a week ago", "new"]


async def test_a_secret_is_taken_out_before_the_text_is_cut(ledger: Ledger) -> None:
    record = NoticeRecord(ledger, SystemClock(), keep_days=7, redact=lambda text: text.replace("hunter22", "***"))
    async with running(record):
        record.on_notice(a_notice("x" * 396 + "hunter22"))
        assert await record.written(IN_TIME_S)
    [text] = await texts(ledger)
    assert "hunt" not in text


async def test_they_can_be_asked_for_and_counted_by_kind(ledger: Ledger) -> None:
    record = a_record(ledger)
    async with running(record):
        record.on_notice(a_notice("in", at_ms=1_000 * DAY_MS))
        record.on_notice(a_notice("out", kind=Kind.CLOSE))
        record.on_notice(a_notice("out again", kind=Kind.CLOSE))
        assert await record.written(IN_TIME_S)
    assert await texts(ledger, "close") == ["out", "out again"]
    assert [each.text for each in await ledger.notices_since(0, 1)] == ["out again"]
    assert await ledger.count_notices("close", 0, SystemClock().now_ms()) == 2
    assert await ledger.count_notices("close", 0, 1) == 0
