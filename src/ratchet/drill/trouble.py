"""Troubles: what happens to a trader in a drill, and when. Values; times are virtual ms since the world's beginning."""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TypeAlias

from localbinance.server.acts import Act
from localbinance.server.fault import Fault
from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Kill:
    """The process is killed."""

    at_ms: int
    down_ms: int  # until the next one is started


@dataclass(frozen=True, slots=True, kw_only=True)
class KillAfterOrder:
    """The process is killed so many turns of its loop after it has sent its n-th order of this run."""

    order: int
    turns: int
    down_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """The process is stopped for a while, as by SIGSTOP, or by a machine that sleeps."""

    at_ms: int
    for_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeAfterOrder:
    """The same, so many turns of its loop after it has sent its n-th order of this run."""

    order: int
    turns: int
    for_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardianBegins:
    """A guardian is started beside the trader. No trouble by itself, and it must not become one."""

    at_ms: int
    for_ms: int | None = None  # then it is asked to end; None: it stays


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardianKill:
    """The guardian is killed."""

    at_ms: int
    down_ms: int  # until the next one is started


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardianKillAfterOrder:
    """The guardian is killed so many turns of its loop after it has sent its n-th order of this run."""

    order: int
    turns: int
    down_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskTrouble:
    """The ledger cannot be written."""

    at_ms: int
    for_ms: int
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJump:
    """The machine's clock is set wrong."""

    at_ms: int
    by_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WireTrouble:
    """A fault stands between the exchange and its client for a while."""

    at_ms: int
    for_ms: int
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Interference:
    """The exchange or its market does something."""

    at_ms: int
    act: Act


class Deed(StrEnum):
    """What another client of the account may do."""

    BUY = "buy"
    SELL = "sell"
    CLOSE = "close"
    STEAL_STOP = "steal_stop"  # cancels a stop of the trader's
    PLACE_STOP = "place_stop"  # of its own, far away


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherHand:
    """Another client of the account does something."""

    at_ms: int
    symbol: Symbol
    does: Deed


@dataclass(frozen=True, slots=True, kw_only=True)
class PanicOrdered:
    """An operator orders a panic, and so long after a resume, again and again until it is done."""

    at_ms: int
    for_ms: int


OfGuardian: TypeAlias = GuardianBegins | GuardianKill | GuardianKillAfterOrder
Trouble: TypeAlias = (
    Kill
    | KillAfterOrder
    | Freeze
    | FreezeAfterOrder
    | DiskTrouble
    | ClockJump
    | WireTrouble
    | Interference
    | OtherHand
    | PanicOrdered
    | OfGuardian
)


def describe(trouble: Trouble) -> str:
    """In one line: what differs from the defaults."""
    match trouble:
        case WireTrouble():
            return f"at {trouble.at_ms / 1_000:.1f} s, for {trouble.for_ms / 1_000:.1f} s: {_short(trouble.fault)}"
        case Interference():
            return f"at {trouble.at_ms / 1_000:.1f} s: {_short(trouble.act)}"
        case _:
            return _short(trouble)


def _short(value: Fault | Act | Trouble) -> str:
    told = ((each.name, getattr(value, each.name), each.default) for each in fields(value))
    return f"{type(value).__name__}({', '.join(f'{name}={found}' for name, found, usual in told if found != usual)})"
