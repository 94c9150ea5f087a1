"""Panic: look at the account, close what is held, cancel what stands, look again, until the exchange itself says that
nothing is left. Nothing is believed but what the last look showed, so that it may begin in any state.

Plain orders go first, conditional ones last: those of a symbol only when nothing of it is held any more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Protocol, TypeAlias, TypeVar

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.identity import IDLE_STOPS, ClientOrderId
from ratchet.domain.money import plain
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.budget import Lane
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError, RateLimited

CALM_MS = 1_000.0  # of real time, over which looks have to show nothing: the last word may be a moment old
PAUSE_FIRST_S = 0.2  # doubled each time: a look takes 85 of the 2,400 weight of a minute
PAUSE_MAX_S = 5.0
TOLD_AFTER_MS = 3_000.0  # nobody has to hear of what is over by then
QUOTE = "USDC"

Order: TypeAlias = tuple[Symbol, ClientOrderId]
Result = TypeVar("Result")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Something that is still there by the exchange's word, and why."""

    symbol: Symbol
    what: str  # "position of 1.5", "order rt-…"
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PanicReport:
    """What came of it. `left` is what the exchange said last; where it said nothing, `waits_for` says so."""

    who: str
    at_ms: int  # exchange time of the order
    took_ms: float  # real
    closed: tuple[tuple[Symbol, Decimal], ...]  # base asset, signed: the most that was seen of each
    cancelled: tuple[Order, ...]  # stood, and stand no more
    left: tuple[Left, ...]
    waits_for: str  # in one line; empty when there is nothing to wait for
    is_flat: bool  # nothing is held and nothing stands: seen by two looks at least a second apart


class Closing(Protocol):
    """Who closes positions."""

    async def close(self, positions: Sequence[Position], asked: float) -> None:
        """Have these closed at market, as far as that is not under way. It need not be done on return.

        Args: asked, real ms at which they were asked for. Raises: ExchangeError.
        """

    def under_way(self) -> str:
        """What may still open a position, in a few words; empty when nothing may."""

    def why_left(self, symbol: Symbol) -> str:
        """Why a position is still there, as far as it is known."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one look showed. None: it was not answered."""

    positions: Sequence[Position] | None
    orders: Sequence[Order] | None
    conditionals: Sequence[Order] | None

    @property
    def is_nothing(self) -> bool:
        return self.positions == [] and self.orders == [] and self.conditionals == []


class Panic:
    """One panic. `run` returns when all is done, or as soon as it is not wanted any more."""

    def __init__(
        self,
        client: BinanceClient,
        clock: Clock,
        closing: Closing,
        *,
        who: str,
        proof_from: float,
        on_word: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Args: proof_from, real ms before which nothing is proved: requests of a dead process may still arrive;
        on_word, called with what is waited for whenever that changes."""
        self._client = client
        self._clock = clock
        self._closing = closing
        self._who = who
        self._proof_from = proof_from
        self._on_word = on_word
        self._at_ms = clock.now_ms()
        self._began = clock.elapsed_ms()
        self._held: dict[Symbol, Decimal] = {}  # the most that was seen of each
        self._stood: dict[Order, None] = {}
        self._last = _Sight(None, None, None)  # the last answers of each kind
        self._errors: list[ExchangeError] = []  # of the last look
        self._told = ""
        self._is_flat = False

    def knew(self, held: Mapping[Symbol, Decimal], orders: Iterable[Order]) -> None:
        """What was there at the beginning, by what a trader knew: it may be gone at the first look."""
        self._held.update(held)
        self._stood.update(dict.fromkeys(orders))

    async def run(self, is_wanted: Callable[[], bool] = lambda: True) -> PanicReport:
        """Until nothing is left for certain. Whatever the exchange answers, it goes on."""
        calm_since: float | None = None
        turns = 0
        while is_wanted():
            asked = self._clock.elapsed_ms()
            sight = await self._look_and_act(asked)
            is_calm = sight.is_nothing and not self._closing.under_way()
            calm_since = (asked if calm_since is None else calm_since) if is_calm else None
            self._is_flat = calm_since is not None and asked - calm_since >= CALM_MS and asked >= self._proof_from
            if self._is_flat:
                break
            self._tell()
            turns = 0 if is_calm else turns + 1
            await self._pause(calm_since, turns)
        return self.report()

    def report(self) -> PanicReport:
        """How far it has come."""
        left_orders = {*(self._last.orders or ()), *(self._last.conditionals or ())}
        still_held = {position.symbol for position in self._last.positions or ()}
        has_looked = self._last.positions is not None
        return PanicReport(
            who=self._who,
            at_ms=self._at_ms,
            took_ms=self._clock.elapsed_ms() - self._began,
            closed=tuple(each for each in self._held.items() if has_looked and each[0] not in still_held),
            cancelled=tuple(order for order in self._stood if has_looked and order not in left_orders),
            left=tuple(self._left()),
            waits_for="" if self._is_flat else self._waits_for(),
            is_flat=self._is_flat,
        )

    # One turn ---------------------------------------------------------------------------------------------------------

    async def _look_and_act(self, asked: float) -> _Sight:
        """Every question and every deed by itself: one that fails holds up no other."""
        self._errors = []
        positions = await self._tried(self._positions())
        if positions is not None:
            for position in positions:
                self._see(position)
            await self._tried(self._closing.close(positions, asked))
        held = {position.symbol for position in positions or ()}
        orders = await self._tried(self._plain_orders())
        if orders is not None:
            # Whoever closes a position cancels what rests on it: a close that fills in parts is among that.
            symbols = {symbol for symbol, _ in orders} - held
            await asyncio.gather(*(self._tried(self._client.cancel_all(symbol)) for symbol in sorted(symbols)))
        conditionals = await self._tried(self._conditionals())
        if conditionals is not None and positions is not None and not self._closing.under_way():
            flat = [order for order in conditionals if order[0] not in held]
            await asyncio.gather(*(self._tried(self._client.cancel_stop(*order)) for order in flat))
        self._stood.update(dict.fromkeys([*(orders or ()), *(conditionals or ())]))
        sight = _Sight(positions, orders, conditionals)
        self._last = _Sight(
            self._last.positions if positions is None else positions,
            self._last.orders if orders is None else orders,
            self._last.conditionals if conditionals is None else conditionals,
        )
        return sight

    async def _positions(self) -> list[Position]:
        return [each for each in await self._client.fetch_positions() if each.symbol.endswith(QUOTE)]

    async def _plain_orders(self) -> list[Order]:
        found = await self._client.fetch_open_orders(lane=Lane.PROTECTIVE)
        return [(order.symbol, order.client_order_id) for order in found if order.symbol.endswith(QUOTE)]

    async def _conditionals(self) -> list[Order]:
        found = await self._client.fetch_open_conditionals()
        # Those that are there only to be seen open nothing and close nothing: they are the lease of whoever trades.
        return [each for each in found if each[0].endswith(QUOTE) and not each[1].startswith(IDLE_STOPS)]

    async def _tried(self, work: Awaitable[Result]) -> Result | None:
        try:
            return await work
        except ExchangeError as error:
            log.warning("panic_delayed", error=str(error))
            self._errors.append(error)
            return None

    def _see(self, position: Position) -> None:
        known = self._held.get(position.symbol, Decimal(0))
        self._held[position.symbol] = max(known, position.quantity_signed, key=abs)

    async def _pause(self, calm_since: float | None, turns: int) -> None:
        if calm_since is None:
            is_limited = any(isinstance(error, RateLimited) for error in self._errors)
            await asyncio.sleep(PAUSE_MAX_S if is_limited else min(PAUSE_FIRST_S * 2**turns, PAUSE_MAX_S))
            return
        until = max(calm_since + CALM_MS, self._proof_from)
        await asyncio.sleep(max(until - self._clock.elapsed_ms(), 0) / 1_000)

    # What is said of it -----------------------------------------------------------------------------------------------

    def _left(self) -> Iterable[Left]:
        for position in self._last.positions or ():
            what = f"position of {plain(position.quantity_signed)}"
            yield Left(symbol=position.symbol, what=what, reason=self._closing.why_left(position.symbol))
        held = {position.symbol for position in self._last.positions or ()}
        for symbol, name in (*(self._last.orders or ()), *(self._last.conditionals or ())):
            reason = "its position is not closed yet" if symbol in held else "it is being cancelled"
            if not self._is_flat:
                yield Left(symbol=symbol, what=f"order {name}", reason=reason)

    def _waits_for(self) -> str:
        until_ms = self._client.budget_state().banned_until_ms
        if until_ms is not None and self._errors:
            at = datetime.fromtimestamp(until_ms / 1_000, UTC)
            return f"the exchange turns requests away until {at:%H:%M:%S} UTC; it is asked all the same"
        if self._errors:
            return f"the exchange does not answer: {self._errors[0]}"
        if self._last.positions:
            return "; ".join(
                f"{plain(each.quantity_signed)} of {each.symbol} held: {self._closing.why_left(each.symbol)}"
                for each in self._last.positions
            )
        return self._closing.under_way() or "orders that stand; another look at the account"

    def _tell(self) -> None:
        word = self._waits_for()
        if word != self._told and self._clock.elapsed_ms() - self._began >= TOLD_AFTER_MS:
            self._told = word
            self._on_word(word)
