"""The watcher of one symbol: takes in what a person buys, and sees to its one SELL. One task, one thing after another.

Truth comes from REST; the user stream says when to look, and is quicker. What is going to be sent is in the books
before it is sent, and what may have been sent is asked about by its name: it is never sent again blind.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

import structlog

from ratchet.config.rebound_settings import ReboundSettings
from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.identity import CaseId, ClientOrderId, FillId, OrderId
from ratchet.domain.money import ZERO, floor_to, plain
from ratchet.domain.order import LimitOrder, OrderReport, OrderStatus, Origin, Side
from ratchet.domain.rebound import Case, OwnOrder, SpotFill, SpotRole, Watch, base_of
from ratchet.domain.spot_rules import SpotRules
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import OrderChanged
from ratchet.exchange.certainty import NeverArrived, NeverSent, settle
from ratchet.exchange.errors import BadReply, ExchangeError, Meaning, RateLimited, Rejected
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.spot_books import SpotBooks
from ratchet.rebound.decide import (
    SELLS_MAX,
    Ask,
    BackLimits,
    BuyBack,
    Close,
    Follow,
    Gathering,
    Ready,
    Refusal,
    Sell,
    buy_back_of,
    case_of,
    next_of,
    origin_of,
    ripeness,
    sell_of,
)

EVENTS_MAX = 10_000
DAY_MS = 86_400_000
SOON_MS = 300  # after a fill: the next one may be on its way
AGAIN_MS = 1_000
FAILED_MS, FAILED_MS_MAX = 1_000, 30_000  # after a failure, doubled each time
UNSENT_MS = 5_000  # before what could not be sent is tried again
ARRIVAL_MS = 2_000  # beyond the receive window, until what was sent can arrive no more
LISTED_MS = 60_000  # before an intent, from where on the exchange's list of orders is looked through
PATIENCE = (1_000, 2_000, 4_000)  # ms between looks at a balance that is less than what was bought
NEVER_MS = 1 << 62
EXCHANGE_KNOWS = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a person should hear of."""

    at_ms: int
    symbol: Symbol
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the watchers of all symbols have in common."""

    settings: ReboundSettings
    recv_window_ms: int
    since_ms: int | None = None  # executions from then on are taken in as well, on purpose
    sends: bool = True  # False: what would be sent is only said
    say: Callable[[Said], None]
    backs: asyncio.Lock = field(default_factory=asyncio.Lock)  # the capital of BUYs back is one for all symbols


log = structlog.get_logger(__name__)


class SymbolWatcher:
    """`run` it, and tell it of events."""

    def __init__(self, symbol: Symbol, client: SpotClient, books: SpotBooks, clock: Clock, terms: Terms) -> None:
        self.symbol = symbol
        self.watch: Watch | None = None  # once it has begun
        self._base = base_of(symbol)
        self._client = client
        self._books = books
        self._clock = clock
        self._terms = terms
        # What an earlier process has sent arrives no more then.
        self._heirs_until_ms = clock.now_ms() + terms.recv_window_ms + ARRIVAL_MS
        self._events: deque[OrderChanged] = deque()
        self._wake = asyncio.Event()
        self._must_look = True
        self._look_ms = 0
        self._failures = 0
        self._last_trouble = ""
        self._names: dict[OrderId, ClientOrderId] = {}
        self._gatherings: dict[OrderId, Gathering] = {}
        self._cases: dict[CaseId, Case] = {}
        self._due_ms: dict[OrderId | CaseId, int] = {}  # of gatherings by order, of cases by their negative number
        self._unsent: set[ClientOrderId] = set()  # intents that provably were not taken
        self._late: set[ClientOrderId] = set()  # of which that was said
        self._arrives_until_ms: dict[ClientOrderId, int] = {}
        self._impatience: dict[CaseId, int] = {}

    # What it hears ---------------------------------------------------------------------------------------------------

    def on_changed(self, changed: OrderChanged) -> None:
        """An order of this symbol has changed."""
        if len(self._events) >= EVENTS_MAX:
            self._events.clear()
            self._must_look = True
        self._events.append(changed)
        self._wake.set()

    def on_gap(self) -> None:
        """Something may not have been heard."""
        self._must_look = True
        self._wake.set()

    # Its life --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                with self._clock.working():
                    await self._turn()
                self._failures, self._last_trouble = 0, ""
                until_ms = self._next_ms()
            except (ExchangeError, LedgerError) as error:
                until_ms = self._after_failure(error)
            await self._wait(until_ms)

    async def finish(self) -> None:
        """Take in what there is, once more. Raises: ExchangeError, LedgerError."""
        if self.watch is not None:
            await self._take_events()
            await self._look(self.watch)

    def _after_failure(self, error: Exception) -> int:
        self._must_look = True
        self._failures += 1
        pause_ms = min(FAILED_MS << min(self._failures - 1, 10), FAILED_MS_MAX)
        if isinstance(error, RateLimited) and error.retry_after_ms is not None:
            pause_ms = max(pause_ms, error.retry_after_ms)
        log.warning("rebound_not_done", symbol=self.symbol, error=str(error))
        trouble = type(error).__name__
        if self._failures > 1 and trouble != self._last_trouble:
            self._last_trouble = trouble
            self._say(f"not done yet, tried again: {error}")
        return self._clock.now_ms() + pause_ms

    async def _wait(self, until_ms: int) -> None:
        """Until an instant of exchange time, or something is heard after a turn that went well."""
        waits = {asyncio.ensure_future(self._clock.sleep_until(min(until_ms, self._clock.now_ms() + DAY_MS)))}
        if self._failures == 0:
            waits.add(asyncio.ensure_future(self._heard()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    async def _heard(self) -> None:
        await self._wake.wait()

    def _next_ms(self) -> int:
        return min([self._look_ms, *self._due_ms.values()])

    async def _turn(self) -> None:
        watch = self.watch or await self._begin()
        self._wake.clear()
        await self._take_events()
        if self._must_look or self._clock.now_ms() >= self._look_ms:
            await self._look(watch)
        for order_id in [each for each in self._gatherings if self._is_due(each)]:
            await self._ripen(order_id)
        for case_id in [each for each in self._cases if self._is_due(_key(each))]:
            await self._advance(self._cases[case_id])

    def _is_due(self, key: OrderId | CaseId) -> bool:
        return self._due_ms.get(key, 0) <= self._clock.now_ms()

    async def _begin(self) -> Watch:
        """From where on executions are taken in: from now, or from where an interrupted watch was cut off."""
        remembered = await self._books.remember(self.symbol)
        watch = remembered.watch
        if watch is None or watch.ended_ms is not None:
            last = await self._client.fetch_last_fill(self.symbol)
            here = 0 if last is None else int(last.fill_id)
            watch = Watch(start_id=here, seen_id=here)
        if self._terms.since_ms is not None:
            first = await self._first_since(self._terms.since_ms)
            if first is not None:
                before = int(first.fill_id) - 1
                watch = Watch(start_id=min(watch.start_id, before), seen_id=min(watch.seen_id, before))
        await self._books.watch(self.symbol, watch, at_ms=self._clock.now_ms())
        for told in remembered.unsold:
            self._gather(told)
        for case in remembered.cases:
            self._keep(case)
        self.watch = watch
        self._say(f"watched from execution {watch.seen_id + 1} on" if watch.seen_id else "watched from here on")
        return watch

    async def _first_since(self, since_ms: int) -> Fill | None:
        """The exchange looks through a day at a time."""
        while since_ms <= self._clock.now_ms():
            first = await self._client.fetch_first_fill(self.symbol, since_ms=since_ms)
            if first is not None:
                return first
            since_ms += DAY_MS
        return None

    # What is taken in ------------------------------------------------------------------------------------------------

    async def _take_events(self) -> None:
        while self._events:
            await self._take(self._events.popleft())

    async def _take(self, changed: OrderChanged) -> None:
        report, fill = changed.report, changed.fill
        self._names[report.order_id] = report.client_order_id
        found = self._own(report.client_order_id)
        if fill is not None:
            await self._record([fill], [report])
        if found is not None:
            await self._note(*found, report)
        elif report.order_id in self._gatherings and report.status.is_final:
            self._due_ms[report.order_id] = 0

    async def _look(self, watch: Watch) -> None:
        """Hold what is known against the exchange."""
        self._must_look = False
        fills = await self._client.fetch_fills(self.symbol, from_id=FillId(watch.seen_id + 1))
        people: dict[OrderId, OrderReport] = {}
        known: list[Fill] = []
        for fill in fills:
            if fill.order_id not in self._names:
                report = await self._client.fetch_order_by_number(self.symbol, fill.order_id)
                if report is None:  # nobody can say whose it is: it, and what came after it, is asked for again
                    break
                people[fill.order_id] = report
                self._names[fill.order_id] = report.client_order_id
            known.append(fill)
        if known:
            await self._record(known, people.values(), seen_id=int(known[-1].fill_id))
        await self._follow_up()
        is_whole = len(known) == len(fills)
        self._look_ms = self._clock.now_ms() + (round(self._terms.settings.sweep_s * 1_000) if is_whole else AGAIN_MS)

    async def _follow_up(self) -> None:
        """What became of the orders that stood."""
        standing = [(case, own) for case in self._cases.values() for own in case.orders if own.status in EXCHANGE_KNOWS]
        if not standing:
            return
        opened = {order.client_order_id: order for order in await self._client.fetch_open_orders(self.symbol)}
        for case, own in standing:
            report = opened.get(own.name) or await self._client.fetch_order(self.symbol, own.name)
            if report is not None:
                await self._note(self._cases[case.case_id], own, report)

    async def _record(self, fills: Iterable[Fill], reports: Iterable[OrderReport], seen_id: int | None = None) -> None:
        """Executions and the orders of people into the books; those of people's BUYs are gathered."""
        watch = self.watch
        if watch is None:
            return
        told = [self._spot_fill(fill) for fill in fills if fill.fill_id > watch.start_id]
        people = [report for report in reports if origin_of(report.client_order_id) is Origin.MANUAL]
        if told or people or seen_id is not None:
            new = await self._books.record(self.symbol, told, people, at_ms=self._clock.now_ms(), seen_id=seen_id)
            for each in new:
                if each.origin is Origin.MANUAL and each.fill.side is Side.BUY:
                    self._gather(each)
        if seen_id is not None:
            self.watch = replace(watch, seen_id=max(watch.seen_id, seen_id))

    def _spot_fill(self, fill: Fill) -> SpotFill:
        name = self._names[fill.order_id]
        found = self._own(name)
        return SpotFill(
            fill=fill,
            origin=origin_of(name) if found is None else Origin.SYSTEM,
            client_order_id=name,
            case_id=None if found is None else found[0].case_id,
        )

    def _gather(self, told: SpotFill) -> None:
        order_id, now_ms = told.fill.order_id, self._clock.now_ms()
        self._names[order_id] = told.client_order_id
        before = self._gatherings.get(order_id)
        fills = () if before is None else before.fills
        merged = tuple(sorted((*fills, told.fill), key=lambda fill: fill.fill_id))
        self._gatherings[order_id] = Gathering(order_id=order_id, fills=merged, touched_ms=now_ms)
        self._due_ms[order_id] = now_ms + SOON_MS

    async def _ripen(self, order_id: OrderId) -> None:
        """Whether what was bought is to be sold now; if so it becomes a case."""
        report = await self._client.fetch_order_by_number(self.symbol, order_id)
        if report is None:
            self._due_ms[order_id] = self._clock.now_ms() + AGAIN_MS
            return
        fills = await self._client.fetch_fills_of(self.symbol, order_id)
        await self._record(fills, [report])
        gathering = self._gatherings[order_id]
        now_ms = self._clock.now_ms()
        draft = case_of(CaseId(0), gathering.fills, self._base, now_ms)
        answer = ripeness(
            gathering,
            report,
            sum((fill.quantity for fill in fills), ZERO),
            is_sellable=report.status.is_final or await self._is_sellable(draft),
            settle_ms=round(self._terms.settings.settle_s * 1_000),
            now_ms=now_ms,
        )
        if not isinstance(answer, Ready):
            self._due_ms[order_id] = answer.until_ms
            return
        case = replace(draft, case_id=self._books.next_case_id())
        await self._books.open_case(case, [fill.fill_id for fill in gathering.fills])
        del self._gatherings[order_id], self._due_ms[order_id]
        self._keep(case)
        average = case.quote / case.quantity_bought
        self._say(f"bought by hand: {plain(case.quantity_bought)} at {average:.8g} on average (case {case.case_id})")

    async def _is_sellable(self, draft: Case) -> bool:
        rules = await self._rules()
        if rules is None:
            return False
        return isinstance(sell_of(draft, rules, self._percent, draft.quantity, None, ClientOrderId("")), LimitOrder)

    # Cases -----------------------------------------------------------------------------------------------------------

    @property
    def _percent(self) -> Decimal:
        return self._terms.settings.percent_of(self.symbol)

    def _keep(self, case: Case) -> None:
        self._cases[case.case_id] = case
        self._due_ms[_key(case.case_id)] = 0
        for own in case.orders:
            if own.order_id is not None:
                self._names[own.order_id] = own.name

    def _own(self, name: ClientOrderId) -> tuple[Case, OwnOrder] | None:
        for case in self._cases.values():
            for own in case.orders:
                if own.name == name:
                    return case, own
        return None

    async def _advance(self, case: Case) -> None:
        """Do what is to be done for a case."""
        step = next_of(case, buys_back=self._terms.settings.buy_back_count > 0)
        match step:
            case Sell():
                await self._sell(case, step.sequence)
            case Ask():
                await self._ask(case, step.own)
            case Follow():
                self._later(case, NEVER_MS)
            case BuyBack():
                await self._buy_back(case, step.sold)
            case Close():
                await self._close(case, step.reason)

    async def _sell(self, case: Case, sequence: int) -> None:
        rules = await self._rules()
        if rules is None:
            await self._close(case, f"no SELL: {self.symbol} is not listed")
            return
        held = (await self._client.fetch_balances()).get(self._base)
        free = ZERO if held is None else held.free
        if floor_to(free, rules.quantity_step) < floor_to(case.quantity, rules.quantity_step):
            tries = self._impatience.get(case.case_id, 0)
            if tries < len(PATIENCE):  # the balance may be behind the order
                self._impatience[case.case_id] = tries + 1
                self._later(case, self._clock.now_ms() + PATIENCE[tries])
                return
        name = self._books.name_order(case.case_id, SpotRole.SELL, sequence)
        order = sell_of(case, rules, self._percent, free, await self._reference(rules), name)
        if isinstance(order, Refusal):
            await self._close(case, f"no SELL: {order.reason}")
        elif not self._terms.sends:
            await self._close(case, f"would send {_words(order)}")
        else:
            await self._place(case, self._owned(order, SpotRole.SELL, sequence))

    async def _buy_back(self, case: Case, sold: OwnOrder) -> None:
        if not await self._collect(case, sold):
            return
        rules = await self._rules()
        if rules is None:
            await self._close(case, f"sold; no BUY back: {self.symbol} is not listed")
            return
        settings, now_ms = self._terms.settings, self._clock.now_ms()
        reference = await self._reference(rules)
        async with self._terms.backs:
            limits = BackLimits(
                percent=settings.buy_back_percent,
                count_max=settings.buy_back_count,
                count_used=await self._books.backs_since(self.symbol, now_ms - now_ms % DAY_MS),
                quote_max=settings.buy_back_quote_max,
                quote_used=await self._books.backs_open_quote(),
            )
            name = self._books.name_order(case.case_id, SpotRole.BACK, 0)
            order = buy_back_of(sold, rules, limits, reference, name)
            if isinstance(order, Refusal):
                await self._close(case, f"sold; {order.reason}")
                return
            own = self._owned(order, SpotRole.BACK, 0)
            case = await self._intend(case, own)
        await self._send(case, own)

    async def _close(self, case: Case, reason: str) -> None:
        for own in case.orders:
            if own.quantity_filled and not await self._collect(case, own):
                return
        await self._books.close_case(case.case_id, reason, at_ms=self._clock.now_ms())
        del self._cases[case.case_id], self._due_ms[_key(case.case_id)]
        self._impatience.pop(case.case_id, None)
        self._say(f"case {case.case_id}: {reason}")

    async def _collect(self, case: Case, own: OwnOrder) -> bool:
        """All executions of an order of ours into the books. False when the exchange does not tell all of them yet."""
        if own.order_id is None:
            return True
        fills = await self._client.fetch_fills_of(self.symbol, own.order_id)
        await self._record(fills, ())
        if sum((fill.quantity for fill in fills), ZERO) == own.quantity_filled:
            return True
        self._later(case, self._clock.now_ms() + AGAIN_MS)
        return False

    # Orders ----------------------------------------------------------------------------------------------------------

    def _owned(self, order: LimitOrder, role: SpotRole, sequence: int) -> OwnOrder:
        return OwnOrder(order=order, role=role, sequence=sequence, intended_ms=self._clock.now_ms())

    async def _place(self, case: Case, own: OwnOrder) -> None:
        await self._send(await self._intend(case, own), own)

    async def _intend(self, case: Case, own: OwnOrder) -> Case:
        """Into the books, before anything is sent."""
        await self._books.intend(case, own)
        case = replace(case, orders=(*case.orders, own))
        self._cases[case.case_id] = case
        return case

    async def _send(self, case: Case, own: OwnOrder) -> None:
        """Send once, and go by what is known then. Nothing of it is lost when this is cut off: it is asked about."""
        self._unsent.discard(own.name)
        self._arrives_until_ms[own.name] = self._arrival_ms()
        try:
            report = await settle(
                own.name,
                lambda: self._client.place(own.order),
                lambda: self._client.fetch_order(self.symbol, own.name),
                lambda why: log.warning("rebound_outcome_unknown", client_order_id=own.name, error=why),
            )
            self._names[report.order_id] = own.name
        except Rejected as no:
            await self._refused(case, own, no)
        except NeverSent as never:
            self._unsent.add(own.name)
            self._later(case, self._clock.now_ms() + max(UNSENT_MS, never.retry_after_ms or 0))
            if own.name not in self._late:
                self._late.add(own.name)
                self._say(f"{_words(own.order)} could not be sent yet, it is tried again")
        except NeverArrived:
            self._arrives_until_ms[own.name] = self._arrival_ms()
            self._later(case, self._clock.now_ms() + AGAIN_MS)
        else:
            self._say(f"{_words(own.order)} is placed (case {case.case_id})")
            await self._note(self._cases[case.case_id], own, report)

    def _arrival_ms(self) -> int:
        """From when on nothing that was sent until now is taken any more."""
        return self._clock.now_ms() + self._terms.recv_window_ms + ARRIVAL_MS

    async def _refused(self, case: Case, own: OwnOrder, no: Rejected) -> None:
        refused = replace(own, status=OrderStatus.REJECTED, reason=str(no))
        case = await self._mark(case, refused)
        if no.meaning is Meaning.NO_BALANCE and own.role is SpotRole.SELL and own.sequence + 1 < SELLS_MAX:
            self._later(case, self._clock.now_ms() + AGAIN_MS * 2**own.sequence)
            return
        what = "no SELL" if own.role is SpotRole.SELL else "sold; no BUY back"
        await self._close(case, f"{what}: {_words(own.order)} was refused: {no}")

    async def _ask(self, case: Case, own: OwnOrder) -> None:
        """What became of an order that may have been sent."""
        if own.name in self._unsent:
            await self._send(case, own)
            return
        report = await self._client.fetch_order(self.symbol, own.name)
        until_ms = self._arrives_until_ms.get(own.name, self._heirs_until_ms)
        if report is None and self._clock.now_ms() < until_ms:
            self._later(case, self._clock.now_ms() + AGAIN_MS)
            return
        if report is None:  # it can arrive no more; a list that does not depend on its name has the last word
            listed = await self._client.fetch_orders(self.symbol, since_ms=own.intended_ms - LISTED_MS)
            report = next((order for order in listed if order.client_order_id == own.name), None)
        if report is None:
            await self._mark(case, replace(own, status=OrderStatus.REJECTED, reason="the exchange never took it"))
            return
        self._names[report.order_id] = own.name
        await self._note(case, own, report)

    async def _note(self, case: Case, own: OwnOrder, report: OrderReport) -> None:
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

    async def _mark(self, case: Case, own: OwnOrder) -> Case:
        await self._books.mark(own, at_ms=self._clock.now_ms())
        orders = tuple(own if each.name == own.name else each for each in case.orders)
        case = replace(case, orders=orders)
        self._keep(case)
        return case

    def _later(self, case: Case, at_ms: int) -> None:
        self._due_ms[_key(case.case_id)] = at_ms

    # What it asks ----------------------------------------------------------------------------------------------------

    async def _rules(self) -> SpotRules | None:
        """As of now; None for a pair that is not listed any more."""
        try:
            return (await self._client.fetch_pairs([self.symbol])).get(self.symbol)
        except Rejected:
            return None

    async def _reference(self, rules: SpotRules) -> Decimal | None:
        if not rules.is_trading:
            return None
        with suppress(Rejected, BadReply):
            return await self._client.fetch_average_price(self.symbol)
        return None

    def _say(self, text: str) -> None:
        log.info("rebound", symbol=self.symbol, text=text)
        self._terms.say(Said(at_ms=self._clock.now_ms(), symbol=self.symbol, text=text))


def _key(case_id: CaseId) -> CaseId:
    """Of a case, where numbers of orders are keys too."""
    return CaseId(-case_id)


def _words(order: LimitOrder) -> str:
    return f"{order.side} {plain(order.quantity)} {base_of(order.symbol)} at {plain(order.price)}"
