"""The seller of one symbol: sees the cases through, each to its end, with one SELL and perhaps a BUY back.

What is going to be sent is in the books before it is sent, and what may have been sent is asked about by its name: it
is never sent again blind. Names follow from what is sold, so that another companion of the account, on whatever
machine, cannot sell the same once more: the exchange refuses its order, or shows it ours.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.identity import CaseId, ClientOrderId, OrderId, rebound_order_id
from ratchet.domain.money import ZERO, floor_to, plain
from ratchet.domain.order import LimitOrder, OrderReport, OrderStatus, Side
from ratchet.domain.rebound import Case, OwnOrder, SpotRole, base_of
from ratchet.domain.spot_rules import SpotRules
from ratchet.domain.symbol import Symbol
from ratchet.exchange.certainty import LAG_MS, NeverArrived, NeverSent, settle
from ratchet.exchange.errors import BadReply, Meaning, NotSent, Rejected
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.notices import Weight
from ratchet.rebound.decide import (
    MAY_BE_SENT,
    SELLS_MAX,
    Ask,
    BackLimits,
    BuyBack,
    Close,
    Follow,
    Refusal,
    Sell,
    buy_back_of,
    end_of_given_up,
    next_of,
    sell_of,
    sell_price,
)
from ratchet.rebound.status import OpenCase
from ratchet.rebound.terms import Terms, say

DAY_MS = 86_400_000
AGAIN_MS = 1_000
UNSENT_MS = 5_000  # before what could not be sent is tried again
CLOSED_MARKET_MS = 60_000  # between two looks whether a pair trades again
ARRIVAL_MS = 2_000 + LAG_MS  # beyond the receive window, until what was sent can arrive, and be seen, no later
LISTED_MS = 60_000  # before an intent, from where on the exchange's list of orders is looked through
PATIENCE = (1_000, 2_000, 4_000)  # ms between looks at a balance that is less than what was bought
NEVER_MS = 1 << 62
EXCHANGE_KNOWS = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class GivingUp:
    """A case that an operator has given up."""

    who: str
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: list[ClientOrderId] = field(default_factory=list)
    reason: str = ""  # how it ended, or why it has not


class Seller:
    """Works when its watcher lets it: one thing after another."""

    def __init__(
        self,
        symbol: Symbol,
        client: SpotClient,
        books: SpotBooks,
        clock: Clock,
        terms: Terms,
        record: Callable[[Sequence[Fill]], Awaitable[None]],
    ) -> None:
        """Args: record, takes executions into the books."""
        self._symbol = symbol
        self._base = base_of(symbol)
        self._client = client
        self._books = books
        self._clock = clock
        self._terms = terms
        self._record = record
        # What an earlier process has sent arrives no more then.
        self._heirs_until_ms = self._arrival_ms()
        self.names: dict[OrderId, ClientOrderId] = {}  # of our orders, by the exchange's number
        self._cases: dict[CaseId, Case] = {}
        self._due_ms: dict[CaseId, int] = {}
        self._waits: dict[CaseId, str] = {}  # what for
        self._impatience: dict[CaseId, int] = {}
        self._unsent: set[ClientOrderId] = set()  # intents that provably were not taken
        self._said: set[str] = set()  # what is said once
        self._arrives_until_ms: dict[ClientOrderId, int] = {}
        self._given_up: dict[CaseId, GivingUp] = {}

    # What is asked of it ---------------------------------------------------------------------------------------------

    def keep(self, case: Case) -> None:
        """See to a case from now on, or to what has become of it."""
        self._cases[case.case_id] = case
        self._due_ms[case.case_id] = 0
        for own in case.orders:
            if own.order_id is not None:
                self.names[own.order_id] = own.name

    def own(self, name: ClientOrderId) -> tuple[Case, OwnOrder] | None:
        """Of an open case, the order of that name."""
        for case in self._cases.values():
            for own in case.orders:
                if own.name == name:
                    return case, own
        return None

    def open_cases(self) -> tuple[OpenCase, ...]:
        """Oldest first, and what each waits for."""
        return tuple(
            OpenCase(case=case, waits_for=self._waits.get(case_id, "")) for case_id, case in self._cases.items()
        )

    def coming(self) -> list[ClientOrderId]:
        """Orders that may be on their way: nobody knows yet whether the exchange has them."""
        return [
            own.name
            for case in self._cases.values()
            for own in case.orders
            if own.status in MAY_BE_SENT and own.name not in self._unsent
        ]

    def give_up(self, cases: Collection[CaseId], who: str) -> dict[CaseId, GivingUp]:
        """Have these cases ended, those of them that are open, in the next turn."""
        for case_id in cases:
            if case_id in self._cases:
                self._given_up.setdefault(case_id, GivingUp(who=who))
                self._due_ms[case_id] = 0
        return {case_id: self._given_up[case_id] for case_id in cases if case_id in self._given_up}

    def look_again(self) -> None:
        """Something has changed for all of them."""
        for case_id in self._cases:
            self._due_ms[case_id] = 0

    def next_ms(self) -> int:
        """When something is to be done next, exchange time."""
        return min(self._due_ms.values(), default=NEVER_MS)

    async def turn(self) -> None:
        """Do what is due. Raises: ExchangeError, LedgerError."""
        for case_id in [each for each in self._cases if self._due_ms[each] <= self._clock.now_ms()]:
            await self._advance(self._cases[case_id])

    async def follow_up(self) -> None:
        """What became of the orders that stood. Raises: ExchangeError, LedgerError."""
        standing = [(case, own) for case in self._cases.values() for own in case.orders if own.status in EXCHANGE_KNOWS]
        if not standing:
            return
        opened = {order.client_order_id: order for order in await self._client.fetch_open_orders(self._symbol)}
        for case, own in standing:
            report = opened.get(own.name) or await self._client.fetch_order(self._symbol, own.name)
            if report is not None:
                await self.note(self._cases[case.case_id], own, report)

    async def note(self, case: Case, own: OwnOrder, report: OrderReport) -> None:
        """What the exchange says of an order of ours. News that come late do not take back what is known."""
        if own.status.is_final or report.quantity_filled < own.quantity_filled:
            return
        noted = replace(
            own,
            status=report.status,
            order_id=report.order_id,
            quantity_filled=report.quantity_filled,
            price_average=report.price_average,
        )
        if noted != own:
            await self._mark(case, noted)
            self._terms.tally.on_news(own, noted)

    # What comes next -------------------------------------------------------------------------------------------------

    async def _advance(self, case: Case) -> None:
        step = next_of(case, buys_back=self._terms.settings().buy_back_count > 0)
        given_up = self._given_up.get(case.case_id)
        match step:
            case Ask():
                await self._ask(case, step.own)
            case Follow() if given_up is not None:
                await self._take_back(case, case.orders[-1], given_up)
            case Follow():
                self._later(case, NEVER_MS, f"its {_words(case.orders[-1].order)} is filled")
            case Sell() | BuyBack() | Close() if given_up is not None:
                await self._close(case, end_of_given_up(case, step, given_up.who))
            case Sell() | BuyBack() if self._terms.gate.held_back:
                self._later(case, NEVER_MS, f"a resume: {self._terms.gate.held_back}")
            case Sell():
                await self._sell(case, step.sequence)
            case BuyBack():
                await self._buy_back(case, step.sold)
            case Close():
                await self._close(case, step.reason)

    async def _sell(self, case: Case, sequence: int) -> None:
        rules = await self._rules()
        if rules is None:
            await self._close(case, f"no SELL: {self._symbol} is not listed", Weight.WARNING)
            return
        name = rebound_order_id(self._base, case.first_fill_id, SpotRole.SELL.value)
        price = sell_price(case, self._percent, rules.price_tick)
        if await self._is_there(case, SpotRole.SELL, sequence, name, price):
            return
        if not rules.is_trading:
            self._later(case, self._clock.now_ms() + CLOSED_MARKET_MS, f"{self._symbol} trades again ({rules.status})")
            self._say_once(
                f"{case.case_id} halted",
                f"no SELL yet: {self._symbol} does not trade ({rules.status}); it is placed when it does"
                f" (case {case.case_id})",
            )
            return
        held = (await self._client.fetch_balances()).get(self._base)
        free = ZERO if held is None else held.free
        if floor_to(free, rules.quantity_step) < floor_to(case.quantity, rules.quantity_step):
            tries = self._impatience.get(case.case_id, 0)
            if tries < len(PATIENCE):  # the balance may be behind the order
                self._impatience[case.case_id] = tries + 1
                self._later(case, self._clock.now_ms() + PATIENCE[tries], "the balance to show what was bought")
                return
        order = sell_of(case, rules, self._percent, free, await self._reference(), name)
        if isinstance(order, Refusal):
            await self._close(case, f"no SELL: {order.reason}", Weight.WARNING)
        elif not self._terms.sends:
            await self._close(case, f"would send {_words(order)}")
        else:
            own = self._owned(order, SpotRole.SELL, sequence)
            await self._send(await self._intend(case, own), own)

    async def _buy_back(self, case: Case, sold: OwnOrder) -> None:
        if not await self._collect(case, sold):
            return
        rules = await self._rules()
        if rules is None:
            await self._close(case, f"sold; no BUY back: {self._symbol} is not listed")
            return
        settings, now_ms = self._terms.settings(), self._clock.now_ms()
        reference = await self._reference() if rules.is_trading else None
        name = rebound_order_id(self._base, case.first_fill_id, SpotRole.BACK.value)
        async with self._terms.backs:
            limits = BackLimits(
                percent=settings.buy_back_percent,
                count_max=settings.buy_back_count,
                count_used=await self._books.backs_since(self._symbol, now_ms - now_ms % DAY_MS),
                quote_max=settings.buy_back_quote_max,
                quote_used=await self._books.backs_open_quote(),
            )
            order = buy_back_of(sold, rules, limits, reference, name)
            if isinstance(order, Refusal):
                await self._close(case, f"sold; {order.reason}")
                return
            if await self._is_there(case, SpotRole.BACK, 0, name, order.price):
                return
            own = self._owned(order, SpotRole.BACK, 0)
            case = await self._intend(case, own)
        await self._send(case, own)

    async def _is_there(self, case: Case, role: SpotRole, sequence: int, name: ClientOrderId, price: Decimal) -> bool:
        """Whether the exchange has an order of a name under which this ledger knows of none. It becomes the case's:
        another companion has placed it, or this one with a ledger that is lost, or what was given up arrived."""
        report = await self._client.fetch_order(self._symbol, name)
        if report is None:
            return False
        side = Side.SELL if role is SpotRole.SELL else Side.BUY
        order = LimitOrder(client_order_id=name, symbol=self._symbol, side=side, quantity=report.quantity, price=price)
        own = self._owned(order, role, sequence)
        case = await self._intend(case, own)
        self._say(f"its {side} is there already, it was placed elsewhere (case {case.case_id})")
        await self.note(case, own, report)
        return True

    async def _take_back(self, case: Case, own: OwnOrder, given_up: GivingUp) -> None:
        """Cancel what stands. Whether it is gone, the exchange says."""
        try:
            report: OrderReport | None = await self._client.cancel(self._symbol, own.name)
            given_up.cancelled.append(own.name)
        except Rejected as no:
            given_up.reason = str(no)
            report = await self._client.fetch_order(self._symbol, own.name)
        self._later(case, self._clock.now_ms() + AGAIN_MS, f"its {own.order.side} is cancelled")
        if report is not None:
            await self.note(case, own, report)

    async def _close(self, case: Case, reason: str, weight: Weight = Weight.INFO) -> None:
        for own in case.orders:
            if own.quantity_filled and not await self._collect(case, own):
                return
        await self._books.close_case(case.case_id, reason, at_ms=self._clock.now_ms())
        self._terms.tally.cases_closed += 1
        del self._cases[case.case_id], self._due_ms[case.case_id]
        self._waits.pop(case.case_id, None)
        self._impatience.pop(case.case_id, None)
        self._said.discard(f"{case.case_id} halted")
        for own in case.orders:
            self._said.discard(own.name)
            self._unsent.discard(own.name)
            self._arrives_until_ms.pop(own.name, None)
        self._say(f"case {case.case_id}: {reason}", weight)
        if (given_up := self._given_up.pop(case.case_id, None)) is not None:
            given_up.reason = reason
            given_up.is_over.set()

    async def _collect(self, case: Case, own: OwnOrder) -> bool:
        """All executions of an order of ours into the books. False when the exchange does not tell all of them yet."""
        if own.order_id is None:
            return True
        fills = await self._client.fetch_fills_of(self._symbol, own.order_id)
        await self._record(fills)
        if sum((fill.quantity for fill in fills), ZERO) == own.quantity_filled:
            return True
        self._later(case, self._clock.now_ms() + AGAIN_MS, "the exchange to tell all of its executions")
        return False

    # Orders ----------------------------------------------------------------------------------------------------------

    def _owned(self, order: LimitOrder, role: SpotRole, sequence: int) -> OwnOrder:
        return OwnOrder(order=order, role=role, sequence=sequence, intended_ms=self._clock.now_ms())

    async def _intend(self, case: Case, own: OwnOrder) -> Case:
        """Into the books, before anything is sent. Another attempt takes the place of the one before."""
        await self._books.intend(case, own)
        case = replace(case, orders=(*(each for each in case.orders if each.name != own.name), own))
        self._cases[case.case_id] = case
        return case

    async def _send(self, case: Case, own: OwnOrder) -> None:
        """Send once, and go by what is known then. Nothing of it is lost when this is cut off: it is asked about."""
        self._unsent.discard(own.name)
        self._arrives_until_ms[own.name] = self._arrival_ms()
        self._waits[case.case_id] = f"the exchange to take {_words(own.order)}"
        try:
            report = await settle(
                own.name,
                lambda: self._place(own.order),
                lambda: self._client.fetch_order(self._symbol, own.name),
                lambda why: log.warning("rebound_outcome_unknown", client_order_id=own.name, error=why),
            )
            self.names[report.order_id] = own.name
        except Rejected as no:
            await self._refused(case, own, no)
        except NeverSent as never:
            self._unsent.add(own.name)
            again_ms = self._clock.now_ms() + max(UNSENT_MS, never.retry_after_ms or 0)
            self._later(case, again_ms, f"{_words(own.order)} to be sent")
            if not self._terms.gate.held_back:
                self._say_once(own.name, f"{_words(own.order)} could not be sent yet, it is tried again")
        except NeverArrived:
            self._arrives_until_ms[own.name] = self._arrival_ms()
            self._later(case, self._clock.now_ms() + AGAIN_MS, f"word of {_words(own.order)}")
        else:
            self._say(f"{_words(own.order)} is placed (case {case.case_id})")
            await self.note(self._cases[case.case_id], own, report)

    async def _place(self, order: LimitOrder) -> OrderReport:
        if self._terms.gate.held_back:  # since it was intended
            raise NotSent(self._terms.gate.held_back)
        return await self._client.place(order)

    def _arrival_ms(self) -> int:
        """From when on nothing that was sent until now is taken any more."""
        return self._clock.now_ms() + self._terms.recv_window_ms + ARRIVAL_MS

    async def _refused(self, case: Case, own: OwnOrder, no: Rejected) -> None:
        refused = replace(own, status=OrderStatus.REJECTED, reason=str(no))
        case = await self._mark(case, refused)
        self._terms.tally.on_news(own, refused)
        is_sell = own.role is SpotRole.SELL
        may_pass = no.meaning in (Meaning.NO_BALANCE, Meaning.NOT_TRADING)
        if is_sell and may_pass and own.sequence + 1 < SELLS_MAX:
            self._later(case, self._clock.now_ms() + AGAIN_MS * 2**own.sequence, f"another try: {no}")
            return
        what = "no SELL" if is_sell else "sold; no BUY back"
        await self._close(case, f"{what}: {_words(own.order)} was refused: {no}", Weight.WARNING)

    async def _ask(self, case: Case, own: OwnOrder) -> None:
        """What became of an order that may have been sent."""
        if own.name in self._unsent:
            await self._unsent_still(case, own)
            return
        report = await self._client.fetch_order(self._symbol, own.name)
        until_ms = self._arrives_until_ms.get(own.name, self._heirs_until_ms)
        if report is None and self._clock.now_ms() < until_ms:
            self._later(case, self._clock.now_ms() + AGAIN_MS, f"word of {_words(own.order)}")
            return
        if report is None:  # it can arrive no more; a list that does not depend on its name has the last word
            listed = await self._client.fetch_orders(self._symbol, since_ms=own.intended_ms - LISTED_MS)
            report = next((order for order in listed if order.client_order_id == own.name), None)
        if report is None:
            await self._mark(case, replace(own, status=OrderStatus.REJECTED, reason="the exchange never took it"))
            return
        self.names[report.order_id] = own.name
        await self.note(case, own, report)

    async def _unsent_still(self, case: Case, own: OwnOrder) -> None:
        if case.case_id in self._given_up:
            await self._mark(case, replace(own, status=OrderStatus.REJECTED, reason="given up before it was sent"))
        elif self._terms.gate.held_back:
            self._later(case, NEVER_MS, f"a resume: {self._terms.gate.held_back}")
        else:
            await self._send(case, own)

    async def _mark(self, case: Case, own: OwnOrder) -> Case:
        await self._books.mark(own, at_ms=self._clock.now_ms())
        orders = tuple(own if each.name == own.name else each for each in case.orders)
        case = replace(case, orders=orders)
        self.keep(case)
        return case

    def _later(self, case: Case, at_ms: int, waits_for: str) -> None:
        self._due_ms[case.case_id] = at_ms
        self._waits[case.case_id] = waits_for

    # What it asks, and says ------------------------------------------------------------------------------------------

    @property
    def _percent(self) -> Decimal:
        return self._terms.settings().percent_of(self._symbol)

    async def _rules(self) -> SpotRules | None:
        """As of now; None for a pair that is not listed any more."""
        try:
            return (await self._client.fetch_pairs([self._symbol])).get(self._symbol)
        except Rejected:
            return None

    async def _reference(self) -> Decimal | None:
        with suppress(Rejected, BadReply):
            return await self._client.fetch_average_price(self._symbol)
        return None

    async def is_sellable(self, draft: Case) -> bool:
        """Whether the filters would let all of it be sold. Raises: ExchangeError."""
        rules = await self._rules()
        if rules is None:
            return False
        order = sell_of(draft, rules, self._percent, draft.quantity, None, ClientOrderId(""))
        return isinstance(order, LimitOrder)

    def _say_once(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._say(text, Weight.WARNING)

    def _say(self, text: str, weight: Weight = Weight.INFO) -> None:
        say(self._terms, self._clock, self._symbol, text, weight=weight)


def _words(order: LimitOrder) -> str:
    return f"{order.side} {plain(order.quantity)} {base_of(order.symbol)} at {plain(order.price)}"
