"""Histories: paged through so that no row is lost and none comes twice, wherever a page ends."""

from decimal import Decimal

import pytest
from aiohttp import web

from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.history import PAGE, REACH_MS, SPAN_MS
from ratchet.exchange.lockstep_clock import LockstepClock
from tests.unit.ratchet.exchange.server import a_server, settings_for

NOW_MS = 1_790_000_000_000
BTCUSDC = Symbol("BTCUSDC")


def a_trade(number: int, at_ms: int) -> dict[str, object]:
    return {
        "id": number,
        "orderId": 7,
        "symbol": BTCUSDC,
        "side": "BUY",
        "price": "100000.1",
        "qty": "0.001",
        "commission": "0.04",
        "commissionAsset": "USDC",
        "realizedPnl": "0",
        "maker": False,
        "time": at_ms,
    }


def an_income(number: int, at_ms: int) -> dict[str, object]:
    return {
        "symbol": BTCUSDC,
        "incomeType": "COMMISSION",
        "income": "-0.04",
        "asset": "USDC",
        "time": at_ms,
        "tranId": number,
        "tradeId": str(number),
    }


class Histories:
    """Answers `userTrades` and `income` as Binance does: at most seven days of trades by time, or from an id on."""

    def __init__(self, rows: list[dict[str, object]]) -> None:
        self.rows = rows
        self.asked = 0
        self.earliest_ms = NOW_MS

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.asked += 1
        query = request.query
        limit = int(query["limit"])
        if "fromId" in query:
            assert "startTime" not in query, "Binance refuses both"
            found = [row for row in self.rows if int(str(row["id"])) >= int(query["fromId"])]
            return web.json_response(found[:limit])
        start_ms = int(query["startTime"])
        self.earliest_ms = min(self.earliest_ms, start_ms)
        end_ms = int(query["endTime"]) if "endTime" in query else start_ms + SPAN_MS
        assert end_ms - start_ms <= SPAN_MS, "Binance refuses more than seven days"
        found = [row for row in self.rows if start_ms <= int(str(row["time"])) <= end_ms]
        first = (int(query.get("page", "1")) - 1) * limit
        return web.json_response(found[first : first + limit])


@pytest.mark.parametrize("count", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 2 * PAGE + 1])
async def test_fills_and_income_come_whole_whatever_their_number(count: int) -> None:
    since_ms = NOW_MS - 3_600_000
    # Several rows share each instant, those at the borders of pages too.
    trades = Histories([a_trade(number, since_ms + number // 7) for number in range(1, count + 1)])
    async with a_server(trades) as address, BinanceClient(settings_for(address, 5), LockstepClock(NOW_MS)) as client:
        fills = await client.fetch_fills(BTCUSDC, since_ms=since_ms)
    assert [fill.fill_id for fill in fills] == list(range(1, count + 1))
    income = Histories([an_income(number, since_ms + number // 7) for number in range(1, count + 1)])
    async with a_server(income) as address, BinanceClient(settings_for(address, 5), LockstepClock(NOW_MS)) as client:
        booked = await client.fetch_income(since_ms=since_ms)
    assert [row.income_id for row in booked] == list(range(1, count + 1))
    assert sum((row.amount for row in booked), Decimal(0)) == count * Decimal("-0.04")


async def test_fills_of_many_weeks_are_found_through_windows_that_are_empty() -> None:
    since_ms = NOW_MS - 30 * 86_400_000
    days = (9, 10, 23, 29)
    trades = Histories([a_trade(number, since_ms + day * 86_400_000) for number, day in enumerate(days, 1)])
    async with a_server(trades) as address, BinanceClient(settings_for(address, 5), LockstepClock(NOW_MS)) as client:
        fills = await client.fetch_fills(BTCUSDC, since_ms=since_ms)
    assert [fill.fill_id for fill in fills] == [1, 2, 3, 4]


async def test_income_of_many_weeks_comes_in_windows_each_row_once() -> None:
    since_ms = NOW_MS - 30 * 86_400_000
    borders = [since_ms, since_ms + SPAN_MS, since_ms + SPAN_MS + 1, since_ms + 2 * SPAN_MS + 1, NOW_MS - 1]
    income = Histories([an_income(number, at_ms) for number, at_ms in enumerate(borders, 1)])
    async with a_server(income) as address, BinanceClient(settings_for(address, 5), LockstepClock(NOW_MS)) as client:
        found = await client.fetch_income(since_ms=since_ms)
        first = await client.fetch_income(since_ms=since_ms, until_ms=since_ms + SPAN_MS + 1)
    assert [row.income_id for row in found] == [1, 2, 3, 4, 5]
    assert [row.income_id for row in first] == [1, 2, 3]


async def test_nobody_asks_for_what_is_beyond_the_reach_of_the_histories() -> None:
    trades = Histories([a_trade(1, NOW_MS - REACH_MS - 1), a_trade(2, NOW_MS - REACH_MS), a_trade(3, NOW_MS)])
    async with a_server(trades) as address, BinanceClient(settings_for(address, 5), LockstepClock(NOW_MS)) as client:
        assert [fill.fill_id for fill in await client.fetch_fills(BTCUSDC, since_ms=0)] == [2, 3]
    income = Histories([an_income(1, NOW_MS - REACH_MS - 1), an_income(2, NOW_MS - REACH_MS), an_income(3, NOW_MS)])
    async with a_server(income) as address, BinanceClient(settings_for(address, 5), LockstepClock(NOW_MS)) as client:
        assert [row.income_id for row in await client.fetch_income(since_ms=0)] == [2, 3]
    assert trades.earliest_ms == income.earliest_ms == NOW_MS - REACH_MS
