"""Drawing: the troubles of a seed, of every kind. Faults and acts are drawn as the JSON that the venue takes."""

import random
from collections.abc import Callable, Sequence
from typing import TypeAlias

from localbinance.server.acts import read_act
from localbinance.server.faults import read_fault
from ratchet.domain.symbol import Symbol
from ratchet.drill.market import START_MS
from ratchet.drill.trouble import (
    ClockJump,
    Deed,
    DiskTrouble,
    Freeze,
    Interference,
    Kill,
    KillAfterOrder,
    OtherHand,
    PanicOrdered,
    Trouble,
    WireTrouble,
)

Json: TypeAlias = dict[str, object]

FIRST_MS = 30_000  # nothing goes wrong before: a run begins with a trader at work
LAST_MS = 120_000  # before its end the last trouble is over
ORDERS_MAX = 40  # a kill comes after one of the first so many
TURNS_MAX = 60

UNKNOWN: tuple[Json, ...] = (
    {"status": 503},
    {"status": 502},
    {"status": 500},
    {"code": -1001},
    {"code": -1006},
    {"code": -1007},
)
TURNED_AWAY: tuple[Json, ...] = (
    {"code": -1008},
    {"code": -1015},
    {"status": 429, "retry_after_s": 2},
    {"ban_ms": 20_000},
)
STOP_REFUSALS = (-2021, -4120, -4045, -2019, -1106)
ENTRY_REFUSALS = (-2019, -2027, -4131)
DISK_ANSWERS = ("database is locked", "database or disk is full", "disk I/O error")
STALE_PATHS = (
    *("", "", ""),
    *("/fapi/v3/positionRisk", "/fapi/v3/account", "/fapi/v1/openOrders", "/fapi/v1/openAlgoOrders"),
    *("/fapi/v1/order", "/fapi/v1/algoOrder", "/fapi/v1/userTrades"),
)
EVENTS = ("", "", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ALGO_UPDATE")

_Draw: TypeAlias = Callable[[random.Random, Sequence[Symbol], int], Trouble]


def draw_troubles(random_: random.Random, symbols: Sequence[Symbol], length_ms: int, count: int) -> list[Trouble]:
    """So many troubles, spread over a run of a length."""
    return [random_.choice(_DRAWS)(random_, symbols, length_ms) for _ in range(count)]


# The process and its machine -----------------------------------------------------------------------------------------


def _kill(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    return Kill(at_ms=some_time(random_, length_ms), down_ms=random_.randrange(30_000))


def _kill_after_order(random_: random.Random, _symbols: Sequence[Symbol], _length_ms: int) -> Trouble:
    order, turns = random_.randrange(1, ORDERS_MAX), random_.randrange(TURNS_MAX)
    return KillAfterOrder(order=order, turns=turns, down_ms=random_.randrange(10_000))


def _freeze(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    return Freeze(at_ms=some_time(random_, length_ms), for_ms=random_.choice((500, 5_000, 60_000)))


def _disk(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    at_ms, for_ms = some_time(random_, length_ms), random_.randrange(500, 60_000)
    return DiskTrouble(at_ms=at_ms, for_ms=for_ms, answer=random_.choice(DISK_ANSWERS))


def _clock(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    return ClockJump(at_ms=some_time(random_, length_ms), by_ms=random_.choice((-60_000, -7_000, 2_000, 30_000)))


def draw_panic(random_: random.Random, length_ms: int) -> PanicOrdered:
    """A panic, and when it is resumed."""
    return PanicOrdered(at_ms=some_time(random_, length_ms), for_ms=random_.choice((5_000, 60_000, 180_000)))


# The wire ------------------------------------------------------------------------------------------------------------


def _requests(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    """Something is wrong with requests: all, or those of one kind."""
    kinds: tuple[Json, ...] = (
        {"fault": "latency", "ms": random_.randrange(50, 4_000), "jitter_ms": 500},
        {"fault": "latency", "ms": random_.randrange(50, 4_000), "jitter_ms": 500, "of": "reply"},
        {"fault": "lose_request"},
        {"fault": "lose_reply"},
        {"fault": "answer"} | random_.choice(UNKNOWN),
        {"fault": "answer_after"} | random_.choice(UNKNOWN),
        {"fault": "answer"} | random_.choice(TURNED_AWAY),
    )
    path = random_.choice(("", "/fapi/v1/order", "/fapi/v1/algoOrder", "/fapi/v3/positionRisk", "/fapi/v1/open*"))
    return standing(random_, length_ms, 30_000, random_.choice(kinds) | {"path": path})


def _refused_stop(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    code = random_.choice(STOP_REFUSALS)
    kind = {"fault": "reject", "code": code, "type": "STOP_MARKET", "message": "Refused for the drill."}
    return standing(random_, length_ms, 300_000, kind, times=random_.choice((1, 1, 2)))


def _refused_entry(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    code = random_.choice(ENTRY_REFUSALS)
    kind = {"fault": "reject", "code": code, "type": "MARKET", "message": "Refused for the drill."}
    return standing(random_, length_ms, 120_000, kind, times=1)


def _not_found(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    """Orders that exist are not found for a while."""
    return standing(random_, length_ms, 4_000, {"fault": "not_found"})


def _stale(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    """Reads, all or of one kind, tell how things stood a while ago; where not every one is hit, they go to and fro."""
    kind: Json = {"fault": "stale", "ms": random_.randrange(300, 5_000), "path": random_.choice(STALE_PATHS)}
    return standing(random_, length_ms, 60_000, kind)


def frame_faults(random_: random.Random) -> tuple[Json, ...]:
    """What can become of the frames of a stream."""
    return (
        {"fault": "drop_frame"},
        {"fault": "delay_frame", "ms": random_.randrange(10, 5_000), "jitter_ms": 2_000},
        {"fault": "duplicate_frame", "copies": random_.randrange(1, 4), "ms": random_.choice((0, 3_000))},
        {"fault": "reorder_frame", "behind": random_.randrange(1, 6)},
        {"fault": "silent"},
    )


def _frames(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    """Something is wrong with what the user stream delivers."""
    kinds = frame_faults(random_)
    rest: Json = {"route": "user", "event": random_.choice(EVENTS)}
    return standing(random_, length_ms, 60_000, random_.choice(kinds) | rest)


def _stream(random_: random.Random, _symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    """The user stream is lost."""
    kind = random_.choice(("cut", "expire_listen_key", "refuse_connection"))
    at_ms, for_ms = some_time(random_, length_ms), random_.randrange(1_000, 30_000)
    until = {"until_ms": START_MS + at_ms + for_ms} if kind == "refuse_connection" else {}
    return WireTrouble(at_ms=at_ms, for_ms=for_ms, fault=read_fault({"fault": kind} | until))


# The exchange, the market, other hands -------------------------------------------------------------------------------


def _interference(random_: random.Random, symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    symbol = random_.choice(symbols)
    jump = str(random_.choice((-60, -30, -10, 10, 30, 60)) / 1_000)
    kinds: tuple[Json, ...] = (
        {"act": "gap", "fraction": jump},
        {"act": "flash", "fraction": jump, "for_ms": random_.choice((20_000, 90_000))},
        {"act": "fill_slowly", "parts": random_.randrange(2, 6), "over_ms": 3_000},
        {"act": "refuse_trigger", "times": random_.randrange(1, 3)},
        {"act": "stick_trigger", "for_ms": 60_000, "stage": random_.choice(("TRIGGERING", "TRIGGERED"))},
        {"act": "funding", "rate": random_.choice(("0.001", "-0.001"))},
        {"act": "liquidate"},
    )
    kind = random_.choice(kinds)
    of_symbol: Json = {} if kind["act"] == "liquidate" else {"symbol": symbol}
    return Interference(at_ms=some_time(random_, length_ms), act=read_act(kind | of_symbol))


def _other_hand(random_: random.Random, symbols: Sequence[Symbol], length_ms: int) -> Trouble:
    return OtherHand(
        at_ms=some_time(random_, length_ms), symbol=random_.choice(symbols), does=random_.choice(tuple(Deed))
    )


_DRAWS: tuple[_Draw, ...] = (
    _kill,
    _kill_after_order,
    _kill_after_order,
    _freeze,
    _disk,
    _clock,
    _requests,
    _requests,
    _requests,
    _refused_stop,
    _refused_stop,
    _refused_entry,
    _not_found,
    _stale,
    _stale,
    _frames,
    _frames,
    _stream,
    _interference,
    _interference,
    _other_hand,
    _other_hand,
)


def some_time(random_: random.Random, length_ms: int) -> int:
    """When something happens, neither too early nor too late in a run."""
    return random_.randrange(FIRST_MS, max(FIRST_MS + 1, length_ms - LAST_MS))


def standing(
    random_: random.Random, length_ms: int, for_ms_max: int, kind: Json, times: int | None = None
) -> WireTrouble:
    """A fault that stands for a while."""
    at_ms, for_ms = some_time(random_, length_ms), random_.randrange(500, for_ms_max)
    how_often: Json = {"times": times}
    if times is None:
        how_often = {
            "times": random_.choice((1, 1, 3, None)),
            "after": random_.choice((0, 0, 1, 2)),
            "probability": random_.choice((1.0, 1.0, 0.5)),
        }
    found = read_fault(kind | how_often | {"until_ms": START_MS + at_ms + for_ms})
    return WireTrouble(at_ms=at_ms, for_ms=for_ms, fault=found)
