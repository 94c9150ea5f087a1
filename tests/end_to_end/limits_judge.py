"""The judge of limits: whether a guard's limits held, by the exchange's own history alone.

Nothing of the trader is used, neither its code nor its ledger; only what the ledger sums up to is held against the
exchange's income. Money is USDC, times are the exchange's, signed quantities are base asset and above 0 where bought.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)
DAY_MS = 86_400_000
STOPS = frozenset(("STOP", "STOP_MARKET", "TRAILING_STOP_MARKET"))
LEVERAGE_DEFAULT = 20  # of a symbol for which nobody set another

# What is forgiven, for a trader looks at the account once a minute and prices move while an order is on its way.
KNOWN_AFTER_MS = 1_000  # the end of a trade bars entries from then on
LOOK_MS = 60_000  # an equity bars them from the next look on
HOLD_LATE_MS = 10_000  # two steps of the accelerated exchange
FLAT_LATE_MS = LOOK_MS + HOLD_LATE_MS
SLIPPAGE_FRACTION = Decimal("0.01")  # of what may be held, between decision and fill
EQUITY_FRACTION = Decimal("0.001")  # fees of a moment: which of two equities of one instant was seen
BREAK_EVEN_FRACTION = Decimal("0.001")  # a stop no farther on the losing side of the entry is no stop loss
UNCOVERED_MS_MAX = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a profile allows."""

    open_positions_max: int
    position_notional_fraction_max: Decimal  # of equity × leverage
    exposure_fraction_max: Decimal  # of the equity
    leverage_max: int
    hold_ms_max: int
    stop_streak_max: int
    stop_streak_pause_ms: int
    cool_down_stop_ms: int
    cool_down_close_ms: int
    day_loss_fraction_max: Decimal
    day_drawdown_fraction_max: Decimal
    day_limit_flattens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """A row of userTrades."""

    symbol: str
    at_ms: int
    number: int  # rises within a symbol
    order_id: int
    quantity_signed: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A row of allOrders."""

    order_id: int
    kind: str  # what it was placed as: STOP_MARKET also for the order of a triggered stop
    price_stop: Decimal  # 0 for none


@dataclass(frozen=True, slots=True, kw_only=True)
class LeverageSet:
    """A request for a leverage that was executed."""

    symbol: str
    at_ms: int
    leverage: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Equity:
    """The account's margin balance: what there is, and what positions would come to."""

    at_ms: int
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Of a position that no stop covered wholly. `until_ms` None: it lasts."""

    symbol: str
    from_ms: int
    until_ms: int | None
    requests_between: int  # for orders on the symbol, the one that ended it counted


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the exchange tells of a run."""

    end_ms: int
    fills: Sequence[Fill]
    orders: Sequence[Order]
    leverages: Sequence[LeverageSet]  # oldest first
    equity: Sequence[Equity]  # oldest first, once a minute
    spells: Sequence[Spell]
    income: Decimal  # of all kinds but transfers


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An order that made a position or added to it."""

    symbol: str
    at_ms: int
    order_id: int
    notional: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A position from its first fill until nothing of it was left."""

    symbol: str
    entered_ms: int
    ended_ms: int | None
    is_stop_loss: bool  # a stop on the losing side of its entry ended it

    def lasts_at(self, at_ms: int) -> bool:
        """Whether it is held then, its first instant counted and its last not."""
        return self.entered_ms <= at_ms and (self.ended_ms is None or at_ms < self.ended_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """A span in which entries were forbidden, and why."""

    from_ms: int
    until_ms: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found. Counts are of what the exchange saw, whatever the trader said of it."""

    violations: Sequence[str]
    trades: int
    stop_losses: int
    pauses: Sequence[Barred]  # after stop losses in a row; each further stop loss makes another
    day_limits: Sequence[Barred]
    held_to_the_end: int  # positions that were ended by their maximum hold
    flattened: int  # positions that were ended at once when a limit of the day was reached


def judge(history: History, limits: Limits, booked: Decimal) -> Verdict:
    """Hold a history against the limits. Args: booked, what the trader's ledger comes to."""
    holdings, entries = holdings_of(history), entries_of(history.fills)
    pauses, day_limits = streak_pauses(holdings, limits), day_limits_reached(history.equity, limits)
    surely = day_limits_reached(history.equity, limits, EQUITY_FRACTION)
    unexplained = history.income - booked
    violations = [
        *_too_many(holdings, limits),
        *_too_large(history, entries, limits),
        *_too_long(holdings, history.end_ms, limits),
        *_leverages(history, entries, limits),
        *_barred(entries, pauses, KNOWN_AFTER_MS),
        *_barred(entries, cool_downs(holdings, limits), KNOWN_AFTER_MS),
        *_barred(entries, surely, LOOK_MS),
        *(_not_flat(holdings, surely, history.end_ms) if limits.day_limit_flattens else ()),
        *_uncovered(history.spells),
        *([f"{unexplained} USDC of the exchange's income are not explained"] if unexplained else []),
    ]
    ended = [each for each in holdings if each.ended_ms is not None]
    flattened = [
        each
        for each in ended
        for limit in day_limits
        if limits.day_limit_flattens and _is_flattened(each, limit) and not each.is_stop_loss
    ]
    return Verdict(
        violations=violations,
        trades=len(ended),
        stop_losses=sum(each.is_stop_loss for each in ended),
        pauses=pauses,
        day_limits=day_limits,
        held_to_the_end=sum(0 <= _held_ms(each, 0) - limits.hold_ms_max <= HOLD_LATE_MS for each in ended),
        flattened=len(flattened),
    )


# What happened ---------------------------------------------------------------------------------------------------


def holdings_of(history: History) -> list[Holding]:
    """Every position there was, in the order of their beginnings. Raises: ValueError for one that turned round."""
    orders = {order.order_id: order for order in history.orders}
    found = [
        _holding(fills, orders) for symbol in _symbols(history.fills) for fills in _whole(_of(history.fills, symbol))
    ]
    return sorted(found, key=lambda each: each.entered_ms)


def entries_of(fills: Sequence[Fill]) -> list[Entry]:
    """Every order that made a position or added to it, oldest first."""
    found: dict[int, Entry] = {}
    for symbol in _symbols(fills):
        held = ZERO
        for fill in _of(fills, symbol):
            if held * fill.quantity_signed >= 0:
                before = found.get(fill.order_id)
                notional = abs(fill.quantity_signed) * fill.price + (before.notional if before else ZERO)
                at_ms = before.at_ms if before else fill.at_ms
                found[fill.order_id] = Entry(symbol=symbol, at_ms=at_ms, order_id=fill.order_id, notional=notional)
            held += fill.quantity_signed
    return sorted(found.values(), key=lambda each: (each.at_ms, each.order_id))


def streak_pauses(holdings: Sequence[Holding], limits: Limits) -> list[Barred]:
    """The pauses after so many stop losses in a row, each from its last stop loss on.

    Of trades that ended in one instant the others count as the last: which was the last one is open.
    """
    found, streak = [], 0
    for each in sorted(_ended(holdings), key=lambda each: (each.ended_ms, not each.is_stop_loss)):
        streak = streak + 1 if each.is_stop_loss else 0
        if streak >= limits.stop_streak_max and each.ended_ms is not None:
            until_ms = each.ended_ms + limits.stop_streak_pause_ms
            found.append(Barred(from_ms=each.ended_ms, until_ms=until_ms, why=f"after {streak} stop losses in a row"))
    return found


def cool_downs(holdings: Sequence[Holding], limits: Limits) -> list[tuple[str, Barred]]:
    """By symbol: the time after each trade in which it was to be left alone."""
    found = []
    for each in _ended(holdings):
        length_ms = limits.cool_down_close_ms
        if each.is_stop_loss:
            length_ms = max(length_ms, limits.cool_down_stop_ms)
        if each.ended_ms is not None and length_ms:
            until_ms = each.ended_ms + length_ms
            found.append((each.symbol, Barred(from_ms=each.ended_ms, until_ms=until_ms, why="in its cool-down")))
    return found


def day_limits_reached(equity: Sequence[Equity], limits: Limits, forgiven_fraction: Decimal = ZERO) -> list[Barred]:
    """The first time on each UTC day at which it had lost too much, until the day's end.

    Args: forgiven_fraction, so much more may be lost.
    """
    found: list[Barred] = []
    day, start, high = -1, ZERO, ZERO
    for seen in equity:
        if seen.at_ms // DAY_MS != day:
            day, start, high = seen.at_ms // DAY_MS, seen.value, seen.value
        high = max(high, seen.value)
        floors = (
            start * (1 - limits.day_loss_fraction_max - forgiven_fraction),
            high * (1 - limits.day_drawdown_fraction_max - forgiven_fraction),
        )
        is_known = bool(found) and found[-1].until_ms == (day + 1) * DAY_MS
        if seen.value <= max(floors) and not is_known:
            why = f"after the day had lost {start - seen.value:.2f} USDC, {high - seen.value:.2f} from its highest"
            found.append(Barred(from_ms=seen.at_ms, until_ms=(day + 1) * DAY_MS, why=why))
    return found


# What should not have happened -----------------------------------------------------------------------------------


def _too_many(holdings: Sequence[Holding], limits: Limits) -> Iterator[str]:
    for each in holdings:
        count = sum(other.lasts_at(each.entered_ms) for other in holdings)
        if count > limits.open_positions_max:
            yield f"{count} positions were held at {each.entered_ms}, {limits.open_positions_max} may be"


def _too_large(history: History, entries: Sequence[Entry], limits: Limits) -> Iterator[str]:
    for entry in entries:
        equity = _equity_at(history.equity, entry.at_ms)
        leverage = _leverage_at(history.leverages, entry.symbol, entry.at_ms)
        own = equity * leverage * limits.position_notional_fraction_max * (1 + SLIPPAGE_FRACTION)
        if entry.notional > own:
            yield f"{entry.symbol} was entered for {entry.notional:.2f} USDC at {entry.at_ms}, {own:.2f} may be"
        in_all = equity * limits.exposure_fraction_max * (1 + SLIPPAGE_FRACTION)
        held = sum((_notional_at(_of(history.fills, each), entry.at_ms) for each in _symbols(history.fills)), ZERO)
        if held > in_all:
            yield f"{held:.2f} USDC were held in all after the entry of {entry.at_ms}, {in_all:.2f} may be"


def _too_long(holdings: Sequence[Holding], end_ms: int, limits: Limits) -> Iterator[str]:
    for each in holdings:
        if (held_ms := _held_ms(each, end_ms)) > limits.hold_ms_max + HOLD_LATE_MS:
            yield f"{each.symbol} was held for {held_ms} ms from {each.entered_ms} on, {limits.hold_ms_max} may be"


def _leverages(history: History, entries: Sequence[Entry], limits: Limits) -> Iterator[str]:
    for each in history.leverages:
        if each.leverage > limits.leverage_max:
            yield f"a leverage of {each.leverage} was set for {each.symbol}, {limits.leverage_max} may be"
    for entry in entries:
        leverage = _leverage_at(history.leverages, entry.symbol, entry.at_ms)
        if leverage > limits.leverage_max:
            yield f"{entry.symbol} was entered at a leverage of {leverage}, {limits.leverage_max} may be"


def _barred(
    entries: Sequence[Entry], spans: Sequence[Barred] | Sequence[tuple[str, Barred]], known_after_ms: int
) -> Iterator[str]:
    """Entries within the spans; a span with a symbol is about that one alone."""
    for each in spans:
        symbol, span = (None, each) if isinstance(each, Barred) else each
        for entry in entries:
            is_meant = symbol in (None, entry.symbol)
            if is_meant and span.from_ms + known_after_ms < entry.at_ms < span.until_ms:
                yield f"{entry.symbol} was entered at {entry.at_ms}, {span.why}, before {span.until_ms}"


def _not_flat(holdings: Sequence[Holding], day_limits: Sequence[Barred], end_ms: int) -> Iterator[str]:
    for limit in day_limits:
        by_ms = limit.from_ms + FLAT_LATE_MS
        for each in holdings:
            if each.lasts_at(limit.from_ms) and by_ms < end_ms and (each.ended_ms is None or each.ended_ms > by_ms):
                yield f"{each.symbol} was held at {by_ms}, {limit.why}"


def _uncovered(spells: Sequence[Spell]) -> Iterator[str]:
    for each in spells:
        if each.until_ms is None:
            yield f"{each.symbol} is without cover since {each.from_ms}"
        elif each.until_ms - each.from_ms > UNCOVERED_MS_MAX or each.requests_between > 1:
            length_ms = each.until_ms - each.from_ms
            yield f"{each.symbol} was without cover for {length_ms} ms and {each.requests_between} requests"


# Small questions -------------------------------------------------------------------------------------------------


def _symbols(fills: Sequence[Fill]) -> list[str]:
    return sorted({fill.symbol for fill in fills})


def _of(fills: Sequence[Fill], symbol: str) -> list[Fill]:
    return sorted((fill for fill in fills if fill.symbol == symbol), key=lambda fill: fill.number)


def _whole(fills: Sequence[Fill]) -> Iterator[list[Fill]]:
    """One symbol's fills, from nothing held to nothing held."""
    held, taken = ZERO, list[Fill]()
    for fill in fills:
        if held * (held + fill.quantity_signed) < 0:
            raise ValueError(f"fill {fill.number} of {fill.symbol} turned a position round")
        held += fill.quantity_signed
        taken.append(fill)
        if held == 0:
            yield taken
            taken = []
    if taken:
        yield taken


def _holding(fills: Sequence[Fill], orders: dict[int, Order]) -> Holding:
    first, last = fills[0], fills[-1]
    sign = 1 if first.quantity_signed > 0 else -1
    entering = [fill for fill in fills if fill.quantity_signed * sign > 0]
    quantity = sum((abs(fill.quantity_signed) for fill in entering), ZERO)
    price = sum((abs(fill.quantity_signed) * fill.price for fill in entering), ZERO) / quantity
    is_over = sum((fill.quantity_signed for fill in fills), ZERO) == 0
    order = orders[last.order_id]
    lost = sign * (price - order.price_stop) / price
    return Holding(
        symbol=first.symbol,
        entered_ms=first.at_ms,
        ended_ms=last.at_ms if is_over else None,
        is_stop_loss=is_over and order.kind in STOPS and lost > BREAK_EVEN_FRACTION,
    )


def _ended(holdings: Sequence[Holding]) -> list[Holding]:
    return [each for each in holdings if each.ended_ms is not None]


def _held_ms(holding: Holding, end_ms: int) -> int:
    return (end_ms if holding.ended_ms is None else holding.ended_ms) - holding.entered_ms


def _is_flattened(holding: Holding, limit: Barred) -> bool:
    return (
        holding.ended_ms is not None
        and holding.lasts_at(limit.from_ms - 1)
        and limit.from_ms <= holding.ended_ms <= limit.from_ms + FLAT_LATE_MS
    )


def _equity_at(equity: Sequence[Equity], at_ms: int) -> Decimal:
    """The larger of the two seen last: an entry may be judged by that of a minute ago."""
    return max((seen.value for seen in [each for each in equity if each.at_ms <= at_ms][-2:]), default=ZERO)


def _leverage_at(leverages: Sequence[LeverageSet], symbol: str, at_ms: int) -> int:
    found = [each.leverage for each in leverages if each.symbol == symbol and each.at_ms <= at_ms]
    return found[-1] if found else LEVERAGE_DEFAULT


def _notional_at(fills: Sequence[Fill], at_ms: int) -> Decimal:
    """What is held of a symbol after everything of that instant, at its entry's average price."""
    held, cost = ZERO, ZERO
    for fill in fills:
        if fill.at_ms > at_ms:
            break
        if held * fill.quantity_signed >= 0:
            cost += abs(fill.quantity_signed) * fill.price
        else:
            cost -= cost * min(abs(fill.quantity_signed) / abs(held), Decimal(1))
        held += fill.quantity_signed
    return cost
