"""Questions about the account: how it stands, what is held, what came of it."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.desk import Asker
from ratchet.control.exchange_words import asked
from ratchet.control.parts import DeskParts
from ratchet.control.request import Commands, Request
from ratchet.control.shape import DASH, at, day, direction, lasting, money, number, percent, rounded, signed
from ratchet.control.words import Words
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.money import ZERO, plain
from ratchet.domain.order import OrderReport, StopReport
from ratchet.domain.position import Balance, Position
from ratchet.domain.symbol import Symbol
from ratchet.ledger.aggregates import DAY_MS, PeriodResult
from ratchet.trading.status import PositionLine

DAYS = 7
DAYS_MAX = 92


class AccountQuestions:
    """status, summary, performance, positions, orders, balance."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts

    def commands(self) -> Commands:
        """By name."""
        return {
            "status": self._status,
            "summary": self._summary,
            "performance": self._performance,
            "positions": self._positions,
            "orders": self._orders,
            "balance": self._balance,
        }

    # Understanding ------------------------------------------------------------------------------------------------

    async def _status(self, words: Words) -> Request:
        words.end()
        return Request(self._tell_status)

    async def _summary(self, words: Words) -> Request:
        words.end()
        return Request(self._tell_summary)

    async def _performance(self, words: Words) -> Request:
        days = words.count("DAYS", default=DAYS, most=DAYS_MAX)
        words.end()
        return Request(lambda _asker: self._tell_performance(days))

    async def _positions(self, words: Words) -> Request:
        words.end()
        return Request(self._tell_positions)

    async def _orders(self, words: Words) -> Request:
        symbol = words.symbol(self._parts.symbols) if words.has_more() else None
        words.end()
        return Request(lambda _asker: self._tell_orders(symbol))

    async def _balance(self, words: Words) -> Request:
        words.end()
        return Request(self._tell_balance)

    # Telling ------------------------------------------------------------------------------------------------------

    async def _tell_status(self, _asker: Asker) -> Answer:
        status, settings = self._parts.status(), self._parts.settings
        seen_ms = status.account_age_ms
        naked = DASH if status.naked_ms_max is None else f"{status.naked_ms_max:.0f} ms"
        notes = [f"The books disagree: {status.books_disagree}."] if status.books_disagree else []
        if status.notes_waiting:
            notes.append(f"{status.notes_waiting} notes wait for the ledger.")
        if settings.complaint:
            notes.append(f"The runtime file is not taken: {settings.complaint}.")
        return Answer(
            title="Status",
            facts=(
                ("entries", f"off: {status.entries_halted}" if status.entries_halted else "on"),
                ("equity", f"{money(status.balance.equity)} USDC"),
                ("today", f"{signed(status.pnl_day)} USDC"),
                ("available", f"{money(status.balance.available)} USDC"),
                ("positions", str(len(status.positions))),
                ("trades closed", str(status.trades_closed)),
                ("without a stop", f"{naked} at most"),
                ("profile", settings.now.profile),
                ("mode", f"{settings.now.mode}, {self._parts.address}"),
                ("account seen", DASH if seen_ms is None else f"{lasting(seen_ms)} ago"),
                ("books agree until", at(status.audited_ms)),
                ("up", lasting(status.uptime_ms)),
            ),
            notes=tuple(notes),
            data={
                "now_ms": status.now_ms,
                "uptime_ms": round(status.uptime_ms),
                "mode": settings.now.mode.value,
                "profile": settings.now.profile,
                "entries_halted": status.entries_halted,
                "equity": plain(status.balance.equity),
                "pnl_day": plain(status.pnl_day),
                "available": plain(status.balance.available),
                "positions": [_position_data(line) for line in status.positions],
                "trades_closed": status.trades_closed,
                "naked_ms_max": status.naked_ms_max,
                "account_age_ms": None if seen_ms is None else round(seen_ms),
                "notes_waiting": status.notes_waiting,
                "audited_ms": status.audited_ms,
                "books_disagree": status.books_disagree,
                "settings_complaint": settings.complaint,
            },
        )

    async def _tell_summary(self, _asker: Asker) -> Answer:
        now_ms = self._parts.clock.now_ms()
        since_ms = now_ms // DAY_MS * DAY_MS
        results = await self._parts.ledger.results_by_day(since_ms, now_ms)
        status = self._parts.status()
        today = results[-1] if results else _nothing(since_ms)
        return Answer(
            title=f"Summary of {day(since_ms)} (UTC)",
            facts=(
                ("net result", f"{signed(today.net_pnl)} USDC"),
                ("trades closed", str(today.trades)),
                ("won", _win_rate(today)),
                ("fees", f"{money(today.fees)} USDC"),
                ("funding", f"{signed(today.funding)} USDC"),
                ("open now", f"{len(status.positions)}, {signed(status.balance.unrealized_pnl)} USDC"),
                ("equity", f"{money(status.balance.equity)} USDC"),
            ),
            data=_period_data(today)
            | {
                "open_positions": len(status.positions),
                "unrealized_pnl": plain(status.balance.unrealized_pnl),
                "equity": plain(status.balance.equity),
            },
        )

    async def _tell_performance(self, days: int) -> Answer:
        now_ms = self._parts.clock.now_ms()
        since_ms = (now_ms // DAY_MS - days + 1) * DAY_MS
        results = await self._parts.aside.look(lambda ledger: ledger.results_by_day(since_ms, now_ms))
        net = sum((each.net_pnl for each in results), ZERO)
        trades, wins = sum(each.trades for each in results), sum(each.wins for each in results)
        return Answer(
            title=f"Performance since {day(since_ms)} (UTC)",
            facts=(
                ("net result", f"{signed(net)} USDC"),
                ("trades closed", str(trades)),
                ("won", percent(wins / trades) if trades else DASH),
            ),
            table=Table(
                headings=("day", "trades", "won", "net", "fees", "funding"),
                rows=tuple(
                    (
                        day(each.since_ms),
                        str(each.trades),
                        _win_rate(each),
                        signed(each.net_pnl),
                        money(each.fees),
                        signed(each.funding),
                    )
                    for each in results
                ),
                numeric=frozenset({1, 2, 3, 4, 5}),
            ),
            notes=() if results else ("Nothing was traded yet.",),
            data={
                "since_ms": since_ms,
                "net_pnl": plain(net),
                "trades": trades,
                "wins": wins,
                "days": [_period_data(each) for each in results],
            },
        )

    async def _tell_positions(self, _asker: Asker) -> Answer:
        found = await asked(self._parts.exchange.fetch_positions())
        status = self._parts.status()
        stated = {} if isinstance(found, str) else {each.symbol: each for each in found}
        notes = [f"Without marks: {found}."] if isinstance(found, str) else []
        lines = {line.symbol: line for line in status.positions}
        strange = [position for symbol, position in stated.items() if symbol not in lines]
        if not lines and not strange:
            notes.append("Nothing is held.")
        if strange:
            notes.append(f"No trade of ours: {', '.join(each.symbol for each in strange)}.")
        rows = [_position_row(line, stated.get(symbol), status.now_ms) for symbol, line in lines.items()]
        rows += [_strange_row(position) for position in strange]
        data: list[Json] = [
            {**_position_data(line), **_marked_data(stated.get(symbol))} for symbol, line in lines.items()
        ]
        data += [
            {"symbol": each.symbol, "side": each.side.value, "quantity": plain(each.quantity), **_marked_data(each)}
            for each in strange
        ]
        return Answer(
            title="Positions",
            table=Table(
                headings=("symbol", "side", "quantity", "entry", "mark", "stop", "result", "open for"),
                rows=tuple(rows),
                numeric=frozenset({2, 3, 4, 5, 6, 7}),
            )
            if rows
            else None,
            notes=tuple(notes),
            data={"now_ms": status.now_ms, "positions": data},
        )

    async def _tell_orders(self, symbol: Symbol | None) -> Answer:
        exchange = self._parts.exchange
        orders, stops = await asyncio.gather(
            asked(exchange.fetch_open_orders(symbol)), asked(exchange.fetch_open_stops(symbol))
        )
        notes = [f"Without {what}: {why}." for what, why in (("orders", orders), ("stops", stops)) if _is_text(why)]
        resting: list[OrderReport | StopReport] = [
            *(orders if isinstance(orders, list) else ()),
            *(stops if isinstance(stops, list) else ()),
        ]
        resting.sort(key=lambda each: (each.symbol, each.client_order_id))
        known = await self._parts.ledger.prices_of_orders([each.client_order_id for each in resting])
        if not resting and not notes:
            notes.append(f"Nothing rests on the exchange{f' for {symbol}' if symbol else ''}.")
        return Answer(
            title=f"Orders of {symbol}" if symbol else "Orders",
            table=Table(
                headings=("symbol", "what", "side", "quantity", "price", "name"),
                rows=tuple(_order_row(each, known) for each in resting),
                numeric=frozenset({3, 4}),
            )
            if resting
            else None,
            notes=tuple(notes),
            data={"orders": [_order_data(each, known) for each in resting], "is_whole": not notes or not resting},
        )

    async def _tell_balance(self, _asker: Asker) -> Answer:
        found = await asked(self._parts.exchange.fetch_balance())
        balance = self._parts.status().balance if isinstance(found, str) else found
        return Answer(
            title="Balance",
            facts=(
                ("wallet", f"{money(balance.wallet)} USDC"),
                ("unrealized", f"{signed(balance.unrealized_pnl)} USDC"),
                ("equity", f"{money(balance.equity)} USDC"),
                ("available", f"{money(balance.available)} USDC"),
            ),
            notes=(f"As it was known last: {found}.",) if isinstance(found, str) else (),
            data=_balance_data(balance) | {"is_of_now": not isinstance(found, str)},
        )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _nothing(since_ms: int) -> PeriodResult:
    return PeriodResult(
        since_ms=since_ms,
        until_ms=since_ms + DAY_MS,
        trades=0,
        wins=0,
        net_pnl=ZERO,
        fees=ZERO,
        funding=ZERO,
        naked_ms_max=None,
    )


def _win_rate(result: PeriodResult) -> str:
    return percent(result.wins / result.trades) if result.trades else DASH


def _period_data(result: PeriodResult) -> dict[str, Json]:
    return {
        "since_ms": result.since_ms,
        "until_ms": result.until_ms,
        "trades": result.trades,
        "wins": result.wins,
        "net_pnl": plain(result.net_pnl),
        "fees": plain(result.fees),
        "funding": plain(result.funding),
        "naked_ms_max": result.naked_ms_max,
    }


def _balance_data(balance: Balance) -> dict[str, Json]:
    return {
        "wallet": plain(balance.wallet),
        "unrealized_pnl": plain(balance.unrealized_pnl),
        "equity": plain(balance.equity),
        "available": plain(balance.available),
    }


def _position_row(line: PositionLine, position: Position | None, now_ms: int) -> tuple[str, ...]:
    return (
        line.symbol,
        direction(line.side),
        plain(line.quantity),
        number(rounded(line.price_entry)),
        DASH if position is None else number(rounded(position.price_mark)),
        "none yet" if line.price_stop is None else plain(line.price_stop),
        DASH if position is None else signed(position.unrealized_pnl),
        lasting(now_ms - line.opened_ms),
    )


def _strange_row(position: Position) -> tuple[str, ...]:
    return (
        position.symbol,
        direction(position.side),
        plain(position.quantity),
        number(rounded(position.price_entry)),
        number(rounded(position.price_mark)),
        DASH,
        signed(position.unrealized_pnl),
        DASH,
    )


def _position_data(line: PositionLine) -> dict[str, Json]:
    return {
        "symbol": line.symbol,
        "side": line.side.value,
        "quantity": plain(line.quantity),
        "price_entry": plain(line.price_entry),
        "price_stop": None if line.price_stop is None else plain(line.price_stop),
        "opened_ms": line.opened_ms,
        "naked_ms": line.naked_ms,
    }


def _marked_data(position: Position | None) -> dict[str, Json]:
    return {
        "price_mark": None if position is None else plain(position.price_mark),
        "unrealized_pnl": None if position is None else plain(position.unrealized_pnl),
    }


def _order_row(
    order: OrderReport | StopReport, known: Mapping[ClientOrderId, tuple[str, Decimal | None]]
) -> tuple[str, ...]:
    role, price = _role_and_price(order, known)
    quantity = "all" if isinstance(order, StopReport) and order.closes_position else plain(order.quantity)
    return (order.symbol, role, order.side.value, quantity, number(price), order.client_order_id)


def _order_data(
    order: OrderReport | StopReport, known: Mapping[ClientOrderId, tuple[str, Decimal | None]]
) -> dict[str, Json]:
    role, price = _role_and_price(order, known)
    return {
        "symbol": order.symbol,
        "role": role,
        "side": order.side.value,
        "status": order.status.value,
        "quantity": plain(order.quantity),
        "price": None if price is None else plain(price),
        "client_order_id": order.client_order_id,
        "updated_ms": order.updated_ms,
    }


def _role_and_price(
    order: OrderReport | StopReport, known: Mapping[ClientOrderId, tuple[str, Decimal | None]]
) -> tuple[str, Decimal | None]:
    """Names that the ledger does not know are another hand's, or the lease."""
    role, price = known.get(order.client_order_id, ("stop" if isinstance(order, StopReport) else "not ours", None))
    return role, order.price_trigger if isinstance(order, StopReport) else price
