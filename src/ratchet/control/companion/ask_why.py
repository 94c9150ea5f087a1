"""The question for reasons: the story of a case, or of a symbol."""

from decimal import Decimal

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.companion.parts import CompanionParts
from ratchet.control.desk import Refused
from ratchet.control.request import Commands, Request
from ratchet.control.shape import DASH, at, money, number, rounded, signed
from ratchet.control.words import Words
from ratchet.domain.identity import OURS, CaseId
from ratchet.domain.money import plain
from ratchet.domain.order import Origin, Side
from ratchet.domain.rebound import SpotRole, base_of
from ratchet.domain.symbol import Symbol
from ratchet.ledger.spot_results import (
    CaseResult,
    CaseStory,
    SymbolStory,
    ToldFill,
    ToldOrder,
    case_story,
    symbol_story,
)
from ratchet.rebound.status import OpenCase

CASE_MAX = 10**9
LINES = 10  # cases of a symbol, and executions that were left alone


class WhyQuestion:
    """why."""

    def __init__(self, parts: CompanionParts) -> None:
        self._parts = parts

    def commands(self) -> Commands:
        """By name."""
        return {"why": self._why}

    async def _why(self, words: Words) -> Request:
        if words.next_is_number():
            case_id = CaseId(words.count("CASE", default=1, most=CASE_MAX))
            words.end()
            return Request(lambda _asker: self._tell_case(case_id))
        symbol = words.symbol(self._parts.listed)
        words.end()
        return Request(lambda _asker: self._tell_symbol(symbol))

    async def _tell_case(self, case_id: CaseId) -> Answer:
        story = await self._parts.ledger.ask(lambda session: case_story(session, case_id))
        if story is None:
            raise Refused(f"why: there is no case {case_id}; cases shows those that are open, why SYMBOL the last ones")
        opened = next(
            (each for line in self._parts.status().symbols for each in line.cases if each.case.case_id == case_id), None
        )
        return case_answer(story, opened)

    async def _tell_symbol(self, symbol: Symbol) -> Answer:
        return symbol_answer(symbol, await self._parts.ledger.ask(lambda session: symbol_story(session, symbol, LINES)))


def case_answer(story: CaseStory, opened: OpenCase | None) -> Answer:
    """Everything that happened for a case, as it happened. Args: opened, what it waits for if it is not over."""
    case, base = story.case, base_of(story.case.symbol)
    events = sorted([*map(_fill_event, story.fills), *(_order_event(each) for each in story.orders)])
    return Answer(
        title=f"Case {case.case_id}, {case.symbol}",
        facts=(
            ("bought", f"{plain(case.quantity_bought)} {base} for {money(case.quote)} USDC"),
            ("average", number(rounded(case.quote / case.quantity_bought))),
            ("to be sold", f"{plain(story.quantity)} {base}, what fees left of it"),
            ("sold", f"{plain(case.quantity_sold)} {base} for {money(case.sold)} USDC"),
            ("profit before fees", f"{signed(profit_of(case))} USDC"),
            ("began", at(case.opened_ms)),
            ("end", _end(case, opened)),
        ),
        table=Table(
            headings=("at", "whose", "what", "name"),
            rows=tuple((at(event[0]), *event[2:]) for event in events),
        ),
        data={
            **_case_data(case),
            "quantity": plain(story.quantity),
            "waits_for": None if opened is None else opened.waits_for,
            "orders": [_order_data(each) for each in story.orders],
            "fills": [_fill_data(each) for each in story.fills],
        },
    )


def symbol_answer(symbol: Symbol, story: SymbolStory) -> Answer:
    """The last cases of a symbol, and which executions were left alone and why."""
    notes = [
        f"Left alone at {at(fill.at_ms)}: {fill.side.value} {plain(fill.quantity)} at {plain(fill.price)}"
        f" ({why_left_alone(fill)})."
        for fill in story.left_alone
    ]
    if story.began_ms is None:
        notes.append(f"{symbol} was never watched.")
    elif story.start_id:
        notes.append(
            f"Executions up to number {story.start_id} are left alone: they are from before watching began"
            f" ({at(story.began_ms)})."
        )
    return Answer(
        title=f"The last cases of {symbol}",
        table=Table(
            headings=("case", "began", "bought", "cost", "sold", "for", "profit", "end"),
            rows=tuple(_case_row(each) for each in story.cases),
            numeric=frozenset({0, 2, 3, 4, 5, 6}),
        )
        if story.cases
        else None,
        notes=tuple(notes if story.cases else ["There was no case yet.", *notes]),
        data={
            "symbol": symbol,
            "began_ms": story.began_ms,
            "start_id": story.start_id,
            "cases": [_case_data(each) for each in story.cases],
            "left_alone": [_fill_data(each) | {"why": why_left_alone(each)} for each in story.left_alone],
        },
    )


def why_left_alone(fill: ToldFill) -> str:
    """Why an execution that was seen is in no case."""
    if fill.client_order_id.startswith(OURS):
        return "the trader's"
    if fill.origin is Origin.SYSTEM:
        return "of a companion with another ledger"
    return "sold by hand" if fill.side is Side.SELL else "bought by hand, it waits to be sold"


def profit_of(case: CaseResult) -> Decimal:
    """What was sold for more than the same coins cost on average, quote asset, before fees."""
    return case.sold - case.quantity_sold * case.quote / case.quantity_bought


def _end(case: CaseResult, opened: OpenCase | None) -> str:
    if case.closed_ms is not None:
        return f"{at(case.closed_ms)}: {case.reason}"
    return f"open, waits for {opened.waits_for}" if opened is not None and opened.waits_for else "open"


# An event: when, which of those of one millisecond is first, and what people read.
def _fill_event(fill: ToldFill) -> tuple[int, int, str, str, str]:
    what = (
        f"{fill.side.value} {plain(fill.quantity)} at {plain(fill.price)} filled,"
        f" fee {plain(fill.fee)} {fill.fee_asset}"
    )
    return fill.at_ms, 1, _whose(fill.origin), what, fill.client_order_id


def _order_event(order: ToldOrder) -> tuple[int, int, str, str, str]:
    price = "" if order.price is None else f" at {plain(order.price)}"
    end = f"{order.status.value}, {plain(order.quantity_filled)} filled, {at(order.updated_ms)}"
    name = {SpotRole.MANUAL: order.side.value, SpotRole.SELL: "SELL", SpotRole.BACK: "BUY back"}[order.role]
    verb = "seen first" if order.origin is Origin.MANUAL else "intended"
    reason = f": {order.reason}" if order.reason else ""
    return (
        order.intended_ms,
        0,
        _whose(order.origin),
        f"{name} {plain(order.quantity)}{price} {verb}; {end}{reason}",
        order.client_order_id,
    )


def _whose(origin: Origin) -> str:
    return "companion" if origin is Origin.SYSTEM else "person"


def _case_row(case: CaseResult) -> tuple[str, ...]:
    return (
        str(case.case_id),
        at(case.opened_ms),
        plain(case.quantity_bought),
        money(case.quote),
        plain(case.quantity_sold),
        money(case.sold),
        signed(profit_of(case)) if case.quantity_sold else DASH,
        case.reason or "open",
    )


def _case_data(case: CaseResult) -> dict[str, Json]:
    return {
        "case": int(case.case_id),
        "symbol": case.symbol,
        "quantity_bought": plain(case.quantity_bought),
        "quote": plain(case.quote),
        "quantity_sold": plain(case.quantity_sold),
        "sold": plain(case.sold),
        "opened_ms": case.opened_ms,
        "closed_ms": case.closed_ms,
        "reason": case.reason,
    }


def _order_data(order: ToldOrder) -> dict[str, Json]:
    return {
        "client_order_id": order.client_order_id,
        "role": order.role.value,
        "origin": order.origin.value,
        "side": order.side.value,
        "quantity": plain(order.quantity),
        "price": None if order.price is None else plain(order.price),
        "status": order.status.value,
        "quantity_filled": plain(order.quantity_filled),
        "price_average": plain(order.price_average),
        "reason": order.reason,
        "intended_ms": order.intended_ms,
        "updated_ms": order.updated_ms,
    }


def _fill_data(fill: ToldFill) -> dict[str, Json]:
    return {
        "fill_id": fill.fill_id,
        "at_ms": fill.at_ms,
        "side": fill.side.value,
        "price": plain(fill.price),
        "quantity": plain(fill.quantity),
        "fee": plain(fill.fee),
        "fee_asset": fill.fee_asset,
        "origin": fill.origin.value,
        "client_order_id": fill.client_order_id,
    }
