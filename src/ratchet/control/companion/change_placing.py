"""Changes of what is placed: pause, resume, close, panic."""

from collections.abc import Collection, Sequence
from typing import NoReturn, Protocol

import structlog

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.companion.ask_standing import placing
from ratchet.control.companion.parts import WATCHED, CompanionParts, open_cases, sell_of
from ratchet.control.desk import Asker, Refused, Role
from ratchet.control.request import Commands, Request
from ratchet.control.shape import money
from ratchet.control.words import Words
from ratchet.domain.identity import CaseId
from ratchet.domain.money import plain
from ratchet.domain.rebound import base_of
from ratchet.ledger.errors import LedgerError
from ratchet.rebound.operations import CannotResume, GivenUp
from ratchet.rebound.panic import SpotPanicReport
from ratchet.rebound.status import OpenCase

ALL = "all"
NOT_SOLD = "Nothing was sold: what was bought stays on the account."

log = structlog.get_logger(__name__)


class Operations(Protocol):
    """Who does it. `who` is written down."""

    @property
    def is_paused(self) -> bool:
        """Whether an operator has paused it."""

    @property
    def is_in_emergency(self) -> bool:
        """Whether there was a panic and no resume since."""

    async def pause(self, who: str) -> None:
        """Nothing new is placed until a resume. Raises: LedgerError when only this process knows of it."""

    async def resume(self, who: str) -> None:
        """Lift pause and emergency. Raises: CannotResume."""

    async def give_up(self, cases: Collection[CaseId], who: str) -> list[GivenUp]:
        """Cancel what these cases have standing, and close them."""

    async def panic(self, who: str) -> SpotPanicReport:
        """Pause, cancel every order of the companion, and give up its cases."""


class PlacingChanges:
    """pause, resume, close, panic."""

    def __init__(self, parts: CompanionParts, operations: Operations) -> None:
        self._parts = parts
        self._operations = operations

    def commands(self) -> Commands:
        """By name."""
        return {"pause": self._pause, "resume": self._resume, "close": self._close, "panic": self._panic}

    # Understanding ------------------------------------------------------------------------------------------------

    async def _pause(self, words: Words) -> Request:
        words.end()
        return Request(self._do_pause, Role.OPERATOR)

    async def _resume(self, words: Words) -> Request:
        words.end()
        question = "There was a panic. Place orders again?" if self._operations.is_in_emergency else ""
        return Request(self._do_resume, Role.OPERATOR, question)

    async def _panic(self, words: Words) -> Request:
        words.end()
        question = "Place nothing new, cancel every order of the companion and give up its cases? Coins are not sold."
        return Request(self._do_panic, Role.OPERATOR, question)

    async def _close(self, words: Words) -> Request:
        found = self._meant(words)
        words.end()
        described = ", ".join(map(_described, found))
        cases = [each.case.case_id for each in found]
        return Request(
            lambda asker: self._do_close(asker, cases),
            Role.OPERATOR,
            f"Give up {described}? What stands of it is cancelled; the coins stay.",
        )

    def _meant(self, words: Words) -> Sequence[OpenCase]:
        """Open cases. Raises: Refused where there is none."""
        found = open_cases(self._parts)
        if words.next_is_number():
            word = words.text("CASE")
            return [each for each in found if str(each.case.case_id) == word] or _refuse(
                f"case {word} is not open", found
            )
        word = words.text("CASE")
        if word.lower() == ALL:
            return found or _refuse("no case is open", found)
        symbol = words.again(word).symbol(self._parts.watched, WATCHED)
        return open_cases(self._parts, symbol) or _refuse(f"no case of {symbol} is open", found)

    # Doing --------------------------------------------------------------------------------------------------------

    async def _do_pause(self, asker: Asker) -> Answer:
        was_paused, is_recorded = self._operations.is_paused, True
        try:
            await self._operations.pause(asker.name)
        except LedgerError as error:
            log.warning("pause_not_recorded", error=str(error))
            is_recorded = False
        notes = ["It was paused before."] if was_paused else []
        if not is_recorded:
            notes.append("The ledger does not know it: after a restart orders are placed.")
        return Answer(
            title="Paused",
            facts=(("placing", "off until a resume"), ("what stands", "stays"), ("what is bought", "is written down")),
            notes=tuple(notes),
            data={"is_paused": True, "is_recorded": is_recorded},
        )

    async def _do_resume(self, asker: Asker) -> Answer:
        was_off = self._operations.is_paused or self._operations.is_in_emergency
        try:
            await self._operations.resume(asker.name)
        except CannotResume as error:
            raise Refused(f"resume: {error}") from None
        status = self._parts.status()
        return Answer(
            title="Resumed" if was_off else "Nothing was paused",
            facts=(("placing", placing(status)),),
            data={"was_paused": was_off, "held_back": status.held_back},
        )

    async def _do_close(self, asker: Asker, cases: Sequence[CaseId]) -> Answer:
        reports = await self._operations.give_up(cases, asker.name)
        if not reports:
            raise Refused("close: they were over by then; cases shows those that are open")
        is_over = all(each.is_over for each in reports)
        return Answer(
            title="Given up" if is_over else "Not given up yet",
            table=Table(
                headings=("case", "symbol", "cancelled", "became"),
                rows=tuple(
                    (str(each.case_id), each.symbol, ", ".join(each.cancelled) or "nothing", each.reason)
                    for each in reports
                ),
                numeric=frozenset({0}),
            ),
            notes=(NOT_SOLD if is_over else "It is gone on with; cases shows how far it is.",),
            data={
                "is_over": is_over,
                "given_up": [
                    {
                        "case": int(each.case_id),
                        "symbol": each.symbol,
                        "cancelled": [str(name) for name in each.cancelled],
                        "is_over": each.is_over,
                        "reason": each.reason,
                    }
                    for each in reports
                ],
            },
        )

    async def _do_panic(self, asker: Asker) -> Answer:
        return panic_answer(await self._operations.panic(asker.name))


def panic_answer(report: SpotPanicReport) -> Answer:
    """What came of a panic."""
    rows = [(symbol, name, "cancelled") for symbol, name in report.cancelled]
    rows += [(left.symbol, left.name, f"left: {left.reason}") for left in report.left]
    notes = [NOT_SOLD, "Nothing new is placed until a resume."]
    if report.waits_for:
        notes.append(f"It waits for {report.waits_for}, and goes on.")
    left: list[Json] = [{"symbol": each.symbol, "name": each.name, "reason": each.reason} for each in report.left]
    return Answer(
        title="Clear" if report.is_clear else "Not clear yet",
        facts=(
            ("by the exchange", "no order of the companion stands" if report.is_clear else "it is not sure yet"),
            ("cancelled", str(len(report.cancelled))),
            ("took", f"{report.took_ms / 1_000:.1f} s"),
        ),
        table=Table(headings=("symbol", "order", "became"), rows=tuple(rows)) if rows else None,
        notes=tuple(notes),
        data={
            "is_clear": report.is_clear,
            "at_ms": report.at_ms,
            "took_ms": report.took_ms,
            "cancelled": [{"symbol": symbol, "client_order_id": name} for symbol, name in report.cancelled],
            "left": left,
            "waits_for": report.waits_for,
        },
    )


def _described(opened: OpenCase) -> str:
    case, sell = opened.case, sell_of(opened.case)
    price = "" if sell is None else f", to be sold at {plain(sell.order.price)}"
    return f"case {case.case_id} ({plain(case.quantity)} {base_of(case.symbol)} for {money(case.quote)} USDC{price})"


def _refuse(why: str, found: Sequence[OpenCase]) -> NoReturn:
    others = ", ".join(f"{each.case.case_id} ({each.case.symbol})" for each in found)
    raise Refused(f"close: {why}; open: {others or 'none'}")
