"""Vitals of a trader that is well, but for what a test is about."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from ratchet.observe.vitals import Vitals

WELL = Vitals(
    now_ms=1_750_000_000_000,
    uptime_s=3_661.0,
    equity=Decimal("401.5"),
    available=Decimal("380.25"),
    pnl_open=Decimal("0.5"),
    pnl_day=Decimal("1.25"),
    positions=2,
    trades_closed=7,
    naked_ms_max=42.0,
    entries_halted="",
    account_age_s=2.0,
    look_age_s=2.0,
    is_user_stream_open=True,
    user_stream_age_s=600.0,
    market_stream_age_s=0.5,
    weight_used=120,
    weight_max=2_400,
    notes_waiting=3,
    ledger_trouble="",
    unrest_s=0.0,
)


def vitals(**changes: Any) -> Vitals:
    """All is well but for these."""
    return replace(WELL, **changes)
