"""The vitals: how a process is that keeps to an exchange, in one value, for whoever watches it from outside."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessVitals:
    """Of any of them, at one moment. Ages and durations are of real time, none where there was nothing yet."""

    now_ms: int  # exchange time
    uptime_s: float
    account_age_s: float | None  # since the exchange told how the account stands
    is_user_stream_open: bool
    user_stream_age_s: float | None  # since its last word; it has none while nothing happens
    weight_used: int  # of the exchange's request limits, in the running minute, by this machine
    weight_max: int
    notes_waiting: int  # for the ledger
    ledger_trouble: str  # why it cannot be written, empty while it can


@dataclass(frozen=True, slots=True, kw_only=True)
class Vitals(ProcessVitals):
    """Of a trader. Money is USDC."""

    equity: Decimal
    available: Decimal
    pnl_open: Decimal  # of what is held
    pnl_day: Decimal  # since 00:00 UTC, open positions included
    positions: int
    trades_closed: int
    naked_ms_max: float | None
    entries_halted: str  # why, empty while entries are on
    look_age_s: float | None  # since it was last asked what is held, answered or not
    market_stream_age_s: float | None
    unrest_s: float  # for how long something held has not been covered, or has been worked on
