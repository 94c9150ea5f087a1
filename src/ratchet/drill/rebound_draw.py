"""Drawing for the spot companion: what people do at the account, and what goes wrong meanwhile."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from localbinance.server.acts import read_act
from localbinance.server.faults import read_fault
from ratchet.domain.symbol import Symbol
from ratchet.drill.draw import (
    DISK_ANSWERS,
    ORDERS_MAX,
    TURNED_AWAY,
    TURNS_MAX,
    UNKNOWN,
    Json,
    frame_faults,
    some_time,
    standing,
)
from ratchet.drill.market import START_MS
from ratchet.drill.trouble import DiskTrouble, Freeze, Interference, Kill, KillAfterOrder, WireTrouble

SECOND_ORDERS_MAX = ORDERS_MAX // 3  # a companion sends fewer than a trader
TROUBLES_MAX = 6
QUIET_EVERY = 8  # each eighth seed has no troubles
RISE_EVERY = 4  # in each fourth the market is above a SELL before that is sent: it fills at once
OPERATED_EVERY = 3  # in each third an operator has a say
RIVAL_EVERY = 6
HELD_MS_MIN, HELD_MS_MAX = 20_000, 200_000  # between a pause, or a panic, and its resume
DEEDS_MIN, DEEDS_MAX = 6, 16
QUOTE_SMALL, QUOTE_LARGE = 4, 3_000  # USDC, of what a person buys: the first is less than can be sold
STALE_PATHS = (
    *("", "", ""),
    *(f"/api/v3/{what}" for what in ("account", "myTrades", "openOrders", "order", "allOrders")),
)


class Deed(StrEnum):
    """What somebody does at the account."""

    BUY = "buy"  # at market
    BUY_LOW = "buy_low"  # a limit order that may fill in parts, later, or never
    BUY_BY_PROGRAM = "buy_by_program"  # with a name that is no person's
    CANCEL_BUY = "cancel_buy"
    CANCEL_SELL = "cancel_sell"  # of the companion
    SELL = "sell"  # some of what is free
    WITHDRAW = "withdraw"  # all that is free


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Somebody does something."""

    at_ms: int
    symbol: Symbol
    does: Deed
    quote: Decimal  # what a BUY is worth
    draw: float  # 0 to 1: of a price below the market, of which order


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """The companion is ended in good order, and started again."""

    at_ms: int
    down_ms: int


@dataclass(frozen=True, slots=True)
class Rival:
    """A second companion watches the same account all the while, with a ledger of its own."""


class Word(StrEnum):
    """What an operator says."""

    PAUSE = "pause"
    RESUME = "resume"
    GIVE_UP = "give_up"  # one of the open cases
    PANIC = "panic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operated:
    """An operator says something to the companion; where none lives, as soon as one does."""

    at_ms: int
    word: Word
    draw: float = 0.0  # 0 to 1: which case


ReboundTrouble: TypeAlias = (
    Rival | Operated | Kill | KillAfterOrder | Freeze | DiskTrouble | WireTrouble | Interference | Hand | Rest
)


def draw_rebound(seed: int, symbols: Sequence[Symbol], length_ms: int) -> list[ReboundTrouble]:
    """Everything that happens in a seed."""
    random_ = random.Random(f"rebound {seed}")  # noqa: S311 - a simulation, and to be repeatable
    found: list[ReboundTrouble] = [
        _hand(random_, symbols, length_ms) for _ in range(random_.randint(DEEDS_MIN, DEEDS_MAX))
    ]
    found += [_move(random_, symbol, length_ms, up=up) for symbol in symbols for up in (True, False)]
    if random_.random() < 0.4:
        act = {"act": "spot_fill_slowly", "symbol": random_.choice(symbols), "parts": 4, "over_ms": 6_000}
        found.append(Interference(at_ms=1_000, act=read_act(act)))
    if seed % RISE_EVERY == 1:
        found += _rise(random_, random_.choice(symbols), length_ms)
    if seed % RISE_EVERY == 3:
        found += _sudden(random_, random_.choice(symbols), length_ms)
    if seed % RIVAL_EVERY == 3:
        found.append(Rival())
    if seed % OPERATED_EVERY == 2:
        found += _operated(random_, length_ms)
    if seed % QUIET_EVERY:
        count = random_.randint(1, TROUBLES_MAX)
        found += [random_.choice(_DRAWS)(random_, symbols, length_ms) for _ in range(count)]
    return found


def _hand(random_: random.Random, symbols: Sequence[Symbol], length_ms: int) -> Hand:
    does = random_.choice((Deed.BUY,) * 5 + (Deed.BUY_LOW,) * 5 + tuple(Deed)[2:])
    worth = random_.choice((random_.uniform(QUOTE_SMALL, 60), random_.uniform(20, QUOTE_LARGE)))
    at_ms = random_.randrange(1_000, length_ms) if random_.random() < 0.9 else 0
    return Hand(
        at_ms=at_ms,
        symbol=random_.choice(symbols),
        does=does,
        quote=Decimal(round(worth)),
        draw=random_.random(),
    )


def _move(random_: random.Random, symbol: Symbol, length_ms: int, *, up: bool) -> Interference:
    fraction = random_.choice(("0.015", "0.03") if up else ("-0.01", "-0.03"))
    at_ms = some_time(random_, length_ms)
    return Interference(at_ms=at_ms, act=read_act({"act": "gap", "symbol": symbol, "fraction": fraction}))


def _rise(random_: random.Random, symbol: Symbol, length_ms: int) -> list[ReboundTrouble]:
    """Two BUYs while nobody is there, the market rises, and the reply to a SELL that fills at once is lost: one that is
    sent again then takes what belongs to the other."""
    at_ms = some_time(random_, length_ms)
    lost: Json = {"fault": "lose_reply", "method": "POST", "path": "/api/v3/order", "times": random_.randint(1, 2)}
    lost |= {"until_ms": START_MS + at_ms + 90_000}
    return [
        Kill(at_ms=at_ms, down_ms=40_000),
        *(
            Hand(at_ms=at_ms + 5_000, symbol=symbol, does=Deed.BUY, quote=Decimal(quote), draw=0.5)
            for quote in (100, 150)
        ),
        Interference(at_ms=at_ms + 10_000, act=read_act({"act": "gap", "symbol": symbol, "fraction": "0.03"})),
        WireTrouble(at_ms=at_ms + 10_000, for_ms=80_000, fault=read_fault(lost)),
    ]


def _sudden(random_: random.Random, symbol: Symbol, length_ms: int) -> list[ReboundTrouble]:
    """A BUY, and a death just after it, while a SELL may be on its way: it arrives when the next life asks already."""
    at_ms = some_time(random_, length_ms)
    slow: Json = {"fault": "latency", "ms": random_.randrange(500, 4_500), "method": "POST", "path": "/api/v3/order"}
    slow |= {"until_ms": START_MS + at_ms + 10_000}
    return [
        Hand(at_ms=at_ms, symbol=symbol, does=Deed.BUY, quote=Decimal(100), draw=0.5),
        WireTrouble(at_ms=at_ms, for_ms=10_000, fault=read_fault(slow)),
        Kill(at_ms=at_ms + random_.randrange(5, 1_500), down_ms=random_.choice((0, 0, 500, 2_000))),
    ]


def _operated(random_: random.Random, length_ms: int) -> list[ReboundTrouble]:
    """Held back for a while, by a pause or a panic, and cases given up at any time."""
    at_ms = some_time(random_, length_ms)
    word = random_.choice((Word.PAUSE, Word.PANIC))
    return [
        Operated(at_ms=at_ms, word=word),
        Operated(at_ms=at_ms + random_.randrange(HELD_MS_MIN, HELD_MS_MAX), word=Word.RESUME),
        *(
            Operated(at_ms=some_time(random_, length_ms), word=Word.GIVE_UP, draw=random_.random())
            for _ in range(random_.randint(0, 2))
        ),
    ]


# What goes wrong -----------------------------------------------------------------------------------------------------


def _kill(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    return Kill(at_ms=some_time(random_, length_ms), down_ms=random_.randrange(60_000))


def _kill_after_order(random_: random.Random, _symbols: Sequence[Symbol], _length_ms: int) -> ReboundTrouble:
    order, turns = random_.randrange(1, SECOND_ORDERS_MAX), random_.randrange(TURNS_MAX)
    return KillAfterOrder(order=order, turns=turns, down_ms=random_.randrange(20_000))


def _rest(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    return Rest(at_ms=some_time(random_, length_ms), down_ms=random_.randrange(1_000, 90_000))


def _freeze(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    return Freeze(at_ms=some_time(random_, length_ms), for_ms=random_.choice((500, 5_000, 30_000)))


def _disk(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    at_ms, for_ms = some_time(random_, length_ms), random_.randrange(500, 40_000)
    return DiskTrouble(at_ms=at_ms, for_ms=for_ms, answer=random_.choice(DISK_ANSWERS))


def _requests(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    kinds: tuple[Json, ...] = (
        {"fault": "latency", "ms": random_.randrange(50, 4_000), "jitter_ms": 500},
        {"fault": "latency", "ms": random_.randrange(50, 4_000), "jitter_ms": 500, "of": "reply"},
        {"fault": "lose_request"},
        {"fault": "lose_reply"},
        {"fault": "answer"} | random_.choice(UNKNOWN),
        {"fault": "answer_after"} | random_.choice(UNKNOWN),
        {"fault": "answer"} | random_.choice(TURNED_AWAY),
        {"fault": "answer", "status": 400, "code": -1021, "message": "Timestamp for this request was too old."},
    )
    path = random_.choice(("", "/api/v3/order", "/api/v3/order", "/api/v3/myTrades", "/api/v3/account"))
    return standing(random_, length_ms, 30_000, random_.choice(kinds) | {"path": path})


def _sent(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    """The reply to an order is lost, or says nothing."""
    lost: Json = {"fault": "lose_reply"}
    kind = random_.choice((lost, {"fault": "answer_after"} | random_.choice(UNKNOWN)))
    return standing(random_, length_ms, 120_000, kind | {"method": "POST", "path": "/api/v3/order"}, times=1)


def _no_balance(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    """A no that is over the next time."""
    message = "Account has insufficient balance for requested action."
    kind: Json = {"fault": "answer", "status": 400, "code": -2010, "message": message}
    return standing(random_, length_ms, 120_000, kind | {"method": "POST", "path": "/api/v3/order"}, times=1)


def _not_found(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    return standing(random_, length_ms, 20_000, {"fault": "not_found"})


def _stale(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    """Reads, all or of one kind, tell how things stood a while ago."""
    kind: Json = {"fault": "stale", "ms": random_.randrange(1_000, 6_000), "path": random_.choice(STALE_PATHS)}
    return standing(random_, length_ms, 120_000, kind)


def _frames(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    return standing(random_, length_ms, 120_000, random_.choice(frame_faults(random_)) | {"route": "user"})


def _stream(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    kind = random_.choice(("cut", "refuse_connection"))
    at_ms, for_ms = some_time(random_, length_ms), random_.randrange(1_000, 30_000)
    until: Json = {"until_ms": START_MS + at_ms + for_ms} if kind == "refuse_connection" else {}
    return WireTrouble(at_ms=at_ms, for_ms=for_ms, fault=read_fault({"fault": kind} | until))


def _market(random_: random.Random, symbols: Sequence[Symbol], length_ms: int) -> ReboundTrouble:
    """What the exchange does to a pair."""
    kinds: tuple[Json, ...] = (
        {"act": "spot_status", "status": "BREAK", "ends_orders": random_.random() < 0.5},
        {"act": "spot_status", "status": "TRADING"},
        {"act": "spot_filter", "multiplier_up": "1.004"},
        {"act": "spot_filter", "notional_min": "50"},
    )
    act = random_.choice(kinds) | {"symbol": random_.choice(symbols)}
    return Interference(at_ms=some_time(random_, length_ms), act=read_act(act))


_DRAWS = (
    _kill,
    _kill,
    _kill_after_order,
    _kill_after_order,
    _kill_after_order,
    _rest,
    _rest,
    _freeze,
    _disk,
    _requests,
    _requests,
    _requests,
    _sent,
    _sent,
    _no_balance,
    _not_found,
    _stale,
    _stale,
    _frames,
    _frames,
    _stream,
    _market,
)
