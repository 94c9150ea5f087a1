"""Signals: what a strategy wants, and every vote that led to it."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from ratchet.domain.order import Side
from ratchet.domain.symbol import Symbol


class Kind(StrEnum):
    """What a vote looks at. An entry needs at least one of each: "1+1"."""

    TREND = "trend"
    MOMENTUM = "momentum"
    FILTER = "filter"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One indicator's opinion. `side` None means no opinion, or, for a filter, a veto."""

    name: str  # "ema_cross", "rsi", "atr_floor"
    kind: Kind
    side: Side | None
    value: float
    note: str  # readable: "EMA 9 above EMA 21"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """A wish to enter, at the close of one candle."""

    strategy: str
    symbol: Symbol
    side: Side
    candle_close_ms: int
    price: Decimal  # close of that candle
    atr_fraction: float  # ATR / close
    breakdown: tuple[Vote, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSignal:
    """No wish, and why: the breakdown that did not agree, or too little data."""

    strategy: str
    symbol: Symbol
    candle_close_ms: int
    reason: str
    breakdown: tuple[Vote, ...] = ()
    is_fault: bool = False  # the strategy itself went wrong
