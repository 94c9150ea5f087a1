"""The report as an answer: figures for people and the same for machines, from a ledger."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ratchet.control.desk import Refused
from ratchet.control.kpi import NO_PROMISE, report
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.order import Side
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.notices import NoticeLine
from ratchet.ledger.signals import Scan
from tests.unit.ratchet.ledger.test_ledger import NOW_MS, a_fill, a_trade_with_its_entry

HOUR_MS = 3_600_000


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    it = await Ledger.open(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    yield it
    await it.close()


async def a_won_trade(ledger: Ledger) -> None:
    trade = await a_trade_with_its_entry(ledger)
    [entry] = await ledger.orders_of(trade)
    await ledger.record_fill(a_fill(ClientOrderId(entry.client_order_id)), trade)
    await ledger.record_fill(a_fill(None, number=2, side=Side.SELL, price="101000", realized="10"), trade)
    await ledger.close_trade(trade, reason="rungs", at_ms=NOW_MS + HOUR_MS)
    for minute in range(61):
        await ledger.record_equity(NOW_MS + minute * 60_000, Decimal(400) + minute, Decimal(400))


async def test_it_says_what_is_wanted_what_is_and_how_sure_that_is(ledger: Ledger) -> None:
    await a_won_trade(ledger)
    await ledger.record_scan(Scan(candle_close_ms=NOW_MS, symbols=35, missing=0, decided_ms_max=31.0))
    answer = await report(ledger, NOW_MS + HOUR_MS)
    assert answer.table is not None
    rows = {row[0]: row[1:] for row in answer.table.rows}
    assert rows["net result an hour"][:2] == ("1 to 2 USDC an hour on 400", "+9.20")
    assert rows["win rate"][:4] == ("at least 55%", "100.0%", "20.7% to 100.0%", "too little data to tell")
    assert rows["longest loop"][:2] == ("at most 2 to 3 s", "0.031 s")
    assert NO_PROMISE in answer.notes
    facts = dict(answer.facts)
    assert facts["net result"] == "+9.20 USDC, after fees and funding"
    assert facts["cost per trade"] == "0.8000 USDC"
    assert facts["by reason"] == "rungs +9.20 (1 of 1 won)"


async def test_machines_get_the_same(ledger: Ledger) -> None:
    await a_won_trade(ledger)
    data: Any = (await report(ledger, NOW_MS + HOUR_MS)).data
    assert (data["net_pnl"], data["fees"], data["closed_trades"], data["win_rate"]) == ("9.2", "0.8", 1, 1.0)
    assert [each["unit"] for each in data["targets"]] == ["USDC", "fraction", "fraction", "s", "h"]
    assert data["by"]["symbol"] == [{"name": "BTCUSDC", "trades": 1, "wins": 1, "win_rate": 1.0, "net_pnl": "9.2"}]


async def test_since_leaves_out_what_was_before(ledger: Ledger) -> None:
    await a_won_trade(ledger)
    data = (await report(ledger, NOW_MS + HOUR_MS, NOW_MS + 30 * 60_000)).data
    assert (data["trades"], data["net_pnl"], data["since_ms"]) == (0, "0", NOW_MS + 30 * 60_000)


async def test_an_empty_ledger_has_no_report(ledger: Ledger) -> None:
    with pytest.raises(Refused, match="the ledger tells of nothing"):
        await report(ledger, NOW_MS)


@pytest.mark.parametrize(
    ("kinds", "seen"), [((), "nothing measured"), (("start",), "0"), (("start", "unhandled"), "1")]
)
async def test_exceptions_are_counted_where_notices_are_kept(ledger: Ledger, kinds: tuple[str, ...], seen: str) -> None:
    await a_won_trade(ledger)
    notices = [NoticeLine(at_ms=NOW_MS, kind=kind, weight="info", symbol=None, text=kind) for kind in kinds]
    await ledger.record_notices(notices, forget_before_ms=0)
    data: Any = (await report(ledger, NOW_MS + HOUR_MS)).data
    assert data["targets"][-1]["seen"].startswith(seen)
