"""Rate limits: request weight per address, orders per account, counted in windows that align to the exchange clock."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from localbinance.rules.rejection import Rejection
from localbinance.server import refusals

MINUTE_MS = 60_000
TEN_SECONDS_MS = 10_000
DAY_MS = 86_400_000
GRACE_REQUESTS = 25  # further requests in a window whose weight is used up, before the address is banned
BAN_MS_FIRST = 120_000
BAN_MS_MAX = 3 * 86_400_000
DIGITS_MAX = 9  # of a limit that is asked for; what is longer is refused when it is read


@dataclass(slots=True)
class Window:
    """A counter that starts anew at every multiple of its length."""

    length_ms: int
    limit: int
    number: int = -1
    used: int = 0

    def count(self, amount: int, now_ms: int) -> int:
        """Add to the counter of the window that holds `now_ms`; returns what is used in it."""
        number = now_ms // self.length_ms
        if number != self.number:
            self.number, self.used = number, 0
        self.used += amount
        return self.used

    def retry_after_s(self, now_ms: int) -> int:
        """Whole seconds until the window ends, at least 1."""
        return max(1, -(-((now_ms // self.length_ms + 1) * self.length_ms - now_ms) // 1_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitStyle:
    """What the two exchanges limit differently: the longer span of orders, and how they say no."""

    span_ms: int
    span: str  # as in the refusal
    header: str  # of its counter
    weight_exceeded: Callable[[int], Rejection]
    banned: Callable[[int], Rejection]


FUTURES = LimitStyle(
    span_ms=MINUTE_MS,
    span="1 MINUTE",
    header="X-MBX-ORDER-COUNT-1M",
    weight_exceeded=refusals.weight_exceeded,
    banned=refusals.banned,
)
SPOT = LimitStyle(
    span_ms=DAY_MS,
    span="1 DAY",
    header="X-MBX-ORDER-COUNT-1D",
    weight_exceeded=refusals.spot_weight_exceeded,
    banned=refusals.spot_banned,
)


class Limited(Exception):
    """The request is over a limit: what is answered, and when to come again."""

    def __init__(self, rejection: Rejection, retry_after_s: int) -> None:
        super().__init__(str(rejection))
        self.rejection = rejection
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Address:
    weight: Window
    refused: int = 0  # requests beyond the limit in the running window
    banned_until_ms: int = 0
    bans: int = 0


@dataclass(slots=True)
class RateLimits:
    """All counters of one exchange. Limits of 0 or less are not enforced, yet counted."""

    weight_per_minute: int = 2_400
    orders_per_10s: int = 300
    orders_per_span: int = 1_200  # the style's
    style: LimitStyle = FUTURES
    _addresses: dict[str, _Address] = field(default_factory=dict)
    _orders: dict[str, tuple[Window, Window]] = field(default_factory=dict)

    def weigh(self, address: str, weight: int, now_ms: int) -> int:
        """Count a request; returns the weight used in this minute. Raises: Limited with 429, or 418 once banned."""
        state = self._addresses.get(address)
        if state is None:
            state = self._addresses[address] = _Address(Window(MINUTE_MS, self.weight_per_minute))
        if now_ms < state.banned_until_ms:
            raise Limited(self.style.banned(state.banned_until_ms), (state.banned_until_ms - now_ms) // 1_000 + 1)
        used = state.weight.count(weight, now_ms)
        if used <= self.weight_per_minute or self.weight_per_minute <= 0:
            state.refused = 0
            return used
        state.refused += 1
        if state.refused > GRACE_REQUESTS:
            self._ban(state, now_ms)
            raise Limited(self.style.banned(state.banned_until_ms), (state.banned_until_ms - now_ms) // 1_000 + 1)
        raise Limited(self.style.weight_exceeded(self.weight_per_minute), state.weight.retry_after_s(now_ms))

    def used(self, address: str, now_ms: int) -> int:
        """The weight used in this minute, with nothing added."""
        state = self._addresses.get(address)
        return 0 if state is None else state.weight.count(0, now_ms)

    @staticmethod
    def _ban(state: _Address, now_ms: int) -> None:
        length_ms = min(BAN_MS_FIRST * 2**state.bans, BAN_MS_MAX)
        state.bans, state.refused, state.banned_until_ms = state.bans + 1, 0, now_ms + length_ms

    def count_orders(self, account: str, on_10s: int, on_span: int, now_ms: int) -> tuple[int, int]:
        """Count orders of an account; returns what is used in 10 s and in the longer span. Raises: Limited -1015."""
        windows = self._orders.get(account)
        if windows is None:
            windows = (Window(TEN_SECONDS_MS, self.orders_per_10s), Window(self.style.span_ms, self.orders_per_span))
            self._orders[account] = windows
        short, long = windows
        used = (short.count(on_10s, now_ms), long.count(on_span, now_ms))
        if 0 < self.orders_per_10s < used[0]:
            raise Limited(refusals.orders_exceeded(self.orders_per_10s, "10 SECOND"), short.retry_after_s(now_ms))
        if 0 < self.orders_per_span < used[1]:
            refusal = refusals.orders_exceeded(self.orders_per_span, self.style.span)
            raise Limited(refusal, long.retry_after_s(now_ms))
        return used

    def orders_used(self, account: str, now_ms: int) -> tuple[int, int]:
        """What an account has used in 10 s and in the longer span, with nothing added."""
        windows = self._orders.get(account)
        return (0, 0) if windows is None else (windows[0].count(0, now_ms), windows[1].count(0, now_ms))


Weight = int | Callable[[Mapping[str, str]], int]  # of an endpoint; what depends on the parameters is a function


def by_symbol(with_symbol: int, without: int) -> Callable[[Mapping[str, str]], int]:
    """The weight of an endpoint that is dearer when asked for all symbols."""
    return lambda values: with_symbol if values.get("symbol") else without


def by_limit(steps: tuple[tuple[int, int], ...], default_limit: int) -> Callable[[Mapping[str, str]], int]:
    """The weight of an endpoint that is dearer the more it gives. `steps`: (limit up to and including, weight)."""

    def weight(values: Mapping[str, str]) -> int:
        asked = values.get("limit") or ""
        limit = int(asked) if asked.isdecimal() and len(asked) <= DIGITS_MAX else default_limit
        return next((cost for most, cost in steps if limit <= most), steps[-1][1])

    return weight


KLINES_WEIGHT = by_limit(((99, 1), (499, 2), (1_000, 5), (10**9, 10)), 500)
DEPTH_WEIGHT = by_limit(((50, 2), (100, 5), (500, 10), (10**9, 20)), 500)
