"""The budget: who may ask how much of the exchange. Pure: what was used and the exchange's time in, decisions out."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self, TypeAlias

from pydantic import Field

from ratchet.exchange.cost import Cost
from ratchet.exchange.told import Told

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000
SKEW_MS = 500  # by which the clocks of the exchange and of processes on this machine may differ
SLOW_MS = 1_000  # between protective requests while the exchange turns requests away
BAN_MS_FIRST = 120_000
BAN_MS_MAX = 3 * 86_400_000

Natural = Annotated[int, Field(ge=0, le=10**15)]


class Lane(StrEnum):
    """Which way a request goes out. The lanes share the limits, and nothing else."""

    ORDINARY = "ordinary"  # has a share of the limits, and waits for it
    PROTECTIVE = "protective"  # stops, closings, cancellations and what must be known for them: waits for nobody


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Binance's limits of USDⓈ-M futures, and the part of them that is kept free for protective requests."""

    reserve: Decimal  # fraction
    weight: int = 2_400  # per minute and address
    orders_10s: int = 300  # per account
    orders_1m: int = 1_200

    def of(self, lane: Lane) -> tuple[int, int, int]:
        """What may be used: weight, orders in 10 s, orders in a minute."""
        all_of_it = (self.weight, self.orders_10s, self.orders_1m)
        if lane is Lane.PROTECTIVE:
            return all_of_it
        weight, orders_10s, orders_1m = (int(limit * (1 - self.reserve)) for limit in all_of_it)
        return weight, orders_10s, orders_1m


@dataclass(frozen=True, slots=True)
class Window:
    """What was used since a multiple of the window's length."""

    start_ms: Natural = 0
    used: Natural = 0

    def at(self, now_ms: int, length_ms: int) -> "Window":
        """This window as long as it runs, then an empty one."""
        start_ms = now_ms - now_ms % length_ms
        # A process whose clock is a little ahead may have begun the next one: what it has used is not forgotten.
        return self if start_ms <= self.start_ms <= start_ms + length_ms else Window(start_ms)

    def plus(self, amount: int) -> "Window":
        """With more used."""
        return Window(self.start_ms, self.used + amount) if amount else self

    def at_least(self, told: int | None, sent_ms: int) -> "Window":
        """With what the exchange has counted; an answer may be about the window before, and is not taken then."""
        if told is None or told <= self.used or sent_ms < self.start_ms + SKEW_MS:
            return self
        return Window(self.start_ms, told)


@dataclass(frozen=True, slots=True)
class OrderWindows:
    """The orders of one account."""

    ten_s: Window = Window()
    minute: Window = Window()

    def at(self, now_ms: int) -> "OrderWindows":
        """Those that run now."""
        return OrderWindows(self.ten_s.at(now_ms, TEN_SECONDS_MS), self.minute.at(now_ms, MINUTE_MS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """That the exchange turned requests away, and until when."""

    noted_ms: Natural = 0
    ordinary_until_ms: Natural = 0  # until then none goes out
    protective_until_ms: Natural = 0  # until then they go out one by one
    protective_last_ms: Natural = 0  # when the last of these did

    def at(self, now_ms: int) -> "Halt":
        """What holds now. A note from the future was written in the time of another, simulated exchange."""
        end_ms = self.noted_ms + BAN_MS_MAX
        is_possible = max(self.ordinary_until_ms, self.protective_until_ms) <= end_ms
        return self if is_possible and self.noted_ms <= now_ms + MINUTE_MS else Halt()

    def noted(self, told: Told, lane: Lane, now_ms: int) -> "Halt":
        """With the answer to a request of this lane. A limit hit by an ordinary one does not slow protective ones."""
        until_ms = min(_end_ms(told, now_ms), now_ms + BAN_MS_MAX)
        is_for_all = told.is_banned or lane is Lane.PROTECTIVE
        return replace(
            self,
            noted_ms=now_ms,
            ordinary_until_ms=max(self.ordinary_until_ms, until_ms),
            protective_until_ms=max(self.protective_until_ms, until_ms if is_for_all else 0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """All that has been used of one exchange, by whichever process of this machine."""

    weight: Window = Window()
    orders: Mapping[str, OrderWindows] = field(default_factory=dict)  # by account, never by its key itself
    halt: Halt = Halt()

    def orders_of(self, account: str, now_ms: int) -> OrderWindows:
        """Those of one account."""
        return self.orders.get(account, OrderWindows()).at(now_ms)

    def charged(self, wish: "Wish", now_ms: int) -> Self:
        """With a request that goes out now."""
        weight = self.weight.at(now_ms, MINUTE_MS).plus(wish.cost.weight)
        if not wish.cost.orders:
            return replace(self, weight=weight)
        own = self.orders_of(wish.account, now_ms)
        own = OrderWindows(own.ten_s.plus(wish.cost.orders), own.minute.plus(wish.cost.orders))
        return replace(self, weight=weight, orders=self._orders_with(wish.account, own))

    def told(self, wish: "Wish", told: Told, sent_ms: int, now_ms: int) -> Self:
        """With what the answer to a request tells. Others use the same address and account: the greater count holds."""
        weight = self.weight.at(now_ms, MINUTE_MS).at_least(told.weight, sent_ms)
        own = self.orders_of(wish.account, now_ms)
        more = OrderWindows(own.ten_s.at_least(told.orders_10s, sent_ms), own.minute.at_least(told.orders_1m, sent_ms))
        return replace(
            self,
            weight=weight,
            orders=self.orders if more == own else self._orders_with(wish.account, more),
            halt=self.halt.at(now_ms).noted(told, wish.lane, now_ms) if told.is_turned_away else self.halt,
        )

    def _orders_with(self, account: str, own: OrderWindows) -> dict[str, OrderWindows]:
        others = {name: it for name, it in self.orders.items() if it.minute.start_ms >= own.minute.start_ms}
        return others | {account: own}


@dataclass(frozen=True, slots=True)
class Wish:
    """A request that somebody wants to send."""

    lane: Lane
    cost: Cost
    account: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """It may go out, and is counted."""

    counts: Counts


@dataclass(frozen=True, slots=True)
class Wait:
    """The share of its lane is used up until then."""

    until_ms: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """The exchange turns requests away: not before then, and it is no use to wait."""

    until_ms: int


Answer: TypeAlias = Granted | Wait | Stopped


def ask(counts: Counts, wish: Wish, limits: Limits | None, now_ms: int) -> Answer:
    """Decide whether a request may go out now. Without limits nothing is counted, and only a ban stops it."""
    halt = counts.halt.at(now_ms)
    if wish.lane is Lane.ORDINARY and now_ms < halt.ordinary_until_ms:
        return Stopped(halt.ordinary_until_ms)
    full_until_ms = 0 if limits is None else _full_until_ms(counts, wish, limits, now_ms)
    if wish.lane is Lane.ORDINARY and full_until_ms:
        return Wait(full_until_ms)
    if wish.lane is Lane.PROTECTIVE and now_ms < max(full_until_ms, halt.protective_until_ms):
        # Counts may be wrong and a stop may be all that helps, so some go out; many would lengthen a ban.
        next_ms = halt.protective_last_ms + SLOW_MS
        if halt.protective_last_ms <= now_ms < next_ms:
            return Stopped(next_ms)
        counts = replace(counts, halt=replace(halt, protective_last_ms=now_ms))
    return Granted(counts if limits is None else counts.charged(wish, now_ms))


def _full_until_ms(counts: Counts, wish: Wish, limits: Limits, now_ms: int) -> int:
    """When the last of the windows that have no room for it is over for certain; 0 when there is room."""
    weight = counts.weight.at(now_ms, MINUTE_MS)
    orders = counts.orders_of(wish.account, now_ms)
    weight_max, orders_10s_max, orders_1m_max = limits.of(wish.lane)
    asked = (
        (weight, MINUTE_MS, wish.cost.weight, weight_max),
        (orders.ten_s, TEN_SECONDS_MS, wish.cost.orders, orders_10s_max),
        (orders.minute, MINUTE_MS, wish.cost.orders, orders_1m_max),
    )
    ends_ms = (
        window.start_ms + length_ms + SKEW_MS
        for window, length_ms, amount, most in asked
        if amount and window.used + amount > most
    )
    return max(ends_ms, default=0)


def _end_ms(told: Told, now_ms: int) -> int:
    if told.banned_until_ms is not None:
        return told.banned_until_ms
    if told.retry_after_ms is not None:
        return now_ms + told.retry_after_ms
    return now_ms + BAN_MS_FIRST if told.is_banned else now_ms - now_ms % MINUTE_MS + MINUTE_MS + SKEW_MS
