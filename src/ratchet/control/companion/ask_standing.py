"""Questions for how the companion stands: status, cases, readings."""

from decimal import Decimal

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.companion.parts import WATCHED, CompanionParts, open_cases, sell_of
from ratchet.control.desk import Asker
from ratchet.control.request import Commands, Request
from ratchet.control.shape import DASH, at, lasting, money, number, rounded
from ratchet.control.words import Words
from ratchet.domain.money import plain
from ratchet.domain.symbol import Symbol
from ratchet.rebound.status import CompanionStatus, OpenCase, SymbolStatus
from ratchet.strategy.minute_readings import MinuteReading
from ratchet.strategy.moving_average import MovingAverage

READINGS = 10
READINGS_MAX = 60
INDICATOR_DIGITS = 6


class StandingQuestions:
    """status, cases, readings."""

    def __init__(self, parts: CompanionParts) -> None:
        self._parts = parts

    def commands(self) -> Commands:
        """By name."""
        return {"status": self._status, "cases": self._cases, "readings": self._readings}

    # Understanding ------------------------------------------------------------------------------------------------

    async def _status(self, words: Words) -> Request:
        words.end()
        return Request(self._tell_status)

    async def _cases(self, words: Words) -> Request:
        symbol = words.symbol(self._parts.watched, WATCHED) if words.has_more() else None
        words.end()
        return Request(lambda _asker: self._tell_cases(symbol))

    async def _readings(self, words: Words) -> Request:
        is_named = words.has_more() and not words.next_is_number()
        symbols = [words.symbol(self._parts.watched, WATCHED)] if is_named else self._parts.watched
        count = words.count("N", default=READINGS, most=READINGS_MAX)
        words.end()
        lines = {symbol: self._parts.readings(symbol)[-count:] for symbol in symbols}
        return Request(lambda _asker: _tell_readings([(symbol, each) for symbol in lines for each in lines[symbol]]))

    # Telling ------------------------------------------------------------------------------------------------------

    async def _tell_status(self, _asker: Asker) -> Answer:
        status, settings = self._parts.status(), self._parts.settings
        notes = [f"{each.symbol}: the last turn failed: {each.trouble}." for each in status.symbols if each.trouble]
        if settings.complaint:
            notes.append(f"The runtime file is not taken: {settings.complaint}.")
        return Answer(
            title="Status",
            facts=(
                ("placing", placing(status)),
                ("open cases", str(sum(len(each.cases) for each in status.symbols))),
                ("sold at", f"+{plain(settings.now.rebound.percent)} %"),
                ("mode", f"{settings.now.mode}, {self._parts.address}"),
                ("up", lasting(status.uptime_ms)),
            ),
            table=Table(
                headings=("symbol", "cases", "in no case yet", "MA7", "", "last look", "watched from execution"),
                rows=tuple(_symbol_row(each, status.now_ms) for each in status.symbols),
                numeric=frozenset({1, 2, 3}),
            ),
            notes=tuple(notes),
            data={
                "now_ms": status.now_ms,
                "uptime_ms": round(status.uptime_ms),
                "mode": settings.now.mode.value,
                "sends": status.sends,
                "held_back": status.held_back,
                "symbols": [_symbol_data(each) for each in status.symbols],
                "settings_complaint": settings.complaint,
            },
        )

    async def _tell_cases(self, symbol: Symbol | None) -> Answer:
        found = open_cases(self._parts, symbol)
        status = self._parts.status()
        notes = [] if found else [f"Nothing{f' of {symbol}' if symbol else ''} waits to be sold."]
        if found and status.held_back:
            notes.append(f"Nothing new is placed: {status.held_back}.")
        return Answer(
            title=f"Open cases of {symbol}" if symbol else "Open cases",
            table=Table(
                headings=("case", "symbol", "bought", "cost", "SELL at", "sold", "waits for", "open for"),
                rows=tuple(_case_row(each, status.now_ms) for each in found),
                numeric=frozenset({0, 2, 3, 4, 5}),
            )
            if found
            else None,
            notes=tuple(notes),
            data={"now_ms": status.now_ms, "cases": [case_data(each) for each in found]},
        )


async def _tell_readings(lines: list[tuple[Symbol, MinuteReading]]) -> Answer:
    data: list[Json] = [{"symbol": symbol, **reading_data(reading)} for symbol, reading in lines]
    return Answer(
        title="Closed minutes",
        table=Table(
            headings=("symbol", "minute", "close", "MA7", "", "EMA21", "RSI14", "ATR14"),
            rows=tuple(_reading_row(symbol, reading) for symbol, reading in lines),
            numeric=frozenset({2, 3, 5, 6, 7}),
        )
        if lines
        else None,
        notes=() if lines else ("No minute was read yet.",),
        data={"readings": data},
    )


def placing(status: CompanionStatus) -> str:
    """Whether orders are placed, and why not."""
    if not status.sends:
        return "off: a dry run"
    return f"off: {status.held_back}" if status.held_back else "on"


def _symbol_row(line: SymbolStatus, now_ms: int) -> tuple[str, ...]:
    average = None if line.reading is None else line.reading.ma7
    return (
        line.symbol,
        str(len(line.cases)),
        plain(line.gathered),
        _value(average),
        _heading(average),
        DASH if line.looked_ms is None else f"{lasting(now_ms - line.looked_ms)} ago",
        "not yet" if line.watched_from is None else str(line.watched_from),
    )


def _symbol_data(line: SymbolStatus) -> dict[str, Json]:
    return {
        "symbol": line.symbol,
        "watched_from": line.watched_from,
        "looked_ms": line.looked_ms,
        "trouble": line.trouble,
        "gathered": plain(line.gathered),
        "cases": [case_data(each) for each in line.cases],
        "reading": None if line.reading is None else reading_data(line.reading),
    }


def _case_row(opened: OpenCase, now_ms: int) -> tuple[str, ...]:
    case, sell = opened.case, sell_of(opened.case)
    return (
        str(case.case_id),
        case.symbol,
        plain(case.quantity_bought),
        money(case.quote),
        DASH if sell is None else number(sell.order.price),
        DASH if sell is None else plain(sell.quantity_filled),
        opened.waits_for or DASH,
        lasting(now_ms - case.opened_ms),
    )


def case_data(opened: OpenCase) -> dict[str, Json]:
    """An open case for machines."""
    case, sell = opened.case, sell_of(opened.case)
    return {
        "case": int(case.case_id),
        "symbol": case.symbol,
        "quantity_bought": plain(case.quantity_bought),
        "quantity": plain(case.quantity),
        "quote": plain(case.quote),
        "opened_ms": case.opened_ms,
        "sell": None
        if sell is None
        else {
            "client_order_id": sell.name,
            "status": sell.status.value,
            "price": plain(sell.order.price),
            "quantity": plain(sell.order.quantity),
            "quantity_filled": plain(sell.quantity_filled),
        },
        "waits_for": opened.waits_for,
    }


def _reading_row(symbol: Symbol, reading: MinuteReading) -> tuple[str, ...]:
    return (
        symbol,
        at(reading.open_ms)[:-3],
        plain(reading.close),
        _value(reading.ma7),
        _heading(reading.ma7),
        _indicator(reading.ema21),
        DASH if reading.rsi14 is None else f"{reading.rsi14:.1f}",
        _indicator(reading.atr14),
    )


def reading_data(reading: MinuteReading) -> dict[str, Json]:
    """A closed minute for machines."""
    heading = reading.ma7.heading
    return {
        "open_ms": reading.open_ms,
        "close": plain(reading.close),
        "ma7": plain(rounded(reading.ma7.value)),
        "heading": None if heading is None else heading.value,
        "ema21": reading.ema21,
        "rsi14": reading.rsi14,
        "atr14": reading.atr14,
    }


def _value(average: MovingAverage | None) -> str:
    return DASH if average is None else plain(rounded(average.value))


def _heading(average: MovingAverage | None) -> str:
    return DASH if average is None or average.heading is None else average.heading.value


def _indicator(value: float | None) -> str:
    return DASH if value is None else plain(Decimal(f"{value:.{INDICATOR_DIGITS}g}"))
