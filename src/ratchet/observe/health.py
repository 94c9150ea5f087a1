"""Health: what must be so while all is well, each with what it is like."""

from dataclasses import dataclass

from ratchet.config.observe_settings import ObserveSettings
from ratchet.observe.vitals import ProcessVitals, Vitals

NEVER = "never yet"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    is_well: bool
    detail: str


def checks_of(vitals: Vitals, settings: ObserveSettings) -> tuple[Check, ...]:
    """Every check of a trader. Entries that are halted are told of and are no illness: an operator may want it so."""
    return (
        exchange_check(vitals, settings.answer_age_s_max),
        user_stream_check(vitals),
        Check(
            "market_stream",
            _is_fresh(vitals.market_stream_age_s, settings.stream_age_s_max),
            _ago(vitals.market_stream_age_s),
        ),
        ledger_check(vitals),
        Check(
            "protection",
            vitals.unrest_s <= settings.unrest_s_max,
            f"not at rest for {vitals.unrest_s:.1f} s" if vitals.unrest_s else f"{vitals.positions} positions, at rest",
        ),
        switch_check("entries", vitals.entries_halted),
    )


def exchange_check(vitals: ProcessVitals, age_s_max: float) -> Check:
    """The account was looked at within so many seconds."""
    return Check("exchange", _is_fresh(vitals.account_age_s, age_s_max), _ago(vitals.account_age_s))


def user_stream_check(vitals: ProcessVitals) -> Check:
    """It is connected. For how long it has been silent says nothing: there may be nothing to tell."""
    is_open = vitals.is_user_stream_open
    detail = f"connected, last word {_ago(vitals.user_stream_age_s)}" if is_open else "not connected"
    return Check("user_stream", is_open, detail)


def ledger_check(vitals: ProcessVitals) -> Check:
    """The ledger can be written."""
    return Check("ledger", not vitals.ledger_trouble, vitals.ledger_trouble or f"{vitals.notes_waiting} notes waiting")


def switch_check(name: str, halted: str) -> Check:
    """Always well: what operators or limits have switched off is told of. Args: halted, why it is off; empty: on."""
    return Check(name, True, f"off: {halted}" if halted else "on")


def _is_fresh(age_s: float | None, most_s: float) -> bool:
    return age_s is not None and age_s <= most_s


def _ago(age_s: float | None) -> str:
    return NEVER if age_s is None else f"{age_s:.1f} s ago"
