"""The judge of the spot companion: looks from the exchange's side whether each BUY of a person has its one SELL."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from localbinance.core.order import Side
from localbinance.core.spot.act import SpotStatus
from localbinance.core.spot.order import SpotOrder, SpotTrade
from localbinance.rules.spot_rules import SpotSymbolRules, load_spot_rules
from localbinance.server.fault import AnswerInstead, Fault
from ratchet.domain.identity import OURS, REBOUNDS
from ratchet.domain.money import ZERO, ceil_to, floor_to
from ratchet.domain.symbol import Symbol
from ratchet.drill.market import START_MS
from ratchet.drill.rebound_draw import Operated
from ratchet.drill.rebound_play import SETTINGS, SYMBOLS, ReboundPlayed
from ratchet.drill.trouble import Interference, WireTrouble
from ratchet.drill.venue import ACCOUNT
from ratchet.exchange.outcome import FILTER_REFUSED

RACE_MS = 5_000  # the longest that a request is on its way
REST_MS = 60_000  # before the end: what was traded later need not be worked through
ON_ITS_WAY_MS = 10_000  # what was sent before a halt may arrive so much later
HUNDRED = Decimal(100)
_OWN = re.compile(r"rb-(?:trump|doge)-(\d+)-(sell|back)")  # by the first of the executions it is for


class Due(StrEnum):
    """Whether a BUY of a person is to be sold, by when it was filled."""

    YES = "yes"
    NO = "no"  # it was filled before the start, or while nobody was meant to watch
    EITHER = "either"  # while it began or ended


@dataclass(frozen=True, slots=True, kw_only=True)
class ReboundVerdict:
    """Of one seed. `violations`: promises that were broken, one line each."""

    seed: int
    violations: tuple[str, ...]
    lives: int
    kills: int
    bought: int  # fills of people's BUYs that were to be sold
    left_alone: int  # that were not
    sells: int
    backs: int
    refused: int  # cases whose SELL no exchange would have taken
    end_ms: float


@dataclass(slots=True)
class _Symbol:
    """One symbol as exchange and ledger have it."""

    symbol: Symbol
    rules: SpotSymbolRules
    orders: Mapping[int, SpotOrder]
    trades: Sequence[SpotTrade]
    cases: Mapping[int, tuple[Decimal, str | None, int | None]]  # quantity, reason, closed_ms, by number
    booked: Mapping[int, tuple[int | None, str, str]]  # case, origin, side, by trade
    rivals: Mapping[int, int | None]  # case in the other companion's ledger, by trade
    raced: Collection[int]  # orders that no name could prevent: see `_raced`
    sells: dict[int, list[SpotOrder]] = field(default_factory=dict)  # by case
    backs: dict[int, list[SpotOrder]] = field(default_factory=dict)


def judge_rebound(seed: int, played: ReboundPlayed) -> ReboundVerdict:
    """All promises."""
    found = list(_of_run(played))
    counts: Counter[str] = Counter()
    for symbol in SYMBOLS:
        seen = _symbol(played, symbol)
        found += _of_names(seen)
        found += _of_spells(played, seen)
        found += _of_trades(played, seen, counts)
        found += _of_cases(played, seen, counts)
        counts["sells"] += sum(map(len, seen.sells.values()))
        counts["backs"] += sum(map(len, seen.backs.values()))
    return ReboundVerdict(
        seed=seed,
        violations=tuple(found),
        lives=len(played.lives),
        kills=played.kills,
        bought=counts["bought"],
        left_alone=counts["left_alone"],
        sells=counts["sells"],
        backs=counts["backs"],
        refused=counts["refused"],
        end_ms=played.end_ms,
    )


def _of_run(played: ReboundPlayed) -> Iterator[str]:
    if played.ended:
        yield f"a process ended by itself: {played.ended}"
    yield from played.broken
    yield from (doubt for life in played.lives for doubt in life.doubts)
    yield from (f"nobody expected this error: {error}" for error in played.log.unexpected)


def _symbol(played: ReboundPlayed, symbol: Symbol) -> _Symbol:
    venue, disk = played.venue, played.disk
    cases = disk.read(f"SELECT id, quantity, reason, closed_ms FROM spot_cases WHERE symbol = '{symbol}'")  # noqa: S608 - ours
    fills = disk.read(f"SELECT fill_id, case_id, origin, side FROM spot_fills WHERE symbol = '{symbol}'")  # noqa: S608 - ours
    orders = venue.orders(symbol)
    raced = _raced(orders) if played.rival is not None else set()
    if raced:
        played.taken.add(symbol)
    return _Symbol(
        symbol=symbol,
        raced=raced,
        rules=load_spot_rules().symbols[symbol],
        orders={order.order_id: order for order in orders},
        trades=venue.spot.exchange.trades(ACCOUNT, symbol),
        cases={number: (Decimal(quantity), reason, closed_ms) for number, quantity, reason, closed_ms in cases},
        booked={fill_id: (case_id, origin, side) for fill_id, case_id, origin, side in fills},
        rivals=dict(played.rival.read(f"SELECT fill_id, case_id FROM spot_fills WHERE symbol = '{symbol}'"))  # noqa: S608 - ours
        if played.rival is not None
        else {},
    )


def _raced(orders: Sequence[SpotOrder]) -> set[int]:
    """Orders of two companions under one name, sent at the same time, the first of which was filled as it came: the
    exchange keeps names apart for as long as an order stands, and that one never did."""
    found: set[int] = set()
    first: dict[str, SpotOrder] = {}
    for order in sorted(orders, key=lambda each: each.order_id):
        before = first.setdefault(order.client_order_id, order)
        is_late = before.updated_ms <= order.created_ms <= before.created_ms + RACE_MS
        if before is not order and not before.is_open and is_late and _OWN.fullmatch(order.client_order_id):
            found.add(order.order_id)
    return found


def _of_spells(played: ReboundPlayed, seen: _Symbol) -> Iterator[str]:
    """Nothing new is placed while an operator holds it back."""
    for spell in played.spells:
        until_ms = played.end_ms if spell.until_ms is None else spell.until_ms
        yield from (
            f"{seen.symbol}: {order.client_order_id} was placed {(at_ms - spell.from_ms) / 1_000:.1f} s after a halt"
            for order in seen.orders.values()
            if _OWN.fullmatch(order.client_order_id)
            and spell.from_ms + ON_ITS_WAY_MS < (at_ms := order.created_ms - START_MS) < until_ms
        )


def _of_names(seen: _Symbol) -> Iterator[str]:
    """No order twice, none that the ledger does not know; of a case at most one SELL and one BUY back."""
    orders = [order for number, order in seen.orders.items() if number not in seen.raced]
    names = Counter(order.client_order_id for order in orders)
    for order in orders:
        found = _OWN.fullmatch(order.client_order_id)
        if found is None:
            continue
        if names[found[0]] > 1:
            yield f"{seen.symbol}: {found[0]} was placed {names[found[0]]} times"
        number, _, _ = seen.booked.get(int(found[1]), (None, "", ""))
        if number is None:
            if seen.rivals.get(int(found[1])) is None:
                yield f"{seen.symbol}: {found[0]} is of no case"
            continue
        (seen.sells if found[2] == "sell" else seen.backs).setdefault(number, []).append(order)
    for what, placed in (("SELLs", seen.sells), ("BUYs back", seen.backs)):
        yield from (
            f"{seen.symbol}: case {number} has {len(orders)} {what}"
            for number, orders in placed.items()
            if len(orders) > 1
        )
    if len(seen.backs) > SETTINGS.buy_back_count and not seen.rivals:  # each counts its own
        yield f"{seen.symbol}: {len(seen.backs)} BUYs back, {SETTINGS.buy_back_count} a day are allowed"


def _of_trades(played: ReboundPlayed, seen: _Symbol, counts: Counter[str]) -> Iterator[str]:
    """What people bought from the start on is in one case, and nothing else is."""
    dues = _dues(played, seen.symbol)
    for trade in seen.trades:
        at_ms = played.venue.traded_ms[seen.symbol, trade.trade_id]
        order = seen.orders[trade.order_id]
        is_persons = not order.client_order_id.startswith((*OURS, REBOUNDS))
        case_id, origin, _ = seen.booked.get(trade.trade_id, (None, "", ""))
        what = f"{seen.symbol}: execution {trade.trade_id} of {order.client_order_id} at {at_ms / 1_000:.1f} s"
        if origin and origin != ("MANUAL" if is_persons else "SYSTEM"):
            yield f"{what} is booked as {origin}"
        if trade.side is not Side.BUY or not is_persons:
            if case_id is not None and _OWN.fullmatch(order.client_order_id) is None:
                yield f"{what} is in case {case_id}"
            continue
        due = _due(dues, at_ms)
        counts["bought" if due is Due.YES else "left_alone"] += 1
        if due is Due.NO and case_id is not None:
            yield f"{what} was to be left alone and is in case {case_id}"
        if due is Due.YES and case_id is None and at_ms < played.end_ms - REST_MS and not _is_too_little(seen, order):
            yield f"{what} is in no case"


def _is_too_little(seen: _Symbol, order: SpotOrder) -> bool:
    """Whether an order that may still grow has not filled as much as can be sold."""
    unsold = sum(
        (
            trade.quantity
            for trade in seen.trades
            if trade.order_id == order.order_id and seen.booked.get(trade.trade_id, (None,))[0] is None
        ),
        ZERO,
    )
    return order.is_open and unsold * order.price < seen.rules.notional_min * Decimal("11")  # a filter may ask for more


def _of_cases(played: ReboundPlayed, seen: _Symbol, counts: Counter[str]) -> Iterator[str]:
    """Each has a SELL of the right quantity at the right price, or a reason why no exchange would take it."""
    for number, (_, reason, closed_ms) in seen.cases.items():
        bought = [
            trade
            for trade in seen.trades
            if trade.side is Side.BUY and seen.booked.get(trade.trade_id, (None, "", ""))[:2] == (number, "MANUAL")
        ]
        what = f"{seen.symbol}: case {number}"
        if len({trade.order_id for trade in bought}) != 1:
            yield f"{what} is of {len({trade.order_id for trade in bought})} BUYs"
            continue
        net = sum((trade.quantity for trade in bought), ZERO)
        cost = sum((trade.quote for trade in bought), ZERO)
        price = ceil_to(cost * (HUNDRED + SETTINGS.percent) / (HUNDRED * net), seen.rules.price_tick)
        net -= sum((trade.fee for trade in bought if trade.fee_asset == seen.rules.base_asset), ZERO)
        quantity = floor_to(net, seen.rules.quantity_step)
        sells = seen.sells.get(number, [])
        is_taken = seen.symbol in played.taken
        if not sells:
            last_ms = max(played.venue.traded_ms[seen.symbol, trade.trade_id] for trade in bought)
            if closed_ms is None and last_ms >= played.end_ms - REST_MS:
                continue
            counts["refused"] += 1
            if not _is_excused(played, seen, reason or "", quantity * price, is_taken=is_taken):
                yield f"{what} has no SELL: {reason or 'it is open'}"
        for sell in sells[:1]:
            if sell.price != price:
                yield f"{what}: its SELL is at {sell.price}, not at {price}"
            if sell.quantity > quantity or (sell.quantity < quantity and not is_taken):
                yield f"{what}: its SELL is of {sell.quantity}, not of {quantity}"
        for back in seen.backs.get(number, []):
            if not sells or sells[0].remaining or back.quantity != sells[0].quantity:
                yield f"{what}: its BUY back is not of what was sold"


def _is_excused(played: ReboundPlayed, seen: _Symbol, reason: str, worth: Decimal, *, is_taken: bool) -> bool:
    """Whether such a reason can be true of what has happened."""
    acts = [
        trouble.act
        for trouble in sorted(played.troubles, key=lambda each: getattr(each, "at_ms", 0))
        if isinstance(trouble, Interference)
    ]
    kinds = {act.act for act in acts if getattr(act, "symbol", "") == seen.symbol}
    is_filtered = "spot_filter" in kinds
    if "nothing of it is free" in reason or "insufficient balance" in reason:
        return is_taken
    if "NOTIONAL" in reason or "LOT_SIZE" in reason:
        return is_taken or is_filtered or worth < seen.rules.notional_min
    if "PERCENT_PRICE" in reason:
        return is_filtered
    if "Filter failure" in reason:
        return any(isinstance(each, WireTrouble) and _refuses(each.fault) for each in played.troubles)
    if "Market is closed" in reason:
        return "spot_status" in kinds
    if reason.startswith("given up by"):
        return any(isinstance(each, Operated) for each in played.troubles)
    if not reason and played.spells and played.spells[-1].until_ms is None:
        return True
    if not reason:  # it waits for the pair to trade again
        statuses = [act.status for act in acts if isinstance(act, SpotStatus) and act.symbol == seen.symbol]
        return bool(statuses) and statuses[-1] != "TRADING"
    return False


def _refuses(fault: Fault) -> bool:
    return isinstance(fault, AnswerInstead) and fault.code == FILTER_REFUSED


# When somebody was meant to watch ------------------------------------------------------------------------------------


def _dues(played: ReboundPlayed, symbol: Symbol) -> list[tuple[float, Due]]:
    """From when on what holds, in order of time."""
    dues: list[tuple[float, Due]] = [(0.0, Due.NO)]
    goes_on = False
    for life in played.lives:
        if not goes_on:
            dues.append((life.born_ms, Due.EITHER))
            if (watched_ms := life.watched_ms.get(symbol)) is not None:
                dues.append((watched_ms, Due.YES))
        if symbol in life.left_alone:
            if life.stopped_ms is not None:
                dues.append((life.stopped_ms, Due.EITHER))
            dues.append((life.ended_ms, Due.NO))
            goes_on = False
        elif symbol in life.goes_on:
            if dues[-1][1] is not Due.YES:
                dues.append((life.ended_ms, Due.YES))
            goes_on = True
        else:
            dues.append((life.ended_ms, Due.NO))
    return dues


def _due(dues: Sequence[tuple[float, Due]], at_ms: float) -> Due:
    return next((due for from_ms, due in reversed(dues) if from_ms <= at_ms), Due.NO)
