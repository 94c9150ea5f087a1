"""Funding that is about to be paid: whether an entry now would cost it."""

from decimal import Decimal

from ratchet.config.sections import RiskLimits
from ratchet.domain.funding import Funding
from ratchet.domain.money import plain
from ratchet.domain.order import Side

MINUTE_MS = 60_000
HOUR_MS = 3_600_000  # Binance settles at full hours and at no other time: every 8, 4 or 1 of them


def funding_against(side: Side, funding: Funding | None, limits: RiskLimits, now_ms: int) -> str | None:
    """Why an entry has to wait for the payment, None if it need not.

    One that we would get never matters. Of a funding that is not known, or known of a time that has passed, the next
    full hour may be one at which we pay too much.
    """
    before_ms = limits.funding_minutes_before * MINUTE_MS
    if funding is None or funding.next_ms < now_ms:
        left_ms = HOUR_MS - now_ms % HOUR_MS
        if left_ms > before_ms:
            return None
        return f"the funding is not known, and may be paid in {left_ms / MINUTE_MS:.1f} minutes"
    cost = side.sign * funding.rate
    left_ms = funding.next_ms - now_ms
    if cost <= limits.funding_cost_fraction_max or left_ms > before_ms:
        return None
    return (
        f"{_percent(cost)} of the notional would be paid in {left_ms / MINUTE_MS:.1f} minutes,"
        f" at most {_percent(limits.funding_cost_fraction_max)} is put up with"
    )


def _percent(fraction: Decimal) -> str:
    return f"{plain(fraction * 100)} %"
