"""Vitals of a spot companion that is well, but for what a test is about."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from ratchet.domain.symbol import Symbol
from ratchet.observe.companion_vitals import CompanionVitals, SymbolVitals

TRUMP = SymbolVitals(
    symbol=Symbol("TRUMPUSDC"),
    is_watched=True,
    trouble="",
    trouble_s=0.0,
    buys_waiting=2,
    wait_s=12.5,
    profit=Decimal("1.25"),
)
WELL = CompanionVitals(
    now_ms=1_750_000_000_000,
    uptime_s=3_661.0,
    account_age_s=20.0,
    is_user_stream_open=True,
    user_stream_age_s=600.0,
    weight_used=120,
    weight_max=6_000,
    notes_waiting=3,
    ledger_trouble="",
    placing_halted="",
    symbols=(TRUMP,),
    cases={"to_sell": 1, "selling": 4},
    cases_closed=7,
    orders={("sell", "placed"): 9, ("sell", "refused"): 0},
    stream_reconnects=2,
    books_disagree="",
)


def companion_vitals(**changes: Any) -> CompanionVitals:
    """All is well but for these."""
    return replace(WELL, **changes)


def with_symbol(**changes: Any) -> CompanionVitals:
    """All is well but for these of its symbol."""
    return replace(WELL, symbols=(replace(TRUMP, **changes),))
