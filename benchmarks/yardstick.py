"""The yardstick: how many Decimal additions this machine does in a second, on one core."""

import time
from decimal import Decimal

ROUNDS = 2_000_000


def additions_a_second() -> float:
    """Measure."""
    total, step = Decimal(0), Decimal("0.1")
    began = time.perf_counter()
    for _ in range(ROUNDS):
        total += step
    return ROUNDS / (time.perf_counter() - began)
