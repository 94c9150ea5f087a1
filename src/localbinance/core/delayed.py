"""Orders that are matched part by part, in time: the market itself takes each order whole."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from localbinance.core.act import FillSlowly


class Fillable(Protocol):
    """What an order of any market says of how far it is filled. Base quantities."""

    @property
    def quantity(self) -> Decimal:
        """As asked for."""

    @property
    def remaining(self) -> Decimal:
        """Not yet filled."""

    @property
    def is_open(self) -> bool:
        """Whether more can be filled."""


AnyOrder = TypeVar("AnyOrder", bound=Fillable)


@dataclass(slots=True, kw_only=True)
class Delayed(Generic[AnyOrder]):
    """An open order that the book does not see whole yet: it is matched part by part, the rest with the last part."""

    order: AnyOrder
    part: Decimal  # base quantity of one part
    parts_left: int
    due_ms: int  # the next part
    every_ms: int

    def next_part(self, at_ms: int) -> Decimal | None:
        """The base quantity that is due now; None when none is. Counts it."""
        if not (self.order.is_open and self.parts_left and self.due_ms <= at_ms):
            return None
        self.parts_left -= 1
        self.due_ms += self.every_ms
        return min(self.part, self.order.remaining) if self.parts_left else self.order.remaining


def held(order: AnyOrder, now_ms: int, for_ms: int) -> Delayed[AnyOrder]:
    """The order as one part, after a time."""
    return Delayed(order=order, part=order.quantity, parts_left=1, due_ms=now_ms + for_ms, every_ms=0)


def slowed(order: AnyOrder, slow: FillSlowly, step: Decimal, now_ms: int) -> Delayed[AnyOrder]:
    """The order in equal parts on the quantity step: the first at once, the last when the time is over."""
    part = max(step, order.quantity / slow.parts // step * step)
    every_ms = slow.over_ms // (slow.parts - 1)
    return Delayed(order=order, part=part, parts_left=slow.parts, due_ms=now_ms, every_ms=every_ms)
