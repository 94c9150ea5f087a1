"""The health of a spot companion."""

from ratchet.observe.companion_vitals import CompanionVitals
from ratchet.observe.health import Check, exchange_check, ledger_check, switch_check, user_stream_check


def companion_checks(vitals: CompanionVitals, *, answer_age_s_max: float, look_every_s: float) -> tuple[Check, ...]:
    """Every check of a companion. A pause is told of and is no illness.

    Args: answer_age_s_max, how much later than due a look at the account may be, and for how long turns may fail;
        look_every_s, when a look is due after the one before.
    """
    return (
        exchange_check(vitals, look_every_s + answer_age_s_max),
        user_stream_check(vitals),
        ledger_check(vitals),
        _watching(vitals),
        _turns(vitals, answer_age_s_max),
        switch_check("placing", vitals.placing_halted),
    )


def _watching(vitals: CompanionVitals) -> Check:
    """All that is to be watched is: what is bought of a symbol before that is left alone."""
    missing = [each for each in vitals.symbols if not each.is_watched]
    if not missing:
        return Check("watching", bool(vitals.symbols), f"{len(vitals.symbols)} symbols watched")
    told = ", ".join(f"{each.symbol} ({each.trouble})" if each.trouble else each.symbol for each in missing)
    return Check("watching", False, f"not watched yet: {told}")


def _turns(vitals: CompanionVitals, trouble_s_max: float) -> Check:
    """Looking may go well while placing fails, again and again."""
    failing = [each for each in vitals.symbols if each.trouble]
    told = "; ".join(f"{each.symbol} fails for {each.trouble_s:.1f} s: {each.trouble}" for each in failing)
    return Check("turns", all(each.trouble_s <= trouble_s_max for each in failing), told or "done as they come")
