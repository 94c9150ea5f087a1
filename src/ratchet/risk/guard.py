"""The guard: the one place that lets a bracket pass. The executor takes nothing that has not."""

from dataclasses import dataclass
from enum import StrEnum

from ratchet.config.sections import RiskLimits
from ratchet.domain.bracket import Bracket
from ratchet.risk.exposure import Exposure


class Reason(StrEnum):
    """Which limit a bracket breaks."""

    ALREADY_HELD = "already_held"
    TOO_MANY_POSITIONS = "too_many_positions"
    DAY_LOSS = "day_loss"
    TOO_LARGE = "too_large"
    TOO_LITTLE_MARGIN = "too_little_margin"


@dataclass(frozen=True, slots=True)
class Approved:
    """A bracket that may be sent. Only `judge` makes one."""

    bracket: Bracket


@dataclass(frozen=True, slots=True)
class Refused:
    """A bracket that may not, and why."""

    bracket: Bracket
    reason: Reason
    detail: str


def judge(bracket: Bracket, exposure: Exposure, limits: RiskLimits) -> Approved | Refused:
    """Decide whether a planned bracket may be sent. The first broken limit is the reason."""
    held = exposure.open_brackets
    if any(each.symbol == bracket.symbol for each in held):
        return Refused(bracket, Reason.ALREADY_HELD, f"a trade is open on {bracket.symbol}")
    if len(held) >= limits.open_positions_max:
        return Refused(bracket, Reason.TOO_MANY_POSITIONS, f"{len(held)} are open, {limits.open_positions_max} may be")
    floor = exposure.equity_day_start * (1 - limits.day_loss_fraction_max)
    if exposure.balance.equity <= floor:
        lost = exposure.equity_day_start - exposure.balance.equity
        return Refused(bracket, Reason.DAY_LOSS, f"{lost:.2f} USDC were lost today, no entries until 00:00 UTC")
    notional = bracket.quantity * bracket.price_entry
    most = exposure.balance.equity * limits.leverage * limits.position_notional_fraction_max
    if notional > most:
        return Refused(bracket, Reason.TOO_LARGE, f"{notional:.2f} USDC, at most {most:.2f} may be held of a symbol")
    margin = notional / limits.leverage
    if margin > exposure.balance.available:
        detail = f"{margin:.2f} USDC of margin, {exposure.balance.available:.2f} are available"
        return Refused(bracket, Reason.TOO_LITTLE_MARGIN, detail)
    return Approved(bracket)
