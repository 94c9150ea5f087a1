"""The state of one trade: what was planned, what was sent, what was filled."""

from dataclasses import dataclass, field
from decimal import Decimal

from ratchet.domain.bracket import Bracket
from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, FillId, OrderId, TradeId
from ratchet.domain.money import ZERO
from ratchet.domain.order import OrderStatus, Role
from ratchet.domain.symbol import Symbol


@dataclass(slots=True, kw_only=True)
class TradeOrder:
    """One order of a trade, as far as it is known."""

    role: Role
    status: OrderStatus = OrderStatus.INTENDED
    order_id: OrderId | None = None
    quantity_filled: Decimal = ZERO  # as the exchange says; its fills may be known later


@dataclass(slots=True, kw_only=True)
class TradeState:
    """One trade in memory. Only its keeper changes it; the ledger holds the durable twin."""

    trade_id: TradeId
    bracket: Bracket
    opened_ms: int
    orders: dict[ClientOrderId, TradeOrder] = field(default_factory=dict)
    fills: dict[FillId, Fill] = field(default_factory=dict)
    gap: Decimal = ZERO  # base asset, signed: changes of the position without a known fill
    naked_ms: float | None = None  # how long it has stood without a confirmed stop so far

    @property
    def symbol(self) -> Symbol:
        """The market it is in."""
        return self.bracket.symbol

    @property
    def quantity_entered(self) -> Decimal:
        """Base quantity filled on the entry side so far."""
        entered = sum((fill.quantity for fill in self.fills.values() if fill.side is self.bracket.side), ZERO)
        return entered + max(ZERO, self.bracket.side.sign * self.gap)

    @property
    def quantity_held(self) -> Decimal:
        """Base quantity that is still open; 0 before the first fill and after the last."""
        signs = (fill.side.sign * fill.quantity for fill in self.fills.values())
        return self.bracket.side.sign * (sum(signs, ZERO) + self.gap)

    @property
    def price_entry(self) -> Decimal:
        """Average entry price over the fills; the planned one before any."""
        entries = [fill for fill in self.fills.values() if fill.side is self.bracket.side]
        if not entries:
            return self.bracket.price_entry
        return sum((f.quantity * f.price for f in entries), ZERO) / sum((f.quantity for f in entries), ZERO)

    def role_of(self, fill: Fill) -> Role | None:
        """Which of its orders a fill belongs to; FOREIGN for another hand's."""
        name = self.name_of(fill)
        return None if name is None else self.orders[name].role

    def name_of(self, fill: Fill) -> ClientOrderId | None:
        """Our name of the order that a fill belongs to; None when it is none of this trade's, as far as is known."""
        if fill.client_order_id is not None and fill.client_order_id in self.orders:
            return fill.client_order_id
        return next((name for name, order in self.orders.items() if order.order_id == fill.order_id), None)

    @property
    def rungs_filled(self) -> int:
        """How many rungs have been touched by at least one fill."""
        return len({self.name_of(fill) for fill in self.fills.values() if self.role_of(fill) is Role.RUNG})

    def book(self, fill: Fill) -> bool:
        """Take note of a fill. False when it was known already."""
        if fill.fill_id in self.fills:
            return False
        self.fills[fill.fill_id] = fill
        return True

    def learn(
        self, name: ClientOrderId, status: OrderStatus, *, order_id: OrderId | None = None, filled: Decimal = ZERO
    ) -> bool:
        """Take note of what an order has become. News that come late take nothing back. False when they change nothing.

        Raises: KeyError for an order of somebody else.
        """
        order = self.orders[name]
        before = (order.status, order.order_id, order.quantity_filled)
        order.order_id = order_id or order.order_id
        order.quantity_filled = max(order.quantity_filled, filled)
        if not order.status.is_final:
            order.status = status
        return before != (order.status, order.order_id, order.quantity_filled)

    @property
    def lacks_fills(self) -> bool:
        """Whether the exchange has said of an order that more of it is filled than there are fills known."""
        return any(
            order.quantity_filled and self.filled_by(name) < order.quantity_filled
            for name, order in self.orders.items()
        )

    def filled_by(self, name: ClientOrderId) -> Decimal:
        """Base quantity of the known fills of an order."""
        return sum((fill.quantity for fill in self.fills.values() if self.name_of(fill) == name), ZERO)
