"""A position: what an account holds of a symbol, and the arithmetic of filling it."""

from dataclasses import dataclass
from decimal import Decimal

from localbinance.core.order import ZERO, PositionSide

CENT = Decimal("0.00000001")  # money is booked to eight places, as Binance does


def booked(amount: Decimal) -> Decimal:
    """An amount of money as it is booked."""
    return amount.quantize(CENT)


@dataclass(slots=True, kw_only=True)
class Position:
    """One slot: a symbol in one-way mode, or one side of it in hedge mode."""

    symbol: str
    position_side: PositionSide
    margin_asset: str
    quantity: Decimal = ZERO  # base asset, signed
    price_entry: Decimal = ZERO  # average
    fees: Decimal = ZERO  # paid since it was last flat, for the break-even price
    realized: Decimal = ZERO  # ever, before fees
    isolated_wallet: Decimal = ZERO
    updated_ms: int = 0

    @property
    def sign(self) -> int:
        """+1 long, -1 short, 0 flat."""
        return (self.quantity > 0) - (self.quantity < 0)

    @property
    def price_break_even(self) -> Decimal:
        """The exit price that pays for the fees paid so far; 0 when flat."""
        return self.price_entry + self.fees / self.quantity if self.quantity else ZERO

    def unrealized(self, mark: Decimal) -> Decimal:
        """Profit at a price."""
        return booked((mark - self.price_entry) * self.quantity) if self.quantity else ZERO

    def fill(self, quantity_signed: Decimal, price: Decimal, fee: Decimal, at_ms: int) -> Decimal:
        """Book an execution. Returns the profit that it realizes, before fees: booked at the average entry."""
        realized = ZERO
        before, after = self.quantity, self.quantity + quantity_signed
        if before == 0 or (before > 0) == (quantity_signed > 0):
            self.price_entry = (self.price_entry * before + price * quantity_signed) / after
        else:
            closed = min(abs(before), abs(quantity_signed)) * self.sign
            realized = booked((price - self.price_entry) * closed)
            if after == 0:
                self.price_entry = ZERO
            elif (after > 0) != (before > 0):
                self.price_entry = price
        self.fees = self.fees + fee if after else ZERO
        self.quantity = after
        self.realized += realized
        self.updated_ms = at_ms
        return realized
