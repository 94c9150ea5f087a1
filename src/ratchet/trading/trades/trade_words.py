"""What is said of a trade: one line for people at each turn of its life."""

from decimal import Decimal

from ratchet.domain.fill import Fill
from ratchet.domain.money import QUOTE, ZERO, plain
from ratchet.domain.order import Side
from ratchet.trading.trades.trade_state import TradeState


def entered(state: TradeState, quantity: Decimal, price_stop: Decimal) -> str:
    """It has begun. Args: quantity, as the exchange answered: its fills may not be known yet."""
    at = _price(state.price_entry)
    return f"{state.symbol} {_direction(state)} {plain(quantity)} at {at}, stop {plain(price_stop)}"


def rung_taken(state: TradeState, fill: Fill) -> str:
    """A part of the profit was taken."""
    return (
        f"{state.symbol} {_direction(state)}: took {plain(fill.quantity)} at {plain(fill.price)}, "
        f"{plain(state.quantity_held)} left"
    )


def ended(state: TradeState, reason: str) -> str:
    """It is over. The result is net of fees in the quote asset; funding is not in it."""
    fees = (fill.fee for fill in state.fills.values() if fill.fee_asset == QUOTE)
    net = sum((fill.realized_pnl for fill in state.fills.values()), ZERO) - sum(fees, ZERO)
    return f"{state.symbol} {_direction(state)} closed by {reason}: {net:+.4f} {QUOTE}"


def _direction(state: TradeState) -> str:
    return "long" if state.bracket.side is Side.BUY else "short"


def _price(price: Decimal) -> str:
    """An average price: more digits than a tick are no information."""
    return f"{price:.8g}"
