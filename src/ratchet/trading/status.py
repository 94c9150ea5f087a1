"""The state of a trader at a glance."""

from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.order import Side
from ratchet.domain.position import Balance
from ratchet.domain.signal import Signal
from ratchet.domain.symbol import Symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLine:
    """One open trade as an operator sees it."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    price_entry: Decimal
    price_stop: Decimal | None  # of the stop that stands; None: none does
    opened_ms: int
    naked_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What an operator asks first."""

    now_ms: int
    balance: Balance
    positions: tuple[PositionLine, ...]
    signals: tuple[tuple[Signal, str], ...]  # the last ones with what became of them
    trades_closed: int
    naked_ms_max: float | None
    entries_halted: str  # why, empty while entries are on
    audited_ms: int | None  # up to when the ledger was compared with the exchange's books
    books_disagree: str  # on what, in two audits in a row; empty while they agree
    uptime_ms: float  # real time
    pnl_day: Decimal  # change of the equity since 00:00 UTC, USDC; 0 while that is not known
    account_age_ms: float | None  # real time since the exchange told what is held; none: it has not yet
    look_age_ms: float | None  # real time since it was last asked for that, answered or not
    notes_waiting: int  # for the ledger
