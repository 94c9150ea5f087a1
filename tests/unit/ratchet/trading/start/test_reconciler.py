"""Every position ends up with a trade that keeps it, and no order of ours is left without one."""

import asyncio
from decimal import Decimal

import pytest

from ratchet.config.protection_settings import ForeignPolicy
from ratchet.domain.identity import ClientOrderId, OrderId, TradeId
from ratchet.domain.order import MarketOrder, OrderReport, OrderStatus, Role, Side
from ratchet.exchange.certainty import LAG_MS
from ratchet.trading.start.reconciler import STRATEGY
from tests.unit.ratchet.trading.account import SYMBOL, ZERO
from tests.unit.ratchet.trading.reconciled import Reconciled

WEB = ClientOrderId("web_1")
PROTECT = ForeignPolicy.PROTECT
LAG_S = LAG_MS / 1_000 + 1  # a little longer than reads lag


def by_hand(quantity: str = "10", side: Side = Side.BUY) -> MarketOrder:
    return MarketOrder(client_order_id=WEB, symbol=SYMBOL, side=side, quantity=Decimal(quantity))


def resting(name: str) -> OrderReport:
    return OrderReport(
        client_order_id=ClientOrderId(name),
        order_id=OrderId(900),
        symbol=SYMBOL,
        side=Side.SELL,
        status=OrderStatus.NEW,
        quantity=Decimal(3),
        quantity_filled=ZERO,
        price_average=ZERO,
        reduce_only=True,
        updated_ms=0,
    )


# The start ---------------------------------------------------------------------------------------------------------


async def nothing_more() -> None:
    """The start is all."""


def test_what_is_held_has_its_stop_before_anything_else_is_asked() -> None:
    case = Reconciled(PROTECT)
    case.account.hold("10", is_told=False)
    case.run(nothing_more)
    assert [what for _, what in case.account.asked] == ["fetch_positions", "fetch_open_stops", "place_stop"]
    assert case.bench.the_stop().quantity == Decimal(10)


def test_a_stop_that_stands_from_before_is_kept_and_what_is_too_much_is_cancelled() -> None:
    case = Reconciled(PROTECT)
    case.account.hold("10", is_told=False)
    case.account.put_stop("rt-x-1-stop0", "10", "99", is_told=False)
    case.account.put_stop("rt-x-1-stop1", "7", "97", is_told=False)

    async def look_later() -> None:
        assert len(case.account.waiting) == 2  # it may be over what is not seen yet
        await asyncio.sleep(LAG_S)
        await case.bench.look()

    case.run(look_later)
    assert case.bench.the_stop().client_order_id == "rt-x-1-stop0"
    assert case.account.count("place_stop") == 0


def test_stops_left_on_a_flat_symbol_are_cancelled() -> None:
    case = Reconciled(PROTECT)
    case.account.put_stop("rt-x-1-stop0", "10", "99", is_told=False)
    case.account.put_stop("web_2", "10", "95", is_told=False)

    async def look_later() -> None:
        await asyncio.sleep(LAG_S)
        await case.bench.look()

    case.run(look_later)
    assert case.bench.the_stop().client_order_id == "web_2"


def test_an_execution_whose_order_is_not_to_be_seen_yet_is_nobodys() -> None:
    case = Reconciled(PROTECT)

    async def look_twice() -> None:
        trade_id, entry, _ = await case.record_a_long()
        case.account.fill(entry)
        unseen = dict(case.account.orders)
        case.account.orders.clear()
        assert await case.reconciler.adopt(SYMBOL) is None
        case.account.orders.update(unseen)
        found = await case.reconciler.adopt(SYMBOL)
        assert found is not None
        assert found.state.trade_id == trade_id

    case.run(look_twice)


def test_a_position_whose_executions_are_not_to_be_seen_yet_is_nobodys() -> None:
    case = Reconciled(PROTECT)

    async def look_twice() -> None:
        case.account.fill(by_hand())
        unseen = list(case.account.fills)
        case.account.fills.clear()
        assert await case.reconciler.adopt(SYMBOL) is None
        case.account.fills.extend(unseen)
        found = await case.reconciler.adopt(SYMBOL)
        assert found is not None
        assert [row.strategy for row in await case.ledger.open_trades()] == [STRATEGY]

    case.run(look_twice)


def test_a_name_that_stands_on_the_exchange_and_not_in_the_ledger_is_not_given_again() -> None:
    first = Reconciled(PROTECT)
    trade_ids: list[TradeId] = []

    async def trade() -> None:
        trade_id, entry, _ = await first.record_a_long()
        first.account.fill(entry)
        name = f"rt-{first.ledger.run}-{trade_id}-stop7"  # its intent was not written down before the process died
        first.account.put_stop(name, "10", "98")
        trade_ids.append(trade_id)

    async def go_on() -> None:
        await second.reconciler.recall()
        names = {second.ledger.name_order(trade_ids[0], Role.STOP) for _ in range(10)}
        assert len(names) == 10
        assert not names & set(second.account.stops)

    first.run(trade, is_last=False)
    second = first.next_life()
    second.run(go_on)


# Trades of before --------------------------------------------------------------------------------------------------


def test_an_open_trade_is_gone_on_with_and_its_stop_is_as_tight_as_it_was() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        trade_id, entry, stop = await case.record_a_long()
        await case.ledger.mark(stop.client_order_id, OrderStatus.NEW, at_ms=1)
        case.account.fill(entry)
        (found,) = await case.reconciler.recall()
        assert (found.state.trade_id, found.price_stop, found.close) == (trade_id, Decimal(97), "")
        assert found.state.orders[entry.client_order_id].status is OrderStatus.SENT  # it may have been

    case.run(live)


def test_a_trade_that_was_given_up_is_reopened_when_its_fill_explains_what_is_held() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        trade_id, entry, _ = await case.record_a_long()
        await case.ledger.close_trade(trade_id, reason="refused", at_ms=1)
        case.account.fill(entry)
        (found,) = await case.reconciler.recall()
        assert found.state.trade_id == trade_id
        row = await case.ledger.trade(trade_id)
        assert row is not None
        assert row.closed_ms is None
        assert len(await case.ledger.open_trades()) == 1

    case.run(live)


def test_the_owner_is_found_by_its_number_alone() -> None:
    """The trade history gives numbers, and the ledger knows this one: nothing has to be asked."""
    case = Reconciled(PROTECT)

    async def live() -> None:
        trade_id, entry, _ = await case.record_a_long()
        case.account.fill(entry)
        number = case.account.orders[entry.client_order_id].order_id
        await case.ledger.mark(entry.client_order_id, OrderStatus.FILLED, at_ms=1, order_id=number)
        await case.ledger.close_trade(trade_id, reason="refused", at_ms=1)
        (found,) = await case.reconciler.recall()
        assert found.state.trade_id == trade_id
        assert case.account.count("fetch_order_by_number") == 0

    case.run(live)


def test_a_name_of_another_ledger_is_another_hand() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        trade_id, _, _ = await case.record_a_long()
        await case.ledger.close_trade(trade_id, reason="test", at_ms=1)
        case.account.fill(
            MarketOrder(
                client_order_id=ClientOrderId("rt-other-1-entry0"), symbol=SYMBOL, side=Side.BUY, quantity=Decimal(4)
            )
        )
        (found,) = await case.reconciler.recall()
        assert found.state.trade_id != trade_id

    case.run(live)


def test_an_exit_of_ours_does_not_make_what_another_hand_opened_since_a_trade_of_ours() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        trade_id, entry, _ = await case.record_a_long()
        case.account.fill(entry)
        rung = MarketOrder(
            client_order_id=case.ledger.name_order(trade_id, Role.RUNG),
            symbol=SYMBOL,
            side=Side.SELL,
            quantity=Decimal(10),
        )
        case.account.fill(rung)
        await case.ledger.close_trade(trade_id, reason="rungs", at_ms=1)
        case.account.fill(by_hand("4"))
        (found,) = await case.reconciler.recall()
        assert found.state.trade_id != trade_id
        assert found.state.bracket.quantity == 4

    case.run(live)


def test_a_trade_on_a_symbol_that_is_not_listed_any_more_stops_no_start() -> None:
    first = Reconciled(PROTECT)

    async def trade() -> None:
        _, entry, _ = await first.record_a_long()
        first.account.fill(entry)
        await first.bench.settled()

    async def go_on() -> None:
        assert await second.reconciler.recall() == []
        assert len(await second.ledger.open_trades()) == 1

    first.run(trade, is_last=False)
    second = first.next_life(rules={})
    second.run(go_on)
    assert second.bench.the_stop().quantity == Decimal(10)


def test_an_exit_whose_event_is_still_to_come_reopens_nothing() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        trade_id, entry, _ = await case.record_a_long()
        case.account.fill(entry)
        case.bench.listen(to_positions=False)
        name = case.ledger.name_order(trade_id, Role.CLOSE)
        case.account.fill(MarketOrder(client_order_id=name, symbol=SYMBOL, side=Side.SELL, quantity=Decimal(10)))
        await case.ledger.close_trade(trade_id, reason="stop", at_ms=1)
        assert case.bench.protector.held() == {SYMBOL: Decimal(10)}
        assert await case.reconciler.adopt(SYMBOL) is None
        assert await case.ledger.open_trades() == []

    case.run(live)


def test_what_another_hand_opens_is_no_trade_that_has_closed_all_it_had() -> None:
    """What a short is of is not to be seen yet; the last that is, sold as well: the exit of a long."""
    case = Reconciled(PROTECT)

    async def live() -> None:
        trade_id, entry, _ = await case.record_a_long()
        close = MarketOrder(
            client_order_id=case.ledger.name_order(trade_id, Role.CLOSE),
            symbol=SYMBOL,
            side=Side.SELL,
            quantity=Decimal(10),
        )
        case.account.fill(entry)
        case.account.fill(close)
        for fill in case.account.fills:
            await case.ledger.record_fill(fill, trade_id)
        await case.ledger.close_trade(trade_id, reason="hold", at_ms=1)
        case.account.fill(by_hand("4", Side.SELL))
        unseen = case.account.fills.pop()
        assert await case.reconciler.adopt(SYMBOL) is None
        assert await case.ledger.open_trades() == []
        case.account.fills.append(unseen)
        found = await case.reconciler.adopt(SYMBOL)
        assert found is not None
        assert (found.state.bracket.side, found.state.bracket.quantity) == (Side.SELL, Decimal(4))
        assert found.state.trade_id != trade_id

    case.run(live)


# Another hand's ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "price_stop"), [(Side.BUY, Decimal(98)), (Side.SELL, Decimal(102))])
def test_protected_it_has_a_stop_and_nothing_else(side: Side, price_stop: Decimal) -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        (found,) = await case.reconciler.recall()
        assert (found.state.bracket.side, found.state.bracket.quantity) == (side, Decimal(10))
        assert found.state.bracket.rungs == ()
        assert found.state.bracket.hold_ms_max is None
        assert (found.price_stop, found.close) == (price_stop, "")
        row = await case.ledger.trade(found.state.trade_id)
        assert row is not None
        assert row.strategy == STRATEGY

    case.account.fill(by_hand(side=side))
    case.run(live)
    assert case.bench.the_stop().price_trigger == price_stop


def test_adopted_it_is_a_trade_like_ours() -> None:
    case = Reconciled(ForeignPolicy.ADOPT)

    async def live() -> None:
        case.account.fill(by_hand())
        (found,) = await case.reconciler.recall()
        assert [rung.price for rung in found.state.bracket.rungs] == [
            Decimal("100.40"),
            Decimal("100.80"),
            Decimal("101.20"),
        ]
        assert found.state.bracket.hold_ms_max == 600_000

    case.run(live)


def test_adopted_it_gets_its_ladder_once_behind_its_stop() -> None:
    case = Reconciled(ForeignPolicy.ADOPT)

    async def live() -> None:
        (found,) = await case.reconciler.recall()
        keeper = case.keeper(found)
        assert await keeper.take_up(found.price_stop)
        assert [order.quantity for order in case.account.resting] == [Decimal(4), Decimal(3), Decimal(3)]
        assert await keeper.take_up(found.price_stop)
        assert len(case.account.resting) == 3

    case.account.fill(by_hand())
    case.run(live)
    asked = [what for _, what in case.account.asked]
    assert asked.index("place_stop") < asked.index("place")


def test_ignored_it_is_shown_and_left_alone_in_this_life_and_in_the_next() -> None:
    first = Reconciled(ForeignPolicy.IGNORE)

    async def live(case: Reconciled) -> None:
        (found,) = await case.reconciler.recall()
        assert found.state.bracket.quantity == 10
        await case.bench.settled()
        assert not case.account.waiting

    first.account.fill(by_hand())
    first.run(lambda: live(first), is_last=False)

    second = first.next_life()
    second.run(lambda: live(second))
    assert not second.bench.told.closings


def test_to_be_flattened_it_is_closed_in_this_life_or_in_the_next() -> None:
    first = Reconciled(ForeignPolicy.FLATTEN)

    async def live(case: Reconciled) -> None:
        (found,) = await case.reconciler.recall()
        assert found.close == "foreign"

    first.account.fill(by_hand())
    first.run(lambda: live(first), is_last=False)

    second = first.next_life()
    second.run(lambda: live(second))


def test_its_beginning_is_that_of_the_executions_that_add_up_to_it() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        case.account.fill(by_hand("4"))
        begun_ms = case.clock_ms()
        case.account.fill(by_hand("6"))
        await asyncio.sleep(300)
        (found,) = await case.reconciler.recall()
        assert found.state.opened_ms == begun_ms

    case.run(live)


def test_where_executions_do_not_add_up_to_it_it_begins_now() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        case.account.fill(by_hand("4"))
        case.account.hold("10")
        await asyncio.sleep(300)
        (found,) = await case.reconciler.recall()
        assert found.state.opened_ms > case.clock_ms() - 1_000

    case.run(live)


def test_what_is_gone_again_is_nobodys_trade() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        case.account.fill(by_hand())
        case.account.hold("0")
        assert await case.reconciler.adopt(SYMBOL) is None
        assert await case.ledger.open_trades() == []

    case.run(live)


# Orphans -----------------------------------------------------------------------------------------------------------


def test_orders_of_ours_that_outlived_their_trade_are_cancelled() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        case.account.resting.append(resting(f"rt-{case.ledger.run}-1-rung0"))
        case.account.resting.append(resting("web_5"))
        await case.reconciler.recall()

    case.run(live)
    assert [order.client_order_id for order in case.account.resting] == ["web_5"]


def test_orders_of_others_and_of_trades_that_are_kept_stay() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        case.account.resting.append(resting("web_5"))
        assert await case.reconciler.recall() == []
        _, entry, _ = await case.record_a_long()
        case.account.fill(entry)
        case.account.resting.append(resting(f"rt-{case.ledger.run}-1-rung0"))
        await case.reconciler.recall()

    case.run(live)
    assert len(case.account.resting) == 2


def test_a_name_leads_to_its_trade_if_the_ledger_has_it() -> None:
    case = Reconciled(PROTECT)

    async def live() -> None:
        trade_id, _, stop = await case.record_a_long()
        assert await case.reconciler.owner_of(stop.client_order_id) == trade_id
        assert await case.reconciler.owner_of(ClientOrderId(f"rt-{case.ledger.run}-99-stop0")) is None
        assert await case.reconciler.owner_of(ClientOrderId("rt-other-1-stop0")) is None

    case.run(live)
