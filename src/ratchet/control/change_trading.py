"""Changes of trading: pause, resume, close, panic."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.desk import Asker, Refused, Role
from ratchet.control.exchange_words import asked
from ratchet.control.parts import DeskParts
from ratchet.control.request import Commands, Request
from ratchet.control.shape import direction, number
from ratchet.control.words import Words
from ratchet.domain.money import plain
from ratchet.domain.symbol import Symbol
from ratchet.trading.operators.operations import CannotResume, CloseReport
from ratchet.trading.operators.panic import PanicReport

ALL = "all"


class Operations(Protocol):
    """Who does it. `who` is written down."""

    @property
    def is_paused(self) -> bool:
        """Whether an operator has paused it."""

    @property
    def is_in_emergency(self) -> bool:
        """Whether there was a panic and no resume since."""

    async def pause(self, who: str) -> bool:
        """No entries until a resume. Returns: whether it is in the ledger already."""

    async def resume(self, who: str) -> None:
        """Lift pause and emergency. Raises: CannotResume."""

    async def close(self, symbol: Symbol, who: str) -> CloseReport:
        """Close what is held of a symbol at market."""

    async def panic(self, who: str) -> PanicReport:
        """Close everything and cancel everything."""


class TradingChanges:
    """pause, resume, panic, close."""

    def __init__(self, parts: DeskParts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations

    def commands(self) -> Commands:
        """By name."""
        return {"pause": self._pause, "resume": self._resume, "panic": self._panic, "close": self._close}

    # Understanding ------------------------------------------------------------------------------------------------

    async def _pause(self, words: Words) -> Request:
        words.end()
        return Request(self._do_pause, Role.OPERATOR)

    async def _resume(self, words: Words) -> Request:
        words.end()
        question = "There was a panic. Let entries in again?" if self._operations.is_in_emergency else ""
        return Request(self._do_resume, Role.OPERATOR, question)

    async def _panic(self, words: Words) -> Request:
        words.end()
        return Request(self._do_panic, Role.OPERATOR, "Stop entries, cancel all orders and close everything at market?")

    async def _close(self, words: Words) -> Request:
        word = words.text("SYMBOL")
        if word.lower() == ALL:
            words.end()
            symbols = await self._held()
            if not symbols:
                raise Refused("close: nothing is held")
            names = ", ".join(symbols)
            return Request(
                lambda asker: self._do_close(asker, symbols),
                Role.OPERATOR,
                f"Close {len(symbols)} {'position' if len(symbols) == 1 else 'positions'} at market: {names}?",
            )
        symbol = words.again(word).symbol(self._parts.symbols)
        words.end()
        held = await self._held()
        if symbol not in held:
            raise Refused(f"close: nothing is held of {symbol}; held: {', '.join(held) or 'nothing'}")
        return Request(
            lambda asker: self._do_close(asker, [symbol]), Role.OPERATOR, f"Close {self._described(symbol)} at market?"
        )

    async def _held(self) -> Sequence[Symbol]:
        """By our trades and by the exchange, whichever says so."""
        ours = {line.symbol for line in self._parts.status().positions}
        stated = await asked(self._parts.exchange.fetch_positions())
        return sorted(ours if isinstance(stated, str) else ours | {each.symbol for each in stated})

    def _described(self, symbol: Symbol) -> str:
        line = next((each for each in self._parts.status().positions if each.symbol == symbol), None)
        return symbol if line is None else f"{symbol}, {direction(line.side)} {plain(line.quantity)},"

    # Doing --------------------------------------------------------------------------------------------------------

    async def _do_pause(self, asker: Asker) -> Answer:
        was_paused = self._operations.is_paused
        is_recorded = await self._operations.pause(asker.name)
        notes = ["It was paused before."] if was_paused else []
        if not is_recorded:
            notes.append("The ledger does not know it yet: after a restart entries may be on.")
        return Answer(
            title="Paused",
            facts=(("entries", "off until a resume"), ("held", "kept as ever")),
            notes=tuple(notes),
            data={"is_paused": True, "is_recorded": is_recorded},
        )

    async def _do_resume(self, asker: Asker) -> Answer:
        was_off = self._operations.is_paused or self._operations.is_in_emergency
        try:
            await self._operations.resume(asker.name)
        except CannotResume as error:
            raise Refused(f"resume: {error}") from None
        halted = self._parts.status().entries_halted
        return Answer(
            title="Resumed" if was_off else "Nothing was paused",
            facts=(("entries", f"still off: {halted}" if halted else "on"),),
            data={"was_paused": was_off, "entries_halted": halted},
        )

    async def _do_close(self, asker: Asker, symbols: Sequence[Symbol]) -> Answer:
        reports = await asyncio.gather(*(self._operations.close(symbol, asker.name) for symbol in symbols))
        is_flat = all(each.is_flat for each in reports)
        return Answer(
            title="Closed" if is_flat else "Not closed yet",
            table=Table(
                headings=("symbol", "was held", "left", "why"),
                rows=tuple((each.symbol, plain(each.held_before), number(each.left), each.reason) for each in reports),
                numeric=frozenset({1, 2}),
            ),
            notes=("The exchange says that nothing of it is held.",)
            if is_flat
            else ("It is gone on with; positions shows how far it is.",),
            data={
                "is_flat": is_flat,
                "closed": [
                    {
                        "symbol": each.symbol,
                        "held_before": plain(each.held_before),
                        "left": None if each.left is None else plain(each.left),
                        "reason": each.reason,
                        "is_flat": each.is_flat,
                    }
                    for each in reports
                ],
            },
        )

    async def _do_panic(self, asker: Asker) -> Answer:
        return panic_answer(await self._operations.panic(asker.name))


def panic_answer(report: PanicReport) -> Answer:
    """What came of a panic."""
    rows = [(symbol, f"position of {plain(quantity)}", "closed") for symbol, quantity in report.closed]
    rows += [(symbol, f"order {name}", "cancelled") for symbol, name in report.cancelled]
    rows += [(left.symbol, left.what, f"left: {left.reason}") for left in report.left]
    notes = ["Entries are off until a resume."]
    if report.waits_for:
        notes.append(f"It waits for {report.waits_for}, and goes on.")
    left: list[Json] = [{"symbol": each.symbol, "what": each.what, "reason": each.reason} for each in report.left]
    return Answer(
        title="Flat" if report.is_flat else "Not flat yet",
        facts=(
            ("by the exchange", "nothing is held, nothing stands" if report.is_flat else "something is left"),
            ("closed", str(len(report.closed))),
            ("cancelled", str(len(report.cancelled))),
            ("took", f"{report.took_ms / 1_000:.1f} s"),
        ),
        table=Table(headings=("symbol", "what", "became"), rows=tuple(rows)) if rows else None,
        notes=tuple(notes),
        data={
            "is_flat": report.is_flat,
            "at_ms": report.at_ms,
            "took_ms": report.took_ms,
            "closed": [{"symbol": symbol, "quantity": plain(quantity)} for symbol, quantity in report.closed],
            "cancelled": [{"symbol": symbol, "client_order_id": name} for symbol, name in report.cancelled],
            "left": left,
            "waits_for": report.waits_for,
        },
    )
