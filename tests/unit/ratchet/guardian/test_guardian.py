"""What the guardian sends, look by look, to an account that refuses, loses and misspells."""

from collections import deque

import pytest

from ratchet.exchange.errors import ExchangeError
from ratchet.guardian.case import UNSEEN_MAX
from ratchet.guardian.guardian import Guardian
from tests.unit.ratchet.guardian.account import Account, a_row, guarding

STOP, ORDER, CANCEL_ORDERS = "POST algoOrder", "POST order", "DELETE allOpenOrders"


async def looks(guardian: Guardian, times: int) -> None:
    for _ in range(times):
        await guardian.look()


async def test_what_stands_without_cover_gets_one_reduce_only_stop_and_then_peace() -> None:
    account = Account()
    async with guarding(account) as guardian:
        await looks(guardian, 6)
    [stop] = account.sent(STOP)
    assert (stop["side"], stop["quantity"], stop["triggerPrice"], stop["reduceOnly"]) == ("SELL", "10", "98", "true")
    assert stop["clientAlgoId"].startswith("rg-")
    assert account.sent(ORDER) == account.sent(CANCEL_ORDERS) == []


async def test_the_first_look_at_something_bare_only_looks() -> None:
    account = Account()
    async with guarding(account) as guardian:
        assert await guardian.look() <= 0.2
    assert account.sent(STOP) == []


async def test_a_price_beyond_the_stop_is_answered_with_a_reduce_only_close_after_the_resting_orders_are_gone() -> None:
    account = Account(refuse_stop=deque([-2021]))
    async with guarding(account) as guardian:
        await looks(guardian, 5)
        assert guardian.held == 0
    [close] = account.sent(ORDER)
    assert (close["side"], close["quantity"], close["reduceOnly"], close["type"]) == ("SELL", "10", "true", "MARKET")
    names = [name for name, _ in account.asked]
    assert names.index(CANCEL_ORDERS) < names.index(ORDER)
    assert len(account.sent(STOP)) == 1


async def test_a_stop_refused_by_quantity_is_tried_as_one_that_closes_the_position() -> None:
    account = Account(refuse_stop=deque([-4005]))
    async with guarding(account) as guardian:
        await looks(guardian, 6)
    first, second = account.sent(STOP)
    assert (first["quantity"], second["closePosition"]) == ("10", "true")
    assert first["clientAlgoId"] != second["clientAlgoId"]
    assert account.sent(ORDER) == []


async def test_a_stop_refused_in_both_kinds_is_answered_with_a_close() -> None:
    account = Account(refuse_stop=deque([-4005, -4130]))
    async with guarding(account) as guardian:
        await looks(guardian, 6)
        assert guardian.held == 0
    assert len(account.sent(STOP)) == 2
    assert len(account.sent(ORDER)) == 1


async def test_a_close_that_finds_nothing_to_reduce_is_as_good_as_done() -> None:
    account = Account(refuse_stop=deque([-2021]), refuse_close=deque([-2022]))
    async with guarding(account) as guardian:
        await looks(guardian, 3)
        account.held = "0"  # the trader was faster
        await looks(guardian, 2)
        assert guardian.held == 0
    assert len(account.sent(ORDER)) == 1


async def test_a_close_is_sent_until_the_position_is_gone_each_under_a_name_of_its_own() -> None:
    account = Account(held="120", refuse_stop=deque([-2021]), refuse_close=deque([-4118, -2019]))
    async with guarding(account) as guardian:
        await looks(guardian, 8)
        assert guardian.held == 0
    closes = account.sent(ORDER)
    assert [close["quantity"] for close in closes] == ["50", "50", "50", "50", "20"]  # as much as the market takes
    assert len({close["newClientOrderId"] for close in closes}) == len(closes)


async def test_a_stop_of_unknown_outcome_that_arrived_is_not_sent_again() -> None:
    account = Account(refuse_stop=deque([0]))
    async with guarding(account) as guardian:
        await guardian.look()
        with pytest.raises(ExchangeError):
            await guardian.look()
        await looks(guardian, 4)
    assert len(account.sent(STOP)) == 1


async def test_a_stop_of_unknown_outcome_is_sent_again_under_its_name() -> None:
    account = Account(refuse_stop=deque([-1007]))
    async with guarding(account) as guardian:
        await guardian.look()
        with pytest.raises(ExchangeError):
            await guardian.look()
        await looks(guardian, 4)
    first, second = account.sent(STOP)
    assert first["clientAlgoId"] == second["clientAlgoId"]
    assert len(account.stops) == 1


async def test_a_cover_that_is_not_in_the_list_but_known_by_name_still_covers() -> None:
    account = Account(stops=[a_row("rt-a-1-stop0")])
    async with guarding(account) as guardian:
        await guardian.look()
        account.stops.clear()
        account.ended["rt-a-1-stop0"] = "NEW"
        await looks(guardian, 3)
    assert account.sent(STOP) == []


async def test_a_cover_that_vanishes_is_replaced() -> None:
    account = Account(stops=[a_row("rt-a-1-stop0")])
    async with guarding(account) as guardian:
        await guardian.look()
        account.stops.clear()
        account.ended["rt-a-1-stop0"] = "CANCELED"
        await looks(guardian, 3)
    assert len(account.sent(STOP)) == 1


async def test_a_triggered_stop_that_does_not_fill_ends_in_a_close() -> None:
    account = Account(stops=[a_row("rt-a-1-stop0")])
    async with guarding(account) as guardian:
        await guardian.look()
        account.stops.clear()
        account.ended["rt-a-1-stop0"] = "TRIGGERED"
        await looks(guardian, 3)
        assert guardian.held == 0
    assert account.sent(STOP) == []
    assert len(account.sent(ORDER)) == 1


async def test_a_list_of_stops_that_is_not_understood_counts_as_none_and_its_own_stop_by_its_name() -> None:
    account = Account(is_list_broken=True)
    async with guarding(account) as guardian:
        await looks(guardian, 8)
    assert len(account.sent(STOP)) == 1


async def test_stops_that_are_taken_and_never_seen_end_in_a_close() -> None:
    account = Account()
    async with guarding(account) as guardian:
        for _ in range(2 * UNSEEN_MAX + 4):
            await guardian.look()
            account.stops.clear()
        assert guardian.held == 0
    assert len(account.sent(STOP)) == UNSEEN_MAX


async def test_a_stop_that_was_taken_is_not_placed_again_for_as_long_as_no_read_may_show_it_yet() -> None:
    account = Account()
    async with guarding(account, lag_ms=60_000) as guardian:
        for _ in range(6):
            await guardian.look()
            account.stops.clear()
    assert len(account.sent(STOP)) == 1
    assert account.sent(ORDER) == []


async def test_a_stop_that_was_taken_and_is_known_to_be_cancelled_is_replaced() -> None:
    account = Account()
    async with guarding(account, lag_ms=60_000) as guardian:
        await looks(guardian, 2)
        account.ended[account.sent(STOP)[0]["clientAlgoId"]] = "CANCELED"
        account.stops.clear()
        await looks(guardian, 3)
    assert len(account.sent(STOP)) == 2


async def test_what_is_refused_a_stop_is_not_closed_while_a_stop_of_the_trader_may_only_not_be_seen() -> None:
    account = Account(refuse_stop=deque([-2021] * 9))
    async with guarding(account, lag_ms=60_000) as guardian:
        await looks(guardian, 6)
    assert account.sent(ORDER) == account.sent(CANCEL_ORDERS) == []
    assert len(account.sent(STOP)) > 1


@pytest.mark.parametrize(("outcome", "closes"), [(0, 1), (-1007, 2)], ids=["it was filled", "it never arrived"])
async def test_a_close_of_unknown_outcome_is_asked_for_before_another_is_sent(outcome: int, closes: int) -> None:
    account = Account(refuse_stop=deque([-2021] * 9), refuse_close=deque([outcome]))
    async with guarding(account) as guardian:
        await looks(guardian, 2)
        with pytest.raises(ExchangeError):
            await guardian.look()
        account.held = "10"  # as it is seen
        await guardian.look()
    assert len(account.sent("GET order")) == 1
    assert len(account.sent(ORDER)) == closes


async def test_a_symbol_that_is_not_listed_is_closed() -> None:
    account = Account(is_listed=False)
    async with guarding(account) as guardian:
        await looks(guardian, 3)
    assert len(account.sent(ORDER)) == 1


async def test_nothing_is_remembered_of_what_is_gone() -> None:
    account = Account(refuse_stop=deque([-2021]))
    async with guarding(account) as guardian:
        await looks(guardian, 4)
        account.held = "10"  # opened anew at the same price
        await guardian.look()
        assert len(account.sent(STOP)) == 1
        await guardian.look()
    assert len(account.sent(STOP)) == 2
    assert len(account.sent(ORDER)) == 1


async def test_in_calm_it_looks_at_its_interval_and_at_once_after_a_refusal() -> None:
    account = Account(stops=[a_row("rt-a-1-stop0")], refuse_stop=deque([-2021]))
    async with guarding(account) as guardian:
        assert await guardian.look() == 1.0
        account.stops.clear()
        await guardian.look()
        assert await guardian.look() == 0.0
        await looks(guardian, 2)
        assert await guardian.look() == 1.0
