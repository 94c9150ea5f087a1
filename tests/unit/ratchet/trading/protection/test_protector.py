"""One stop over exactly what is held, whatever the exchange refuses, loses or is silent about; or nothing held."""

import asyncio
from decimal import Decimal

import pytest

from ratchet.domain.identity import ClientOrderId, OrderId, TradeId
from ratchet.domain.market_rules import SymbolRules
from ratchet.domain.order import (
    LimitOrder,
    MarketOrder,
    OrderReport,
    OrderStatus,
    Role,
    Side,
    StopOrder,
    StopReport,
    StopStatus,
)
from ratchet.domain.symbol import Symbol
from ratchet.exchange.certainty import LAG_MS
from ratchet.exchange.errors import Meaning, NotSent, RateLimited
from ratchet.trading.protection.protector import REFUSAL_KEPT_MS
from ratchet.trading.protection.steps import LOST_MAX, TRIGGER_PATIENCE_MS
from tests.unit.ratchet.trading.account import (
    ALL_RULES,
    LOST_ANSWER,
    LOST_REQUEST,
    SYMBOL,
    ZERO,
    Account,
    Trouble,
    refusal,
)
from tests.unit.ratchet.trading.protected import Bench

TRADE = TradeId(1)
LAG_S = LAG_MS / 1_000 + 1  # a little longer than reads lag


def a_rung(quantity: str) -> OrderReport:
    return OrderReport(
        client_order_id=ClientOrderId("rt-a-1-rung0"),
        order_id=OrderId(900),
        symbol=SYMBOL,
        side=Side.SELL,
        status=OrderStatus.NEW,
        quantity=Decimal(quantity),
        quantity_filled=ZERO,
        price_average=ZERO,
        reduce_only=True,
        updated_ms=0,
    )


def closes(bench: Bench) -> list[MarketOrder]:
    return [order for role, order in bench.noted.orders if role is Role.CLOSE and isinstance(order, MarketOrder)]


def stops(bench: Bench) -> list[StopOrder]:
    return [order for role, order in bench.noted.orders if role is Role.STOP and isinstance(order, StopOrder)]


class Unreadable(dict[Symbol, SymbolRules]):
    """Rules of which only the names can be read."""

    def __getitem__(self, symbol: Symbol) -> SymbolRules:
        raise RuntimeError(f"the rules of {symbol} cannot be read")


# A stop over what is held ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("held", "side", "price"), [("10", Side.SELL, "98.00"), ("-10", Side.BUY, "102.00")])
def test_what_is_held_gets_one_stop_over_exactly_that(held: str, side: Side, price: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold(held)
        assert await bench.settled()

    bench.run(live)
    stop = bench.the_stop()
    assert (stop.side, stop.quantity, stop.price_trigger) == (side, Decimal(10), Decimal(price))
    assert not stop.closes_position
    assert bench.told.naked_ms == [10.0]  # of real time: the event comes before the answer
    assert not bench.told.troubles


def test_a_trades_stop_is_where_the_trade_wants_it_and_has_the_planned_name() -> None:
    bench = Bench()
    planned = StopOrder(
        client_order_id=ClientOrderId("rt-a-1-stop99"),
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=Decimal(10),
        price_trigger=Decimal("97.5"),
    )

    async def live() -> None:
        bench.protector.expect(SYMBOL, TRADE, planned, Decimal(10))
        bench.account.hold("10")
        bench.protector.entered(SYMBOL)
        assert await bench.settled()

    bench.run(live)
    assert bench.the_stop().client_order_id == planned.client_order_id
    assert bench.the_stop().price_trigger == Decimal("97.5")
    assert not stops(bench)  # its intent was in the ledger with the entry's


def test_an_entry_that_fills_in_parts_is_covered_from_the_first_and_in_the_end_exactly() -> None:
    bench = Bench()
    planned = StopOrder(
        client_order_id=ClientOrderId("rt-a-1-stop99"),
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=Decimal(10),
        price_trigger=Decimal(98),
    )

    async def live() -> None:
        bench.protector.expect(SYMBOL, TRADE, planned, Decimal(10))
        for part in ("2", "5", "6"):
            bench.account.hold(part)
            assert await bench.settled()
            assert bench.the_stop().quantity == Decimal(10)  # what is still to come is covered before it comes
        bench.protector.entered(SYMBOL)
        assert await bench.settled()

    bench.run(live)
    assert bench.the_stop().quantity == Decimal(6)


def test_a_stop_moves_without_a_moment_without_one() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.cover_min = None
        bench.protector.want(SYMBOL, TRADE, Decimal("100.5"))
        assert await bench.settled()
        bench.account.hold("7")
        assert await bench.settled()

    bench.run(live)
    assert bench.account.cover_min == Decimal(7)
    assert (bench.the_stop().quantity, bench.the_stop().price_trigger) == (Decimal(7), Decimal("100.5"))


def test_a_stop_never_moves_back() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        bench.protector.want(SYMBOL, TRADE, Decimal("99.5"))
        await bench.settled()
        bench.protector.want(SYMBOL, TRADE, Decimal("98.5"))
        assert await bench.settled()

    bench.run(live)
    assert bench.the_stop().price_trigger == Decimal("99.5")
    assert bench.account.count("place_stop") == 1


def test_a_move_whose_stop_is_refused_leaves_the_old_one_and_is_not_tried_on_and_on() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.troubles["place_stop"] += [refusal(-1111)] * 2
        bench.protector.want(SYMBOL, TRADE, Decimal("99.5"))
        assert await bench.settled()
        for _ in range(5):
            await bench.look()
        assert bench.the_stop().price_trigger == Decimal(98)
        assert bench.account.count("place_stop") == 2
        await asyncio.sleep(REFUSAL_KEPT_MS / 1_000)
        await bench.look()
        await asyncio.sleep(REFUSAL_KEPT_MS / 1_000)
        await bench.look()

    bench.run(live)
    assert bench.the_stop().price_trigger == Decimal("99.5")
    assert not closes(bench)


def test_a_move_to_where_the_price_is_already_beyond_takes_the_profit_at_market() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.troubles["place_stop"].append(refusal(-2021, Meaning.WOULD_TRIGGER))
        bench.protector.want(SYMBOL, TRADE, Decimal("100.5"))
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    assert bench.told.closings == ["break_even"]


def test_the_old_stop_that_will_not_be_cancelled_leads_to_no_third_one() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.troubles["cancel_stop"] += [LOST_REQUEST] * 3 + [refusal(-1000)]
        bench.protector.want(SYMBOL, TRADE, Decimal("99.5"))
        assert await bench.settled()

    bench.run(live)
    assert bench.the_stop().price_trigger == Decimal("99.5")
    assert bench.account.count("place_stop") == 2


def test_a_cancellation_whose_answer_is_lost_is_looked_up() -> None:
    bench = Bench()
    bench.listen(to_stops=False)

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.troubles["cancel_stop"].append(LOST_ANSWER)
        bench.protector.want(SYMBOL, TRADE, Decimal("99.5"))
        assert await bench.settled()

    bench.run(live)
    assert bench.account.count("cancel_stop") == 1
    assert bench.the_stop().price_trigger == Decimal("99.5")


def test_a_stop_that_cannot_be_cancelled_because_it_is_gone_is_gone_whatever_reads_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        old = bench.the_stop()
        bench.listen(to_stops=False)
        bench.account.end_stop(old.client_order_id, StopStatus.CANCELED)

        async def read_from_before(_symbol: Symbol, _name: ClientOrderId) -> StopReport:
            return old

        monkeypatch.setattr(bench.account, "fetch_stop", read_from_before)
        bench.protector.want(SYMBOL, TRADE, Decimal("99.5"))
        assert await bench.settled()

    bench.run(live)
    assert bench.account.count("cancel_stop") == 1
    assert bench.the_stop().price_trigger == Decimal("99.5")


# Refusals ----------------------------------------------------------------------------------------------------------


def test_a_price_that_is_beyond_the_stop_already_is_closed_at_market_at_once() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"].append(refusal(-2021, Meaning.WOULD_TRIGGER))
        bench.account.hold("10")
        assert not await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    assert bench.account.count("place_stop") == 1
    assert bench.told.closings == ["stop_beyond"]
    assert bench.told.troubles == ["stop_beyond"]
    assert bench.world.now_ms < 200


@pytest.mark.parametrize("code", [-4120, -1111, -4400])
def test_a_stop_that_is_refused_by_quantity_is_placed_as_one_that_closes_the_position(code: int) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"].append(refusal(code))
        bench.account.hold("10")
        assert await bench.settled()

    bench.run(live)
    assert bench.the_stop().closes_position
    assert bench.the_stop().price_trigger == Decimal(98)
    assert bench.told.troubles == ["stop_refused"]
    assert [order.closes_position for order in stops(bench)] == [False, True]
    assert not closes(bench)


def test_where_neither_kind_of_stop_is_taken_the_position_is_closed() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"] += [refusal(-4120), refusal(-4120)]
        bench.account.hold("-10")
        assert not await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    (close,) = closes(bench)
    assert (close.side, close.quantity, close.reduce_only) == (Side.BUY, Decimal(10), True)
    assert bench.told.closings == ["stop_refused"]
    assert bench.account.count("place_stop") == 2
    assert bench.world.now_ms < 300


def test_another_hands_stop_that_covers_is_no_reason_to_be_content_with_a_refusal_for_ever() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.put_stop("web_1", "10", "90")
        bench.account.troubles["place_stop"].append(refusal(-4400))
        bench.account.hold("10")
        await bench.settled()
        await asyncio.sleep(REFUSAL_KEPT_MS / 1_000)
        await bench.look()

    bench.run(live)
    assert {(stop.client_order_id, stop.price_trigger) for stop in bench.account.waiting if stop.quantity == 10} == {
        ("web_1", Decimal(90)),
        (stops(bench)[-1].client_order_id, Decimal(98)),
    }


# Unknown outcomes --------------------------------------------------------------------------------------------------


def test_a_stop_whose_answer_is_lost_is_asked_for_and_not_sent_again() -> None:
    bench = Bench()
    bench.listen(to_stops=False)

    async def live() -> None:
        bench.account.troubles["place_stop"].append(LOST_ANSWER)
        bench.account.hold("10")
        assert await bench.settled()

    bench.run(live)
    bench.the_stop()
    assert bench.account.count("place_stop") == 1
    assert bench.account.count("fetch_stop") == 1


def test_a_stop_that_never_arrived_is_sent_again_under_its_name_for_as_long_as_it_takes() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"] += [LOST_REQUEST] * 20
        bench.account.hold("10")
        assert await bench.settled()

    bench.run(live)
    assert bench.account.count("place_stop") == 21
    assert bench.the_stop().client_order_id == stops(bench)[0].client_order_id
    assert len(stops(bench)) == 1


def test_nothing_can_be_asked_either_until_the_outage_ends() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"].append(LOST_ANSWER)
        bench.account.troubles["fetch_stop"] += [LOST_REQUEST] * 3
        bench.account.hold("10")
        assert await bench.settled()

    bench.run(live)
    bench.the_stop()
    assert len(stops(bench)) == 1


@pytest.mark.parametrize("error", [NotSent("no connection"), RateLimited("too much", 700)])
def test_what_was_not_taken_is_sent_again(error: NotSent | RateLimited) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"] += [Trouble(lambda: error)] * 3
        bench.account.hold("10")
        assert await bench.settled()

    bench.run(live)
    assert bench.account.count("place_stop") == 4
    assert len(stops(bench)) == 1


def test_while_the_outcome_of_a_close_is_open_no_second_one_is_sent() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.listen(to_positions=False)
        bench.account.troubles["place"].append(LOST_ANSWER)
        bench.account.troubles["fetch_order"] += [LOST_REQUEST] * 4
        bench.protector.close(SYMBOL, "hold")
        await asyncio.sleep(5)
        assert bench.account.count("place") == 1
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    assert bench.account.count("place") == 1
    assert bench.protector.held() == {}


def test_a_close_that_never_arrived_is_followed_by_another_only_after_asking_what_is_held() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.troubles["place"].append(LOST_REQUEST)
        bench.protector.close(SYMBOL, "hold")
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    first, second = closes(bench)
    assert first.client_order_id != second.client_order_id
    sent = [at for at, what in bench.account.asked if what == "place"]
    assert any(sent[0] < at < sent[1] for at, what in bench.account.asked if what == "fetch_positions")
    assert sent[1] - sent[0] > 5_000  # the first could still have been taken until then


def test_the_protection_goes_on_after_an_error_of_its_own() -> None:
    bench = Bench(rules=Unreadable(ALL_RULES))  # whatever breaks in the program, when something is closed

    async def live() -> None:
        bench.protector.want(SYMBOL, TRADE, Decimal(98))  # so that only closing needs the rules
        bench.account.troubles["place_stop"] += [refusal(-4120), refusal(-4120)]
        bench.account.hold("10")
        await asyncio.sleep(10)
        assert bench.told.troubles.count("protection_failed") > 2
        bench.protector.ward(SYMBOL).flatten = ""
        assert await bench.settled()

    bench.run(live)
    bench.the_stop()


# Stops that go -----------------------------------------------------------------------------------------------------


def test_a_stop_that_another_hand_cancels_is_replaced_at_once() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.end_stop(bench.the_stop().client_order_id, StopStatus.CANCELED)
        assert await bench.settled()

    bench.run(live)
    assert bench.the_stop().quantity == Decimal(10)
    assert bench.told.troubles == ["stop_lost"]
    assert not closes(bench)


def test_a_stop_that_vanished_without_a_word_is_found_out_and_replaced() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        del bench.account.stops[bench.the_stop().client_order_id]
        await asyncio.sleep(LAG_S)
        await bench.look()

    bench.run(live)
    assert bench.the_stop().quantity == Decimal(10)
    assert bench.told.troubles == ["stop_lost"]


def test_a_list_that_is_behind_takes_no_stop_away() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        stop = bench.the_stop()
        del bench.account.stops[stop.client_order_id]  # placed a moment ago, and to be seen nowhere yet
        for _ in range(4):
            await asyncio.sleep(1)
            await bench.protector.on_stops(SYMBOL, [], bench.clock.elapsed_ms())
        bench.account.stops[stop.client_order_id] = stop
        await asyncio.sleep(LAG_S)
        await bench.protector.on_stops(SYMBOL, [], bench.clock.elapsed_ms())  # asked for by name, it is still there
        assert await bench.settled()

    bench.run(live)
    assert bench.account.count("place_stop") == 1
    assert not bench.told.troubles


def test_a_stop_that_was_given_up_and_turns_up_again_stands_beside_no_other() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        stop = bench.the_stop()
        del bench.account.stops[stop.client_order_id]
        await asyncio.sleep(LAG_S)
        await bench.look()
        bench.account.stops[stop.client_order_id] = stop
        await bench.look()
        await bench.look()

    bench.run(live)
    assert bench.the_stop().quantity == Decimal(10)
    assert bench.account.count("place_stop") == 2


def test_a_position_that_reads_do_not_show_yet_keeps_its_stop() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        for _ in range(5):
            await asyncio.sleep(1)
            bench.protector.on_positions([], bench.clock.elapsed_ms())
            assert await bench.settled()
        await asyncio.sleep(2)
        bench.account.hold("0", is_told=False)  # it is closed, and nobody tells it
        await bench.look()

    bench.run(live)
    assert bench.protector.held() == {}
    assert not bench.account.waiting
    assert bench.account.count("cancel_stop") == 1


def test_a_stop_that_was_left_long_ago_is_taken_away_at_once() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.put_stop("rt-a-1-stop0", "10", "98", is_told=False)
        await asyncio.sleep(LAG_S)
        await bench.look()

    bench.run(live)
    assert not bench.account.waiting


@pytest.mark.parametrize("seen", ["0", "4"])
def test_a_stop_that_is_found_is_not_taken_away_for_what_reads_may_have_missed(seen: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold(seen, is_told=False)
        bench.account.put_stop("rt-a-1-stop0", "10", "98", is_told=False)
        for _ in range(3):
            await bench.look()
            await asyncio.sleep(1)
        assert "rt-a-1-stop0" in {stop.client_order_id for stop in bench.account.waiting}
        bench.account.hold("10", is_told=False)  # as it has been for some seconds
        await bench.look()
        assert await bench.settled()

    bench.run(live)
    assert "rt-a-1-stop0" in {stop.client_order_id for stop in bench.account.waiting}


def test_stops_that_vanish_again_and_again_have_the_position_closed() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        for _ in range(LOST_MAX):
            await bench.settled()
            bench.account.end_stop(bench.the_stop().client_order_id, StopStatus.CANCELED)
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    assert bench.account.count("place_stop") == LOST_MAX
    assert bench.told.closings == ["stop_lost"]


def test_stops_that_vanish_now_and_then_are_replaced_each_time() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        for _ in range(2 * LOST_MAX):
            await bench.settled()
            bench.account.end_stop(bench.the_stop().client_order_id, StopStatus.CANCELED)
            await asyncio.sleep(301)
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 10
    bench.the_stop()


def test_a_stop_that_went_before_its_answer_came_does_not_count_as_standing() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await asyncio.sleep(0.015)  # accepted, and its answer is on the way
        bench.account.end_stop(bench.the_stop().client_order_id, StopStatus.CANCELED)
        assert await bench.settled()

    bench.run(live)
    assert bench.the_stop().quantity == Decimal(10)


# Stops that trigger ------------------------------------------------------------------------------------------------


def trigger(account: Account, *, fills: bool) -> None:
    (stop,) = account.waiting
    for status in (StopStatus.TRIGGERING, StopStatus.TRIGGERED):
        account.end_stop(stop.client_order_id, status)
    if fills:
        account.hold("0")
    account.end_stop(stop.client_order_id, StopStatus.FINISHED)


def test_a_stop_that_triggers_and_fills_is_the_end_of_it() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        trigger(bench.account, fills=True)
        await bench.settled()
        await asyncio.sleep(60)
        await bench.look()

    bench.run(live)
    assert not closes(bench)
    assert not bench.told.troubles
    assert bench.account.count("place_stop") == 1


def test_a_stop_that_triggers_and_does_not_fill_is_followed_by_a_close_after_its_patience() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        trigger(bench.account, fills=False)
        await asyncio.sleep(TRIGGER_PATIENCE_MS / 1_000 - 0.1)
        assert not closes(bench)
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    assert bench.told.closings == ["stop_unfilled"]
    assert bench.told.troubles == ["stop_unfilled"]
    assert bench.world.now_ms < TRIGGER_PATIENCE_MS + 1_500


def test_a_stop_that_fills_late_and_silently_is_seen_before_anything_is_closed() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await asyncio.sleep(LAG_S)
        trigger(bench.account, fills=False)
        bench.listen(to_positions=False)
        await asyncio.sleep(0.7)
        bench.account.hold("0")
        await bench.settled()

    bench.run(live)
    assert not closes(bench)
    assert bench.protector.held() == {}


def test_a_stop_that_is_rejected_at_its_trigger_has_the_position_closed_at_once() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        (stop,) = bench.account.waiting
        bench.account.end_stop(stop.client_order_id, StopStatus.TRIGGERING)
        bench.account.end_stop(stop.client_order_id, StopStatus.REJECTED)
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    assert bench.told.closings == ["stop_rejected"]
    assert bench.world.now_ms < 300


def test_another_hands_stop_over_a_part_that_triggers_leaves_the_rest_to_its_own() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.put_stop("web_1", "3", "99")
        for status in (StopStatus.TRIGGERING, StopStatus.TRIGGERED):
            bench.account.end_stop("web_1", status)
        bench.account.hold("7")
        bench.account.end_stop("web_1", StopStatus.FINISHED)
        await asyncio.sleep(2 * TRIGGER_PATIENCE_MS / 1_000)
        assert await bench.settled()

    bench.run(live)
    assert bench.account.held == 7
    assert bench.the_stop().quantity == Decimal(7)
    assert not closes(bench)


def test_another_hands_stop_that_alone_covers_and_does_not_fill_is_followed_by_a_close() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.put_stop("web_1", "10", "99")
        bench.account.troubles["place_stop"].append(refusal(-4400))
        bench.account.hold("10")
        await bench.settled()
        trigger(bench.account, fills=False)
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    assert bench.told.closings == ["stop_unfilled"]


# Closing -----------------------------------------------------------------------------------------------------------


def test_rungs_that_rest_are_cancelled_before_what_is_held_is_closed() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.resting.append(a_rung("10"))
        bench.protector.close(SYMBOL, "hold")
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    assert len(closes(bench)) == 1
    order = [what for _, what in bench.account.asked if what in ("cancel_all", "place")]
    assert order == ["cancel_all", "place"]


def test_rungs_that_are_not_to_be_cancelled_at_first_block_the_close_only_so_long() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.resting.append(a_rung("10"))
        bench.account.troubles["cancel_all"] += [LOST_REQUEST] * 6
        bench.protector.close(SYMBOL, "hold")
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0


def test_the_stop_stands_until_what_it_covers_is_closed() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.cover_min = None
        bench.account.does_fill = False
        bench.protector.close(SYMBOL, "hold")
        await asyncio.sleep(3)
        assert bench.account.cover_min is None
        assert bench.the_stop().quantity == Decimal(10)
        bench.account.does_fill = True
        await bench.settled()

    bench.run(live)
    assert bench.account.held == 0
    assert not bench.account.waiting


def test_what_is_too_much_for_one_market_order_is_closed_in_parts() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("120")
        await bench.settled()
        bench.protector.close(SYMBOL, "hold")
        await bench.settled()

    bench.run(live)
    assert [order.quantity for order in closes(bench)] == [Decimal(50), Decimal(50), Decimal(20)]
    assert bench.account.held == 0


def test_a_close_that_is_refused_because_nothing_is_held_is_a_close() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.account.hold("0", is_told=False)
        bench.protector.close(SYMBOL, "hold")
        await bench.settled()

    bench.run(live)
    assert bench.protector.held() == {}
    assert bench.account.count("place") == 1
    assert not bench.account.waiting


def test_a_position_that_comes_back_from_a_closed_one_is_not_closed_for_the_old_reason() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.protector.close(SYMBOL, "hold")
        await bench.settled()
        bench.account.hold("4")
        assert await bench.settled()

    bench.run(live)
    assert bench.account.held == 4
    assert bench.the_stop().quantity == Decimal(4)


# Nothing held ------------------------------------------------------------------------------------------------------


def test_leftovers_on_a_flat_symbol_are_cancelled_but_for_those_of_others() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.put_stop("rt-a-1-stop0", "10", "98")
        bench.account.put_stop("rg-7", "10", "97")
        bench.account.put_stop("web_1", "10", "96")
        bench.account.put_stop("rt-lease-a-1-1", "0.01", "200", Side.SELL)
        await asyncio.sleep(LAG_S)
        await bench.look()

    bench.run(live)
    assert {stop.client_order_id for stop in bench.account.waiting} == {"web_1", "rt-lease-a-1-1"}
    assert bench.account.count("place_stop") == 0


def test_nothing_is_placed_for_what_is_closed_meanwhile() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await asyncio.sleep(0.005)  # the stop is on its way
        bench.account.hold("0")
        await bench.settled()
        await bench.look()

    bench.run(live)
    assert not bench.account.waiting
    assert bench.account.count("place_stop") == 1
    assert not closes(bench)


def test_what_is_left_alone_by_policy_is_left_alone_until_it_is_gone() -> None:
    bench = Bench()

    async def live() -> None:
        bench.protector.ignore(SYMBOL)
        bench.account.hold("10")
        await bench.settled()
        assert not bench.account.waiting
        bench.account.hold("0")
        bench.protector.release(SYMBOL)
        bench.account.hold("5")  # of a trade of ours
        assert await bench.settled()

    bench.run(live)
    assert bench.the_stop().quantity == Decimal(5)


def test_a_stop_that_was_placed_before_the_policy_was_known_is_taken_away_and_no_trouble() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.hold("10")
        await bench.settled()
        bench.protector.ignore(SYMBOL)
        await bench.settled()

    bench.run(live)
    assert not bench.account.waiting
    assert not bench.told.troubles
    assert bench.protector.is_at_rest(SYMBOL)


def test_what_is_not_listed_any_more_is_no_harm_to_the_rest_and_keeps_its_stop() -> None:
    bench = Bench(rules={})

    async def live() -> None:
        bench.account.put_stop("rt-a-1-stop0", "10", "98")
        bench.account.hold("10")
        await bench.look()

    bench.run(live)
    assert bench.protector.held() == {}
    assert bench.the_stop().client_order_id == "rt-a-1-stop0"


# Entries -----------------------------------------------------------------------------------------------------------


def test_a_filled_order_is_protected_from_its_reply_though_no_event_comes() -> None:
    bench = Bench()
    bench.listen(to_stops=False, to_positions=False)
    entry = MarketOrder(
        client_order_id=ClientOrderId("rt-a-1-entry0"), symbol=SYMBOL, side=Side.SELL, quantity=Decimal(10)
    )

    async def live() -> None:
        await bench.protector.send(entry)
        assert await bench.settled()

    bench.run(live)
    assert (bench.the_stop().side, bench.the_stop().quantity) == (Side.BUY, Decimal(10))


def test_an_entry_whose_answer_is_lost_is_found_and_protected_and_not_sent_again() -> None:
    bench = Bench()
    bench.listen(to_stops=False, to_positions=False)
    entry = MarketOrder(
        client_order_id=ClientOrderId("rt-a-1-entry0"), symbol=SYMBOL, side=Side.BUY, quantity=Decimal(10)
    )

    async def live() -> None:
        bench.account.troubles["place"].append(LOST_ANSWER)
        bench.account.troubles["fetch_order"] += [LOST_REQUEST] * 3
        await bench.protector.send(entry)
        assert await bench.settled()

    bench.run(live)
    assert bench.account.count("place") == 1
    assert bench.account.held == 10
    assert bench.the_stop().quantity == Decimal(10)


def test_a_rung_that_is_placed_anew_counts_as_what_it_fills() -> None:
    bench = Bench()
    bench.listen(to_positions=False)
    rung = LimitOrder(
        client_order_id=ClientOrderId("rt-a-1-rung9"),
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=Decimal(3),
        price=Decimal(101),
        reduce_only=True,
    )

    async def live() -> None:
        bench.account.hold("10")
        await bench.look()
        await bench.protector.send(rung)
        assert await bench.settled()

    bench.run(live)
    assert bench.the_stop().quantity == Decimal(7)
