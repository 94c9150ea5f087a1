"""The protector: one stop over exactly what is held, for every position from whatever source, or no position.

It acts on what it knows of the exchange's state and looks again after every step, so that it does not matter which
event came late, twice or never. It knows nothing of strategies, signals or ladders.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from decimal import Decimal

import structlog

from ratchet.domain.identity import ClientOrderId, TradeId
from ratchet.domain.money import ZERO
from ratchet.domain.order import LimitOrder, MarketOrder, OrderReport, Side, StopOrder, StopReport
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.errors import ExchangeError
from ratchet.risk.protection import PlaceStop, default_stop_price, next_step
from ratchet.trading.protection.steps import (
    TRIGGER_PATIENCE_MS,
    AwaitTrigger,
    Flatten,
    ProtectorParts,
    Step,
    Steps,
    Watcher,
)
from ratchet.trading.protection.ward import Ward

REFUSAL_KEPT_MS = 30_000.0  # a refused move of a stop that covers is not tried again before
PAUSE_S = 0.2  # after a step that changed nothing; doubled each time
PAUSE_MAX_S = 2.0
MARKET_CLOSED_PAUSE_S = 5.0  # a symbol that is delisted: nothing can be done but by the exchange
SETTLE_TIMEOUT_S = 60.0

log = structlog.get_logger(__name__)


class Protector:
    """Knowledge comes in by `on_…` and may come at any time; each symbol is worked on by one task at most."""

    def __init__(self, parts: ProtectorParts, watcher: Watcher) -> None:
        self._client = parts.client
        self._clock = parts.clock
        self._rules = parts.rules
        self._stop_fraction = parts.stop_fraction
        self._watcher = watcher
        self._steps = Steps(parts, watcher, self.look, self._touch)
        self._wards: dict[Symbol, Ward] = {}
        self._workers: dict[Symbol, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._closing_all = ""  # why nothing at all may be held

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for symbol in tuple(self._wards):
                    self._touch(symbol)
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    # What is known -----------------------------------------------------------------------------------------------

    def ward(self, symbol: Symbol) -> Ward:
        """What is known of a symbol."""
        found = self._wards.get(symbol)
        if found is None:
            found = self._wards[symbol] = Ward(symbol=symbol)
        return found

    def held(self) -> dict[Symbol, Decimal]:
        """All positions that can be protected, signed."""
        return {symbol: ward.held for symbol, ward in self._wards.items() if ward.held and symbol in self._rules}

    def is_at_rest(self, symbol: Symbol) -> bool:
        """Nothing is held, or what is held is covered by stops that stand, and nothing is being done about it."""
        ward = self.ward(symbol)
        is_quiet = ward.held == 0 or ward.ignored or (ward.is_covered and not ward.triggering)
        return symbol not in self._workers and is_quiet

    def price_stop(self, symbol: Symbol) -> Decimal | None:
        """The trigger of the stop that stands; None where none does."""
        return next((stop.price_trigger for stop in self.ward(symbol).standing.values() if stop.is_ours), None)

    def on_position(self, symbol: Symbol, held: Decimal, price_entry: Decimal, at_ms: int) -> None:
        """The user stream tells a position."""
        if self.ward(symbol).on_position(held, price_entry, at_ms, self._clock.elapsed_ms()):
            self._touch(symbol)

    def on_stop(self, report: StopReport) -> None:
        """The user stream, or an answer, tells of a stop."""
        ward = self.ward(report.symbol)
        if ward.on_stop(report, self._clock.elapsed_ms()):
            self._steps.on_lost(ward, f"{report.client_order_id} {report.status.lower()} {report.reason}".strip())
        self._touch(report.symbol)

    def on_positions(self, positions: Sequence[Position], asked: float) -> list[Symbol]:
        """The account by REST. Returns the symbols about which the streams should have told and did not.

        Args: asked, real ms at which it was asked for.
        """
        now = self._clock.elapsed_ms()
        news: list[Symbol] = []
        seen = {position.symbol for position in positions}
        for position in positions:
            ward = self.ward(position.symbol)
            if ward.on_rest(position.quantity_signed, position.price_entry, position.updated_ms, asked, now):
                news.append(position.symbol)
        others = [ward for symbol, ward in self._wards.items() if symbol not in seen]
        news += [ward.symbol for ward in others if ward.on_absent(asked, now)]
        for symbol in tuple(self._wards):  # what was not certain before may be now
            self._touch(symbol)
        return news

    async def on_stops(self, symbol: Symbol, reports: Sequence[StopReport], asked: float) -> None:
        """The waiting stops of a symbol by REST. What is missing is asked for by name before it counts as gone.

        Args: asked, real ms at which the list was asked for.
        """
        ward = self.ward(symbol)
        now = self._clock.elapsed_ms()
        for report in reports:
            ward.on_stop(report, now, max(0, self._clock.now_ms() - report.updated_ms))
        for name in ward.missing(reports, asked):
            asked = self._clock.elapsed_ms()
            try:
                report_of_it = await self._client.fetch_stop(symbol, name)
            except ExchangeError as error:
                log.warning("stop_not_fetched", symbol=symbol, client_order_id=name, error=str(error))
                continue
            if report_of_it is not None:
                self.on_stop(report_of_it)
            elif ward.on_unknown(name, asked):
                self._steps.on_lost(ward, f"{name} is not known to the exchange")
        self._touch(symbol)

    async def look(self, symbol: Symbol) -> None:
        """Ask the exchange for a symbol's position and stops. Raises: ExchangeError."""
        asked = self._clock.elapsed_ms()
        self.ward(symbol)  # that no position of it is told is news of it
        positions = await self._client.fetch_positions()
        stops = await self._client.fetch_open_stops(symbol)
        self.on_positions(positions, asked)
        await self.on_stops(symbol, stops, asked)

    # What is wanted ----------------------------------------------------------------------------------------------

    def expect(self, symbol: Symbol, trade_id: TradeId, planned: StopOrder, coming: Decimal) -> None:
        """An entry is about to be sent.

        Args: planned, its stop, whose intent is in the ledger; coming, what it may bring, signed.
        """
        ward = self.ward(symbol)
        ward.trade_id, ward.price_wanted, ward.planned, ward.coming = (trade_id, planned.price_trigger, planned, coming)

    async def send(self, order: MarketOrder | LimitOrder) -> OrderReport:
        """Send a plain order and take note of what it changes before its events come.

        Raises: Rejected, NeverArrived.
        """
        return await self._steps.send(self.ward(order.symbol), order)

    def entered(self, symbol: Symbol) -> None:
        """Nothing more will come of the entry."""
        self.ward(symbol).coming = ZERO
        self._touch(symbol)

    def want(self, symbol: Symbol, trade_id: TradeId, price: Decimal) -> None:
        """The stop of a trade belongs at a price. It moves there only if that gives up less."""
        ward = self.ward(symbol)
        ward.trade_id, ward.price_wanted = trade_id, price
        self._touch(symbol)

    def release(self, symbol: Symbol) -> None:
        """The trade is over."""
        ward = self.ward(symbol)
        ward.trade_id, ward.price_wanted, ward.planned, ward.coming = None, None, None, ZERO
        ward.flatten, ward.ignored = "", False
        ward.lost.clear()
        self._touch(symbol)

    def ignore(self, symbol: Symbol) -> None:
        """By the operator's policy, what is held of it is not ours to protect."""
        self.ward(symbol).ignored = True
        self._touch(symbol)

    def close(self, symbol: Symbol, reason: str) -> None:
        """Have everything that is held of a symbol closed at market."""
        ward = self.ward(symbol)
        if ward.held or ward.coming:
            ward.flatten = ward.flatten or reason
        self._touch(symbol)

    def close_all(self, reason: str) -> None:
        """Have everything closed at market that is held, or comes to be held, until it is called off: whosever it is,
        and whatever the policy about other hands."""
        self._closing_all = reason
        for symbol in tuple(self._wards):
            self._touch(symbol)

    def call_off(self) -> None:
        """Positions may be held again."""
        self._closing_all = ""
        for symbol in tuple(self._wards):
            self._touch(symbol)

    def heed(self, symbol: Symbol) -> None:
        """What is held of it is ours to close after all, whatever the policy: somebody asked for it."""
        self.ward(symbol).ignored = False

    def standing(self) -> list[tuple[Symbol, ClientOrderId]]:
        """Every stop that is known to stand."""
        return [(symbol, name) for symbol, ward in self._wards.items() for name in ward.standing]

    def coming(self) -> list[Symbol]:
        """Symbols of entries that may still bring something."""
        return [symbol for symbol, ward in self._wards.items() if ward.coming]

    def why_held(self, symbol: Symbol) -> str:
        """Why a position that is to be closed is still there, as far as it is known."""
        if symbol not in self._rules:
            return "it is not listed for trading any more: the exchange settles it"
        ward = self.ward(symbol)
        if ward.is_market_closed:
            return f"its market takes no orders ({ward.hindrance}): the exchange settles it, or opens it again"
        return ward.hindrance or "being closed"

    async def settled(self, symbol: Symbol) -> bool:
        """Wait until there is nothing to do for a symbol. True when what is held is covered, by a stop that stands."""
        async with asyncio.timeout(SETTLE_TIMEOUT_S):
            while (worker := self._workers.get(symbol)) is not None:
                await asyncio.wait((worker,))
        ward = self.ward(symbol)
        is_closing = bool(ward.flatten or self._closing_all)
        return ward.held != 0 and ward.is_covered and not ward.triggering and not is_closing

    async def settle_all(self) -> None:
        """Do all that is to be done, and return: before `run`, at the start."""
        async with asyncio.TaskGroup() as self._tasks:
            for symbol in tuple(self._wards):
                self._touch(symbol)
            # The end of one may begin another. What cannot be closed until its market opens is gone on with by `run`.
            while workers := [work for symbol, work in self._workers.items() if not self.ward(symbol).is_market_closed]:
                await asyncio.wait(workers, timeout=MARKET_CLOSED_PAUSE_S)
            for worker in tuple(self._workers.values()):
                worker.cancel()
        self._tasks = None

    # What is done ------------------------------------------------------------------------------------------------

    def _touch(self, symbol: Symbol) -> None:
        ward = self.ward(symbol)
        self._measure(ward)
        if self._tasks is None or symbol in self._workers or not self._is_wanting(ward):
            return
        hold = ExitStack()
        hold.enter_context(self._clock.working())  # from now on, not from when the task gets its turn
        worker = self._tasks.create_task(self._work(ward), name=f"protection of {symbol}")
        self._workers[symbol] = worker

        def done(task: asyncio.Task[None]) -> None:
            self._workers.pop(symbol, None)
            if not task.cancelled():
                self._touch(symbol)
            hold.close()

        worker.add_done_callback(done)

    def _is_wanting(self, ward: Ward) -> bool:
        """Whether there is something to do."""
        try:
            return self._next(ward) is not None
        except Exception:
            log.exception("protection_failed", symbol=ward.symbol)
            return True  # whoever works on it says so, and tries again

    async def _work(self, ward: Ward) -> None:
        failures = 0
        step: Step | None = None
        while True:
            has_helped = False
            try:
                if failures and isinstance(step, Flatten):
                    await self._look_again(ward)
                step = self._next(ward)
                if step is None:
                    return
                has_helped = await self._steps.take(ward, step)
            except ExchangeError as error:
                ward.hindrance = str(error)
                log.warning("protection_delayed", symbol=ward.symbol, error=str(error))
            except Exception as error:
                # Whatever went wrong here, the position is still there: told, and tried again.
                log.exception("protection_failed", symbol=ward.symbol)
                self._watcher.on_trouble(ward.symbol, "protection_failed", f"{type(error).__name__}: {error}")
            self._measure(ward)
            if has_helped:
                failures = 0
                continue
            await asyncio.sleep(MARKET_CLOSED_PAUSE_S if ward.is_market_closed else _pause_s(failures))
            failures += 1

    def _next(self, ward: Ward) -> Step | None:
        if ward.symbol not in self._rules:
            return None  # not listed any more: no order is taken there, and what stands is not taken away
        if not ward.held and not ward.standing:
            return None
        if ward.held and self._closing_all:
            return Flatten(self._closing_all)
        if ward.ignored:
            return next_step(ZERO, ward.stops, ZERO, ward.kept)  # nor is a stop of ours left on it
        if ward.held and ward.flatten:
            return Flatten(ward.flatten)
        if ward.held and ward.triggering:
            oldest = self._clock.elapsed_ms() - min(ward.triggering.values())
            return Flatten("stop_unfilled") if oldest >= TRIGGER_PATIENCE_MS else AwaitTrigger()
        step = next_step(ward.to_cover, ward.stops, self._price(ward), ward.kept)
        if isinstance(step, PlaceStop) and ward.refused is not None and ward.is_covered:
            quantity, price, at = ward.refused
            is_same = (quantity, price) == (step.quantity, step.price)
            if is_same and self._clock.elapsed_ms() - at < REFUSAL_KEPT_MS:
                return None
        return step

    def _price(self, ward: Ward) -> Decimal:
        if ward.price_wanted is not None:
            return ward.price_wanted
        if ward.held == 0:
            return ZERO
        closing = Side.SELL if ward.held > 0 else Side.BUY
        ours = (stop.price_trigger for stop in ward.standing.values() if stop.is_ours and stop.side is closing)
        # Until its trade is known a stop of ours stays where it is.
        stands = next(ours, None)
        return stands if stands is not None else self._default_price(ward)

    def _default_price(self, ward: Ward) -> Decimal:
        return default_stop_price(ward.held, ward.price_entry, self._stop_fraction, self._rules[ward.symbol])

    async def _look_again(self, ward: Ward) -> None:
        """A close was refused, lost, or told by nobody: what is held is the exchange's to say, not ours to guess."""
        try:
            await self.look(ward.symbol)
        except ExchangeError as error:  # a second close could reduce no more than there is
            log.warning("protection_delayed", symbol=ward.symbol, error=str(error))

    def _measure(self, ward: Ward) -> None:
        """Naked time: from knowing that something is held to knowing that a stop covers it."""
        is_naked = bool(ward.held) and not ward.ignored and not ward.is_covered
        now = self._clock.elapsed_ms()
        if is_naked and ward.naked_since is None:
            ward.naked_since = now
        elif not is_naked and ward.naked_since is not None:
            self._watcher.on_naked(ward.symbol, now - ward.naked_since)
            ward.naked_since = None


def _pause_s(failures: int) -> float:
    pause_s: float = PAUSE_S * 2**failures
    return min(pause_s, PAUSE_MAX_S)
