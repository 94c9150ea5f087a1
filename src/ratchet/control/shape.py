"""How values look in answers, the same in every face."""

from datetime import UTC, datetime
from decimal import Decimal

from ratchet.domain.money import plain
from ratchet.domain.order import Side

DASH = "-"


def money(amount: Decimal) -> str:
    """USDC to the cent."""
    return f"{amount:.2f}"


def signed(amount: Decimal) -> str:
    """USDC that was won or lost: `+1.23`."""
    return f"{amount:+.2f}"


def number(value: Decimal | None) -> str:
    """A price or a quantity as it is; a dash where there is none."""
    return DASH if value is None else plain(value)


def rounded(average: Decimal) -> Decimal:
    """An average to eight digits: enough to read."""
    return Decimal(f"{average:.8g}")


def percent(fraction: float | Decimal) -> str:
    """A fraction as people read it."""
    return f"{fraction:.1%}"


def at(at_ms: int | None) -> str:
    """An instant, UTC."""
    return DASH if at_ms is None else datetime.fromtimestamp(at_ms / 1_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def day(at_ms: int) -> str:
    """The date of an instant, UTC."""
    return datetime.fromtimestamp(at_ms / 1_000, tz=UTC).strftime("%Y-%m-%d")


def lasting(duration_ms: float) -> str:
    """A duration: `3 d 4 h`, `12 min 5 s`."""
    seconds = int(duration_ms // 1_000)
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


def direction(side: Side) -> str:
    """What a position is called."""
    return "long" if side.sign > 0 else "short"
