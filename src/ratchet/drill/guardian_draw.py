"""Drawing, for a guardian: when one is there, what happens to it, and more of what it is there for."""

import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from localbinance.server.acts import read_act
from localbinance.server.faults import read_fault
from ratchet.domain.symbol import Symbol
from ratchet.drill.draw import FIRST_MS, LAST_MS, ORDERS_MAX, STALE_PATHS, STOP_REFUSALS, TURNS_MAX, Json
from ratchet.drill.market import START_MS
from ratchet.drill.trouble import (
    Deed,
    FreezeAfterOrder,
    GuardianBegins,
    GuardianKill,
    GuardianKillAfterOrder,
    Interference,
    Kill,
    KillAfterOrder,
    OtherHand,
    Trouble,
    WireTrouble,
)
from ratchet.exchange.certainty import LAG_MS

GUARDIAN_ORDERS_MAX, GUARDIAN_TURNS_MAX = 4, 8  # it sends few, and has fewer turns between them
TROUBLES_MAX = 4
_ALONE = (Deed.STEAL_STOP, Deed.STEAL_STOP, Deed.BUY, Deed.SELL, Deed.CLOSE)
GUARDED_MS = (120_000, 480_000)  # how long one is there at least, and at most

_Draw: TypeAlias = Callable[[random.Random, Sequence[Symbol], int], list[Trouble]]


def draw_guardian(
    random_: random.Random, symbols: Sequence[Symbol], length_ms: int, *, is_quiet: bool
) -> list[Trouble]:
    """A guardian, in every second run and mostly for a part of it; then also what may happen to it, and more of what it
    is there for.

    Args: is_quiet, whether nothing goes wrong.
    """
    if random_.random() < 1 / 2:
        return []
    # Most is entered at the beginning.
    at_ms = random_.choice((0, 0, random_.randrange(length_ms)))
    for_ms = random_.choice((None, *[random_.randrange(*GUARDED_MS)] * 5))
    found: list[Trouble] = [GuardianBegins(at_ms=at_ms, for_ms=for_ms)]
    if not is_quiet:
        until_ms = length_ms if for_ms is None else min(at_ms + for_ms, length_ms)
        for _ in range(random_.randint(1, TROUBLES_MAX)):
            strikes_ms = min(max(random_.randint(at_ms, until_ms), FIRST_MS), max(FIRST_MS, length_ms - LAST_MS))
            found += random_.choice(_DRAWS)(random_, symbols, strikes_ms)
    return found


def _long_death(random_: random.Random, _symbols: Sequence[Symbol], _at_ms: int) -> list[Trouble]:
    """The trader dies just after an order, and is not back soon."""
    order, turns = random_.randrange(1, ORDERS_MAX), random_.randrange(TURNS_MAX)
    return [KillAfterOrder(order=order, turns=turns, down_ms=random_.randrange(60_000))]


def _long_freeze(random_: random.Random, _symbols: Sequence[Symbol], _at_ms: int) -> list[Trouble]:
    order, turns = random_.randrange(1, ORDERS_MAX), random_.randrange(TURNS_MAX)
    return [FreezeAfterOrder(order=order, turns=turns, for_ms=random_.choice((3_000, 20_000, 90_000)))]


def _guardian_killed(random_: random.Random, _symbols: Sequence[Symbol], at_ms: int) -> list[Trouble]:
    return [GuardianKill(at_ms=at_ms, down_ms=random_.randrange(60_000))]


def _guardian_killed_after_order(random_: random.Random, _symbols: Sequence[Symbol], _at_ms: int) -> list[Trouble]:
    order, turns = random_.randrange(1, GUARDIAN_ORDERS_MAX), random_.randrange(GUARDIAN_TURNS_MAX)
    return [GuardianKillAfterOrder(order=order, turns=turns, down_ms=random_.randrange(10_000))]


def _both_killed(random_: random.Random, _symbols: Sequence[Symbol], at_ms: int) -> list[Trouble]:
    return [
        Kill(at_ms=at_ms, down_ms=random_.randrange(30_000)),
        GuardianKill(at_ms=at_ms + random_.randrange(50), down_ms=random_.randrange(30_000)),
    ]


def _alone(random_: random.Random, symbols: Sequence[Symbol], at_ms: int) -> list[Trouble]:
    """No trader is there while another hand is at work, and what the guardian does about it may be refused."""
    symbol = random_.choice(symbols)
    found: list[Trouble] = [Kill(at_ms=at_ms, down_ms=random_.randrange(1_000, 40_000))]
    for _ in range(random_.randint(1, 2)):
        deed_ms = at_ms + random_.randrange(5_000)
        found.append(OtherHand(at_ms=deed_ms, symbol=symbol, does=random_.choice(_ALONE)))
    if random_.random() < 1 / 2:
        found.append(_refusals(random_, at_ms, random_.randrange(5_000, 30_000)))
    return found


def _lag(random_: random.Random, _symbols: Sequence[Symbol], at_ms: int) -> list[Trouble]:
    """Reads are behind for long, by as much as they may be."""
    return [_lagging(random_, at_ms)]


def _lag_and_jump(random_: random.Random, symbols: Sequence[Symbol], at_ms: int) -> list[Trouble]:
    """What was held is gone, and reads still show it."""
    jump: Json = {"act": "gap", "fraction": str(random_.choice((-20, -10, 10, 20)) / 1_000)}
    jump_ms = at_ms + random_.randrange(LAG_MS, 20_000)
    jumps = [Interference(at_ms=jump_ms, act=read_act(jump | {"symbol": symbol})) for symbol in symbols]
    return [_lagging(random_, at_ms), *jumps]


def _lag_and_refusals(random_: random.Random, _symbols: Sequence[Symbol], at_ms: int) -> list[Trouble]:
    """What is covered is not seen to be, and no further stop is to be had."""
    lag = _lagging(random_, at_ms)
    return [lag, _refusals(random_, at_ms, lag.for_ms)]


def _refusals(random_: random.Random, at_ms: int, for_ms: int) -> WireTrouble:
    kind: Json = {"fault": "reject", "code": random_.choice(STOP_REFUSALS), "message": "Refused for the drill."}
    which: Json = {
        "type": "STOP_MARKET",
        "times": random_.choice((1, 2, 3, None)),
        "after": random_.choice((0, 0, 1, 2)),
    }
    fault = read_fault(kind | which | {"until_ms": START_MS + at_ms + for_ms})
    return WireTrouble(at_ms=at_ms, for_ms=for_ms, fault=fault)


def _lagging(random_: random.Random, at_ms: int) -> WireTrouble:
    for_ms = random_.randrange(10_000, 60_000)
    kind: Json = {"fault": "stale", "ms": random_.randrange(500, LAG_MS), "path": random_.choice(STALE_PATHS)}
    how: Json = {"probability": random_.choice((1.0, 1.0, 0.5)), "until_ms": START_MS + at_ms + for_ms}
    return WireTrouble(at_ms=at_ms, for_ms=for_ms, fault=read_fault(kind | how))


_DRAWS: tuple[_Draw, ...] = (
    _long_death,
    _long_death,
    _long_freeze,
    _long_freeze,
    _guardian_killed,
    _guardian_killed_after_order,
    _both_killed,
    _alone,
    _alone,
    _lag,
    _lag_and_jump,
    _lag_and_refusals,
)
