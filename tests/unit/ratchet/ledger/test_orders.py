"""An order's status only ever moves forward, and its name is never given twice."""

import pytest

from ratchet.domain.order import OrderStatus
from ratchet.ledger.orders import advances

FORWARD = [
    OrderStatus.INTENDED,
    OrderStatus.SENT,
    OrderStatus.UNKNOWN,
    OrderStatus.NEW,
    OrderStatus.PARTIALLY_FILLED,
]


@pytest.mark.parametrize("before", OrderStatus)
@pytest.mark.parametrize("after", OrderStatus)
def test_status_moves_forward_only(before: OrderStatus, after: OrderStatus) -> None:
    order = {status: rank for rank, status in enumerate(FORWARD)}
    expected = not before.is_final and (after.is_final or order[after] >= order[before])
    assert advances(before, after) is expected
