"""An order's status only ever moves forward, and its name is never given twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.domain.identity import TradeId, client_order_id
from ratchet.domain.order import OrderStatus, Role
from ratchet.ledger.orders import advances, sequence_after

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


@given(st.sets(st.integers(min_value=0, max_value=200)))
def test_the_next_name_is_beyond_all_known_ones(numbers: set[int]) -> None:
    trade = TradeId(7)
    names = [client_order_id("ab12", trade, "stop", number) for number in numbers]
    sequence = sequence_after("ab12", trade, Role.STOP, [*names, "by-hand-999"])
    assert all(number < sequence for number in numbers)
    assert sequence == (max(numbers) + 1 if numbers else 0)
