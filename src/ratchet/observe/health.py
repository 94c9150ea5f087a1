"""Health: what must be so while all is well, each with what it is like."""

from dataclasses import dataclass

from ratchet.config.observe_settings import ObserveSettings
from ratchet.observe.vitals import Vitals

NEVER = "never yet"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    is_well: bool
    detail: str


def checks_of(vitals: Vitals, settings: ObserveSettings) -> tuple[Check, ...]:
    """Every check. Entries that are halted are told of and are no illness: an operator may want it so."""
    return (
        Check("exchange", _is_fresh(vitals.account_age_s, settings.answer_age_s_max), _ago(vitals.account_age_s)),
        Check(
            "user_stream",
            vitals.is_user_stream_open,
            f"connected, last word {_ago(vitals.user_stream_age_s)}" if vitals.is_user_stream_open else "not connected",
        ),
        Check(
            "market_stream",
            _is_fresh(vitals.market_stream_age_s, settings.stream_age_s_max),
            _ago(vitals.market_stream_age_s),
        ),
        Check("ledger", not vitals.ledger_trouble, vitals.ledger_trouble or f"{vitals.notes_waiting} notes waiting"),
        Check(
            "protection",
            vitals.unrest_s <= settings.unrest_s_max,
            f"not at rest for {vitals.unrest_s:.1f} s" if vitals.unrest_s else f"{vitals.positions} positions, at rest",
        ),
        Check("entries", True, f"off: {vitals.entries_halted}" if vitals.entries_halted else "on"),
    )


def _is_fresh(age_s: float | None, most_s: float) -> bool:
    return age_s is not None and age_s <= most_s


def _ago(age_s: float | None) -> str:
    return NEVER if age_s is None else f"{age_s:.1f} s ago"
