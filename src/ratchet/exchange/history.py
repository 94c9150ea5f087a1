"""Histories: own executions and income, read page by page so that no row is lost and none comes twice."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from ratchet.domain.fill import Fill
from ratchet.domain.position import Income
from ratchet.domain.symbol import Symbol
from ratchet.exchange import parse_account
from ratchet.exchange.fields import rows

Read: TypeAlias = Callable[[str, dict[str, object]], Awaitable[Any]]  # an endpoint by ccxt's name, its parameters

PAGE = 1_000  # rows at once
DAY_MS = 86_400_000
SPAN_MS = 7 * DAY_MS - 1  # of a history at once
REACH_MS = 89 * DAY_MS  # Binance keeps three months and refuses to look further back than 90 days (-4166)


async def fills_since(read: Read, symbol: Symbol, since_ms: int, now_ms: int) -> list[Fill]:
    """Own executions from a time on, as far back as the exchange goes, oldest first."""
    start_ms = max(since_ms, now_ms - REACH_MS)
    while start_ms <= now_ms:
        span: dict[str, object] = {"symbol": symbol, "startTime": start_ms, "limit": PAGE}
        is_last = start_ms + SPAN_MS >= now_ms
        if not is_last:
            span["endTime"] = start_ms + SPAN_MS
        found = await _fills(read, span)
        if found:
            return found if is_last and len(found) < PAGE else found + await _fills_after(read, found[-1])
        start_ms += SPAN_MS + 1
    return []


async def _fills_after(read: Read, last: Fill) -> list[Fill]:
    """By id, which is unique where several executions share an instant."""
    fills: list[Fill] = []
    while True:
        found = await _fills(read, {"symbol": last.symbol, "fromId": last.fill_id + 1, "limit": PAGE})
        fills += found
        if len(found) < PAGE:
            return fills
        last = found[-1]


async def _fills(read: Read, parameters: dict[str, object]) -> list[Fill]:
    return [parse_account.fill(row) for row in rows(await read("fapiPrivateGetUserTrades", parameters), "userTrades")]


async def income_between(read: Read, since_ms: int, until_ms: int | None, now_ms: int) -> list[Income]:
    """The income history, both ends included, as far back as the exchange goes, oldest first. Without an end it goes to
    the newest row: an end by this side's clock would cut off what the exchange, whose clock is a little ahead, has just
    booked."""
    found: list[Income] = []
    start_ms = max(since_ms, now_ms - REACH_MS)
    while True:
        end_ms = start_ms + SPAN_MS
        is_last = end_ms >= (now_ms if until_ms is None else until_ms)
        found += await _income(read, start_ms, until_ms if is_last else end_ms)
        if is_last:
            return found
        start_ms = end_ms + 1


async def _income(read: Read, start_ms: int, end_ms: int | None) -> list[Income]:
    """All pages."""
    found: list[Income] = []
    page = 1
    while True:
        parameters: dict[str, object] = {"startTime": start_ms, "limit": PAGE, "page": page}
        if end_ms is not None:
            parameters["endTime"] = end_ms
        answer = rows(await read("fapiPrivateGetIncome", parameters), "income")
        found += [row for row in map(parse_account.income, answer) if row is not None]
        if len(answer) < PAGE:
            return found
        page += 1
