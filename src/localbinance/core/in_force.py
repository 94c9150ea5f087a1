"""What is in force of the acts that were performed: asked at the moments that they concern. Empty, it costs nothing."""

from dataclasses import dataclass, field
from typing import TypeVar

from localbinance.core.act import (
    LEVERAGE_TEXTS,
    MARGIN_TYPE_TEXTS,
    FillSlowly,
    RefuseLeverage,
    RefuseMarginType,
    RefuseTrigger,
    StickTrigger,
)
from localbinance.rules.rejection import Rejection

Counted = TypeVar("Counted", RefuseTrigger, StickTrigger, RefuseLeverage, RefuseMarginType)


@dataclass(slots=True)
class InForce:
    """Acts with a count stand in their list once for every time that is left."""

    trigger_refusals: list[RefuseTrigger] = field(default_factory=list)
    trigger_sticks: list[StickTrigger] = field(default_factory=list)
    leverage_refusals: list[RefuseLeverage] = field(default_factory=list)
    margin_type_refusals: list[RefuseMarginType] = field(default_factory=list)
    leverage_caps: dict[str, int] = field(default_factory=dict)  # by symbol; "": any
    slow_fills: dict[str, FillSlowly] = field(default_factory=dict)  # by symbol

    def leverage_granted(self, symbol: str, leverage: int) -> int:
        """What is set of a leverage that was asked for. Raises: Rejection, as often as it is to be refused."""
        refusal = use(self.leverage_refusals, symbol)
        if refusal is not None:
            text = refusal.message or LEVERAGE_TEXTS[refusal.code]
            raise Rejection(refusal.code, text.replace("%s", str(leverage)))
        cap = self.leverage_caps.get(symbol, self.leverage_caps.get("", leverage))
        return min(leverage, cap)

    def check_margin_type(self, symbol: str) -> None:
        """Raises: Rejection, as often as it is to be refused."""
        refusal = use(self.margin_type_refusals, symbol)
        if refusal is not None:
            raise Rejection(refusal.code, refusal.message or MARGIN_TYPE_TEXTS[refusal.code])


def use(standing: list[Counted], symbol: str) -> Counted | None:
    """Take the oldest one that concerns a symbol off the list."""
    for number, each in enumerate(standing):
        if each.symbol in ("", symbol):
            return standing.pop(number)
    return None
