"""The state of one trade: what was planned, what was filled, which stop protects it."""

from dataclasses import dataclass, field
from decimal import Decimal

from ratchet.domain.bracket import Bracket
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, TradeId
from ratchet.domain.money import ZERO
from ratchet.domain.order import Role, StopOrder
from ratchet.domain.symbol import Symbol


@dataclass(slots=True, kw_only=True)
class TradeState:
    """One trade in memory. Only its keeper changes it; the ledger holds the durable twin."""

    trade_id: TradeId
    bracket: Bracket
    opened_ms: int
    roles: dict[ClientOrderId, Role] = field(default_factory=dict)
    fills: dict[FillId, Fill] = field(default_factory=dict)
    stop: StopOrder | None = None  # confirmed by the exchange and waiting for its price
    naked_since_ms: float | None = None  # real time at which a fill was known and no stop confirmed
    naked_ms: float | None = None  # how long that lasted

    @property
    def symbol(self) -> Symbol:
        """The market it is in."""
        return self.bracket.symbol

    @property
    def quantity_entered(self) -> Decimal:
        """Base quantity filled on the entry side so far."""
        return sum((fill.quantity for fill in self.fills.values() if fill.side is self.bracket.side), ZERO)

    @property
    def quantity_held(self) -> Decimal:
        """Base quantity that is still open; 0 before the first fill and after the last."""
        signs = (fill.side.sign * fill.quantity for fill in self.fills.values())
        return self.bracket.side.sign * sum(signs, ZERO)

    @property
    def price_entry(self) -> Decimal:
        """Average entry price over the fills; the planned one before any."""
        entered = self.quantity_entered
        if entered == 0:
            return self.bracket.price_entry
        paid = sum((f.quantity * f.price for f in self.fills.values() if f.side is self.bracket.side), ZERO)
        return paid / entered

    def role_of(self, fill: Fill) -> Role | None:
        """Which of its orders a fill belongs to, where the fill says."""
        return self.roles.get(fill.client_order_id) if fill.client_order_id is not None else None

    @property
    def rungs_filled(self) -> int:
        """How many rungs have been touched by at least one fill."""
        return len({f.client_order_id for f in self.fills.values() if self.role_of(f) is Role.RUNG})

    def book(self, fill: Fill) -> bool:
        """Take note of a fill. False when it was known already."""
        if fill.fill_id in self.fills:
            return False
        self.fills[fill.fill_id] = fill
        return True
