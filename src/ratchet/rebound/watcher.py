"""The watcher of one symbol: takes in what a person buys, and lets its seller work. One task, one thing after another.

Truth comes from REST; the user stream says when to look, and is quicker.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import replace
from decimal import Decimal

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.fill import Fill
from ratchet.domain.identity import CaseId, ClientOrderId, FillId, OrderId
from ratchet.domain.money import ZERO, plain
from ratchet.domain.order import OrderReport, Origin, Side
from ratchet.domain.rebound import SpotFill, SpotRole, Watch, base_of, profit_of
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import OrderChanged
from ratchet.exchange.certainty import LAG_MS
from ratchet.exchange.errors import BadReply, ExchangeError, RateLimited
from ratchet.exchange.spot_client import SpotClient
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.spot_books import SpotBooks
from ratchet.observe.notices import Kind, Weight
from ratchet.rebound.decide import Gathering, Ready, case_of, origin_of, ripeness
from ratchet.rebound.seller import GivingUp, Seller
from ratchet.rebound.status import OpenCase, SymbolStatus
from ratchet.rebound.terms import Terms, say
from ratchet.strategy.minute_readings import MinuteReading

EVENTS_MAX = 10_000
DAY_MS = 86_400_000
SOON_MS = 300  # after a fill: the next one may be on its way
AGAIN_MS = 1_000
FAILED_MS, FAILED_MS_MAX = 1_000, 30_000  # after a failure, doubled each time
STRANGE_MAX = 3  # answers, one after the other, that contradict the ledger, for longer than reads lag

log = structlog.get_logger(__name__)


class CannotWatch(Exception):
    """Nothing can be watched with this ledger. One line: why, and how to mend it."""


class SymbolWatcher:
    """`run` it, and tell it of events."""

    def __init__(self, symbol: Symbol, client: SpotClient, books: SpotBooks, clock: Clock, terms: Terms) -> None:
        self.symbol = symbol
        self.watch: Watch | None = None  # once it has begun
        self._seller = Seller(symbol, client, books, clock, terms, lambda fills: self._record(fills, ()))
        self._base = base_of(symbol)
        self._client = client
        self._books = books
        self._clock = clock
        self._terms = terms
        self._events: deque[OrderChanged] = deque()
        self._wake = asyncio.Event()
        self._must_look = True
        self._look_ms = 0
        self._looked_ms: int | None = None
        self._failures = 0
        self._strange = 0
        self._strange_since_ms = 0
        self._began_ms = 0  # where watching began anew: what was traded before is left alone
        self._trouble = ""
        self._trouble_since_ms: int | None = None
        self._is_ledger_in_trouble = False
        self._profit: Decimal | None = None  # once the ledger has been read
        self._last_trouble = ""
        self._names: dict[OrderId, ClientOrderId] = {}  # of orders that are not the companion's
        self._gatherings: dict[OrderId, Gathering] = {}
        self._due_ms: dict[OrderId, int] = {}  # of gatherings

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

    def on_gate(self) -> None:
        """Placing was held back, or goes on."""
        self._seller.look_again()
        self._wake.set()

    def give_up(self, cases: Collection[CaseId], who: str) -> dict[CaseId, GivingUp]:
        """Have those of these cases ended that are open here."""
        self._wake.set()
        return self._seller.give_up(cases, who)

    def open_cases(self) -> tuple[OpenCase, ...]:
        """Oldest first."""
        return self._seller.open_cases()

    def coming(self) -> list[ClientOrderId]:
        """Orders of which nobody knows yet whether the exchange has them."""
        return self._seller.coming()

    def status(self, reading: MinuteReading | None) -> SymbolStatus:
        """How it stands."""
        gathered = sum((fill.quantity for each in self._gatherings.values() for fill in each.fills), ZERO)
        return SymbolStatus(
            symbol=self.symbol,
            watched_from=None if self.watch is None else self.watch.start_id + 1,
            looked_ms=self._looked_ms,
            trouble=self._trouble,
            trouble_since_ms=self._trouble_since_ms,
            is_ledger_in_trouble=self._is_ledger_in_trouble,
            gathered=gathered,
            gathered_ms=tuple(min(fill.at_ms for fill in each.fills) for each in self._gatherings.values()),
            cases=self._seller.open_cases(),
            reading=reading,
            profit=self._profit,
        )

    # Its life --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. Raises: CannotWatch."""
        while True:
            try:
                with self._clock.working():
                    await self._turn()
                self._failures, self._trouble, self._last_trouble = 0, "", ""
                self._trouble_since_ms, self._is_ledger_in_trouble = None, False
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
        self._trouble, trouble = str(error), type(error).__name__
        if self._trouble_since_ms is None:
            self._trouble_since_ms = self._clock.now_ms()
        self._is_ledger_in_trouble = isinstance(error, LedgerError)
        if self._failures > 1 and trouble != self._last_trouble:
            self._last_trouble = trouble
            self._say(f"not done yet, tried again: {error}", Weight.WARNING)
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
        return min([self._look_ms, self._seller.next_ms(), *self._due_ms.values()])

    async def _turn(self) -> None:
        watch = self.watch or await self._begin()
        self._wake.clear()
        await self._take_events()
        if self._must_look or self._clock.now_ms() >= self._look_ms:
            await self._look(watch)
        for order_id in [each for each, due_ms in self._due_ms.items() if due_ms <= self._clock.now_ms()]:
            await self._ripen(order_id)
        await self._seller.turn()

    async def _begin(self) -> Watch:
        """From where on executions are taken in: from now, or from where an interrupted watch was cut off."""
        remembered = await self._books.remember(self.symbol)
        watch = remembered.watch
        now_ms = self._clock.now_ms()
        last = await self._client.fetch_last_fill(self.symbol)
        here = 0 if last is None else int(last.fill_id)
        if watch is not None and here < watch.seen_id:
            self._contradicted(watch.seen_id)
        if watch is None or watch.ended_ms is not None:
            watch = Watch(start_id=here, seen_id=here)
            self._began_ms = now_ms
        if self._terms.since_ms is not None:
            first = await self._first_since(self._terms.since_ms)
            if first is not None:
                before = int(first.fill_id) - 1
                self._began_ms = min(self._began_ms, self._terms.since_ms)
                watch = Watch(start_id=min(watch.start_id, before), seen_id=min(watch.seen_id, before))
        await self._books.watch(self.symbol, watch, at_ms=self._clock.now_ms())
        for told in remembered.unsold:
            self._gather(told)
        for case in remembered.cases:
            self._seller.keep(case)
        self.watch, self._profit = watch, remembered.profit
        text = f"watched from execution {watch.seen_id + 1} on" if watch.seen_id else "watched from here on"
        self._say(text, kind=Kind.START)
        return watch

    def _contradicted(self, seen_id: int) -> None:
        """The exchange's last execution is older than one that is in the ledger. For a while it may be behind;
        if it stays so, this is another account, or a testnet that was begun anew: numbers mean other things there."""
        now_ms = self._clock.now_ms()
        if self._strange == 0:
            self._strange_since_ms = now_ms
        self._strange += 1
        if self._strange >= STRANGE_MAX and now_ms - self._strange_since_ms > LAG_MS:
            raise CannotWatch(
                f"the ledger knows {self.symbol} execution {seen_id} and the exchange does not: it is the ledger of "
                "another account, or of a testnet that was reset; move its file away, or name another with "
                "RATCHET_LEDGER__URL"
            )
        raise BadReply(f"{self.symbol}: the exchange does not know execution {seen_id}, which is in the ledger")

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
        found = self._seller.own(report.client_order_id)
        if fill is not None:
            await self._record([fill], [report])
        if found is not None:
            await self._seller.note(*found, report)
        elif report.order_id in self._gatherings and report.status.is_final:
            self._due_ms[report.order_id] = 0

    async def _look(self, watch: Watch) -> None:
        """Hold what is known against the exchange."""
        self._must_look = False
        fills = await self._client.fetch_fills(self.symbol, from_id=FillId(watch.seen_id + 1))
        people: dict[OrderId, OrderReport] = {}
        known: list[Fill] = []
        for fill in fills:
            if self._name_of(fill.order_id) is None:
                report = await self._client.fetch_order_by_number(self.symbol, fill.order_id)
                if report is None:  # nobody can say whose it is: it, and what came after it, is asked for again
                    break
                people[fill.order_id] = report
                self._names[fill.order_id] = report.client_order_id
            known.append(fill)
        if known:
            await self._record(known, people.values(), seen_id=int(known[-1].fill_id))
        await self._seller.follow_up()
        is_whole = len(known) == len(fills)
        self._looked_ms = self._clock.now_ms()
        self._look_ms = self._clock.now_ms() + (round(self._terms.settings().sweep_s * 1_000) if is_whole else AGAIN_MS)

    async def _record(self, fills: Iterable[Fill], reports: Iterable[OrderReport], seen_id: int | None = None) -> None:
        """Executions and the orders of people into the books; those of people's BUYs are gathered."""
        if self.watch is None:
            return
        fills = tuple(fills)
        watch = await self._started_after(self.watch, fills)
        told = [self._spot_fill(fill) for fill in fills if fill.fill_id > watch.start_id]
        people = [report for report in reports if origin_of(report.client_order_id) is Origin.MANUAL]
        if told or people or seen_id is not None:
            new = await self._books.record(self.symbol, told, people, at_ms=self._clock.now_ms(), seen_id=seen_id)
            for each in new:
                if each.origin is Origin.MANUAL and each.fill.side is Side.BUY:
                    self._gather(each)
                self._earn(each)
        if seen_id is not None:
            self.watch = replace(watch, seen_id=max(watch.seen_id, seen_id))

    async def _started_after(self, watch: Watch, fills: Collection[Fill]) -> Watch:
        """The watch, begun after what was traded before its beginning and was not seen then, for reads lag."""
        before = [fill.fill_id for fill in fills if fill.fill_id > watch.start_id and fill.at_ms < self._began_ms]
        if not before:
            return watch
        start_id = int(max(before))
        self.watch = replace(watch, start_id=start_id, seen_id=max(watch.seen_id, start_id))
        await self._books.watch(self.symbol, self.watch, at_ms=self._began_ms)
        return self.watch

    def _spot_fill(self, fill: Fill) -> SpotFill:
        name = self._name_of(fill.order_id)
        if name is None:
            raise BadReply(f"{self.symbol}: order {fill.order_id} has no name")
        found = self._seller.own(name)
        return SpotFill(
            fill=fill,
            origin=origin_of(name) if found is None else Origin.SYSTEM,
            client_order_id=name,
            case_id=None if found is None else found[0].case_id,
        )

    def _earn(self, told: SpotFill) -> None:
        """What a SELL has brought is counted as the ledger counts it, which has it by now."""
        found = self._seller.own(told.client_order_id)
        if found is not None and found[1].role is SpotRole.SELL and self._profit is not None:
            case, fill = found[0], told.fill
            self._profit += profit_of(fill.quantity, fill.price, case.quote, case.quantity_bought)

    def _name_of(self, order_id: OrderId) -> ClientOrderId | None:
        return self._seller.names.get(order_id) or self._names.get(order_id)

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
            is_sellable=report.status.is_final or await self._seller.is_sellable(draft),
            settle_ms=round(self._terms.settings().settle_s * 1_000) + LAG_MS,  # its next part would be seen by then
            now_ms=now_ms,
        )
        if not isinstance(answer, Ready):
            self._due_ms[order_id] = answer.until_ms
            return
        case = replace(draft, case_id=self._books.next_case_id())
        await self._books.open_case(case, [fill.fill_id for fill in gathering.fills])
        del self._gatherings[order_id], self._due_ms[order_id]
        self._seller.keep(case)
        average = case.quote / case.quantity_bought
        self._say(f"bought by hand: {plain(case.quantity_bought)} at {average:.8g} on average (case {case.case_id})")

    def _say(self, text: str, weight: Weight = Weight.INFO, kind: Kind = Kind.CASE) -> None:
        say(self._terms, self._clock, self.symbol, text, kind=kind, weight=weight)
