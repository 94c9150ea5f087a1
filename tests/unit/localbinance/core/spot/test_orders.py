"""Spot's orders: taking, resting, stopping, refusing; fees in whatever asset; what a person or the exchange does."""

from dataclasses import replace
from decimal import Decimal

import pytest

from localbinance.core.order import OrderStatus, Side, TimeInForce
from localbinance.core.spot.act import (
    SpotCancelByHand,
    SpotFillSlowly,
    SpotFilter,
    SpotOrderByHand,
    SpotStatus,
    SpotThin,
    SpotWithdraw,
)
from localbinance.core.spot.order import SpotRequest, SpotType
from localbinance.rules.rejection import Rejection
from tests.unit.localbinance.core.spot.bench import ACCOUNT, SYMBOL, SpotBench, a_limit, a_stop, an_oco, told

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def bench() -> SpotBench:
    return SpotBench()


def refused(code: int, text: str) -> pytest.RaisesExc[Rejection]:
    return pytest.RaisesExc(Rejection, check=lambda no: no.code == code and text in no.message)


def values(*each: object) -> tuple[object, ...]:
    """Amounts and plain numbers side by side."""
    return each


# Taking and fees -----------------------------------------------------------------------------------------------------


def test_a_bought_coin_pays_its_fee_in_itself(bench: SpotBench) -> None:
    order = bench.market(BUY, "2")
    assert values(order.status, order.filled_quote) == values(OrderStatus.FILLED, Decimal("60.002"))
    assert bench.free("USDC") == 1_000 - Decimal("60.002")
    assert bench.free("TRUMP") == 10 + Decimal("1.998")
    assert told(bench.exchange.drain_events()) == [
        "MARKET NEW NEW",
        "balances USDC",
        "MARKET TRADE FILLED",
        "balances USDC TRUMP",
    ]


def test_a_sold_coin_pays_its_fee_in_the_quote_asset(bench: SpotBench) -> None:
    bench.market(SELL, "2")
    assert bench.free("TRUMP") == 8
    assert bench.free("USDC") == 1_000 + Decimal("59.998") * Decimal("0.999")


def test_with_enough_bnb_the_fee_is_in_bnb_and_a_quarter_less() -> None:
    bench = SpotBench(bnb="1")
    bench.market(BUY, "2")
    fee = (Decimal("60.002") * Decimal("0.00075") / 600).quantize(Decimal("1e-8"), "ROUND_DOWN")
    assert bench.free("TRUMP") == 12
    assert bench.free("BNB") == 1 - fee
    bench.exchange.pay_in_bnb(ACCOUNT, False)
    bench.market(BUY, "2")
    assert bench.free("TRUMP") == 12 + Decimal("1.998")


def test_with_too_little_bnb_the_fee_is_the_usual_one() -> None:
    bench = SpotBench(bnb="0.00000001")
    bench.market(BUY, "2")
    assert bench.free("BNB") == Decimal("0.00000001")
    assert bench.free("TRUMP") == Decimal("11.998")


def test_bnb_that_is_bought_pays_for_itself_and_all_that_is_sold_pays_in_the_quote_asset() -> None:
    bench = SpotBench()
    buy = SpotRequest(symbol="BNBUSDC", side=BUY, type=SpotType.MARKET, quantity=Decimal(1))
    bench.place(buy)
    assert Decimal("0.99924") < bench.free("BNB") < Decimal("0.99926"), "at the discount"
    bench.place(replace(buy, side=SELL, quantity=Decimal("0.999")))
    [_, sold] = bench.exchange.trades(ACCOUNT, "BNBUSDC")
    assert (sold.fee_asset, sold.fee) == ("USDC", Decimal("0.59939900")), "cut to eight places"


def test_a_market_order_may_name_what_it_spends(bench: SpotBench) -> None:
    order = bench.place(
        SpotRequest(symbol=SYMBOL, side=BUY, type=SpotType.MARKET, quote_quantity=Decimal(100)),
    )
    assert order.status is OrderStatus.FILLED
    assert order.quantity == Decimal("3.333")  # 3.3332… floored to the step
    assert order.filled_quote <= 100
    assert bench.free("USDC") == 1_000 - order.filled_quote
    assert bench.locked("USDC") == 0


def test_a_large_order_takes_several_levels(bench: SpotBench) -> None:
    bench.tick("30", touch="5")
    order = bench.market(SELL, "8")
    fills = bench.exchange.trades_of(order)
    assert [fill.quantity for fill in fills] == [Decimal(5), Decimal(3)]
    assert fills[0].price > fills[1].price
    assert sum(fill.quantity for fill in fills) == order.filled


def test_what_the_book_does_not_have_of_a_market_order_expires(bench: SpotBench) -> None:
    bench.exchange.interfere(ACCOUNT, SpotThin(symbol=SYMBOL, quantity=Decimal(3)), bench.now_ms)
    order = bench.market(SELL, "8")
    assert values(order.status, order.filled, order.expiry_reason) == values(
        OrderStatus.EXPIRED, 3, "INSUFFICIENT_LIQUIDITY"
    )
    assert values(bench.free("TRUMP"), bench.locked("TRUMP")) == values(7, 0)


def test_market_orders_may_fill_slowly(bench: SpotBench) -> None:
    act = SpotFillSlowly(symbol=SYMBOL, parts=3, over_ms=4_000)
    bench.exchange.interfere(ACCOUNT, act, bench.now_ms)
    order = bench.market(BUY, "3")
    seen = [order.filled]
    while order.is_open:
        bench.tick("30")
        if order.filled != seen[-1]:
            seen.append(order.filled)
    assert seen == [1, 2, 3]
    assert bench.locked("USDC") == 0


def test_an_order_that_names_what_it_spends_never_spends_more_however_slowly_it_fills(bench: SpotBench) -> None:
    act = SpotFillSlowly(symbol=SYMBOL, parts=2, over_ms=1_000)
    bench.exchange.interfere(ACCOUNT, act, bench.now_ms)
    order = bench.place(SpotRequest(symbol=SYMBOL, side=BUY, type=SpotType.MARKET, quote_quantity=Decimal(300)))
    bench.tick("33")
    assert order.status is OrderStatus.EXPIRED
    assert Decimal(299) < order.filled_quote <= 300
    assert bench.free("USDC") >= 700


# Resting -------------------------------------------------------------------------------------------------------------


def test_an_order_in_the_book_locks_what_it_may_cost_and_gives_back_what_it_did_not(bench: SpotBench) -> None:
    order = bench.limit(BUY, "10", "29")
    assert values(bench.free("USDC"), bench.locked("USDC")) == values(710, 290)
    bench.tick("28.5", quantity="4")
    assert values(order.status, order.filled, bench.locked("USDC")) == values(OrderStatus.FILLED, 10, 0)
    assert bench.exchange.trades_of(order)[0].is_maker
    assert bench.free("TRUMP") == 10 + Decimal("9.99")


def test_a_better_price_gives_the_difference_back(bench: SpotBench) -> None:
    bench.limit(BUY, "10", "31")  # takes at 30.001
    assert bench.free("USDC") == 1_000 - Decimal("300.01")
    assert bench.locked("USDC") == 0


def test_what_rests_of_an_order_that_took_cheaper_locks_its_own_cost_alone(bench: SpotBench) -> None:
    bench.exchange.interfere(ACCOUNT, SpotThin(symbol=SYMBOL, quantity=Decimal(5)), bench.now_ms)
    order = bench.limit(BUY, "8", "31")
    assert order.filled == 5
    assert bench.locked("USDC") == 3 * 31
    assert bench.free("USDC") == 1_000 - 5 * Decimal("30.001") - 3 * 31


def test_an_order_may_fill_in_parts_and_its_rest_be_cancelled(bench: SpotBench) -> None:
    order = bench.limit(SELL, "10", "30.5")
    bench.tick("30.6", quantity="4", touch="0.001")
    assert values(order.status, order.filled) == values(OrderStatus.PARTIALLY_FILLED, 4)
    assert bench.locked("TRUMP") == 6
    bench.cancel(order)
    assert values(order.status, bench.free("TRUMP"), bench.locked("TRUMP")) == values(OrderStatus.CANCELED, 6, 0)
    with refused(-2011, "Unknown order"):
        bench.cancel(order)


def test_time_in_force(bench: SpotBench) -> None:
    bench.tick("30", touch="5")
    limited = bench.limit(BUY, "8", "30.001", TimeInForce.IOC)
    assert values(limited.status, limited.filled) == values(OrderStatus.EXPIRED, 5)
    bench.tick("30", touch="5")
    killed = bench.limit(BUY, "8", "30.001", TimeInForce.FOK)
    assert values(killed.status, killed.filled, killed.expiry_reason) == values(
        OrderStatus.EXPIRED,
        0,
        "UNFILLED_FOK_ORDER_EXPIRED",
    )
    assert bench.locked("USDC") == 0


# Stops and OCO -------------------------------------------------------------------------------------------------------


def test_a_stop_waits_and_then_sells_at_market(bench: SpotBench) -> None:
    order = bench.place(a_stop(SELL, SpotType.STOP_LOSS, "4", "29"))
    assert values(order.working_ms, bench.locked("TRUMP")) == values(None, 4)
    bench.tick("29.5")
    assert order.status is OrderStatus.NEW
    bench.tick("28.9")
    assert values(order.status, order.filled_quote) == values(OrderStatus.FILLED, 4 * Decimal("28.899"))


def test_a_triggered_stop_that_buys_pays_more_than_it_locked_only_as_far_as_money_goes(bench: SpotBench) -> None:
    order = bench.place(a_stop(BUY, SpotType.STOP_LOSS, "33", "30.3"))
    assert bench.free("USDC") == 1_000 - 33 * Decimal("30.3")
    bench.tick("31")
    assert order.status is OrderStatus.EXPIRED
    assert order.filled == Decimal("32.257")  # 1000 / 31.001
    assert bench.free("USDC") >= 0


def test_take_profit_waits_on_the_other_side(bench: SpotBench) -> None:
    order = bench.place(a_stop(SELL, SpotType.TAKE_PROFIT_LIMIT, "4", "31", "30.9"))
    bench.tick("30.5")
    assert order.working_ms is None
    bench.tick("31")
    assert values(order.status, order.filled_quote) == values(OrderStatus.FILLED, 4 * Decimal("30.999"))


def test_of_an_oco_the_profit_ends_the_stop(bench: SpotBench) -> None:
    placed = bench.oco_sell("4", "31", "29", "28.9")
    stop, profit = placed.orders
    assert bench.locked("TRUMP") == 4, "both stand for the same coins"
    bench.exchange.drain_events()
    bench.tick("31.2", quantity="9")
    assert (profit.status, stop.status) == (OrderStatus.FILLED, OrderStatus.EXPIRED)
    assert values(placed.is_open, bench.locked("TRUMP"), bench.free("TRUMP")) == values(False, 0, 6)
    assert told(bench.exchange.drain_events()) == [
        "STOP_LOSS_LIMIT EXPIRED EXPIRED",
        "LIMIT_MAKER TRADE FILLED",
        "balances TRUMP USDC",
        "list done",
    ]


def test_of_an_oco_the_stop_ends_the_profit(bench: SpotBench) -> None:
    stop, profit = bench.oco_sell("4", "31", "29", "28").orders
    bench.tick("28.9")
    assert (stop.status, profit.status) == (OrderStatus.FILLED, OrderStatus.EXPIRED)


def test_an_oco_is_cancelled_whole(bench: SpotBench) -> None:
    placed = bench.oco_sell("4", "31", "29", "28")
    assert bench.cancel(placed.orders[1]) == placed.orders
    assert {order.status for order in placed.orders} == {OrderStatus.CANCELED}
    assert values(bench.locked("TRUMP"), bench.free("TRUMP")) == values(0, 10)


# Refusals ------------------------------------------------------------------------------------------------------------

GOOD = a_limit(BUY, "1", "29")
REFUSED: list[tuple[SpotRequest, int, str]] = [
    (replace(GOOD, symbol="NOPEUSDC"), -1121, "Invalid symbol"),
    (replace(GOOD, price=Decimal("29.0005")), -1013, "Filter failure: PRICE_FILTER"),
    (replace(GOOD, price=Decimal(20_000)), -1013, "Filter failure: PRICE_FILTER"),
    (replace(GOOD, price=Decimal(0)), -1013, "Invalid price"),
    (replace(GOOD, quantity=Decimal("1.0005")), -1013, "Filter failure: LOT_SIZE"),
    (replace(GOOD, quantity=Decimal("0.000000001")), -1111, "'quantity' has too much precision"),
    (replace(GOOD, quantity=Decimal("0.03")), -1013, "Filter failure: NOTIONAL"),
    (replace(GOOD, price=Decimal(200)), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    (replace(GOOD, price=Decimal(5)), -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    (replace(GOOD, quantity=Decimal(35)), -2010, "insufficient balance"),
    (replace(GOOD, price=None), -1102, "'price'"),
    (replace(GOOD, time_in_force=None), -1102, "'timeInForce'"),
    (replace(GOOD, time_in_force=TimeInForce.GTX), -1106, "'timeInForce'"),
    (replace(GOOD, quote_quantity=Decimal(30)), -1106, "'quoteOrderQty'"),
    (replace(GOOD, price_stop=Decimal(30)), -1106, "'stopPrice'"),
    (
        SpotRequest(symbol=SYMBOL, side=BUY, type=SpotType.LIMIT_MAKER, quantity=Decimal(1), price=Decimal(31)),
        -2010,
        "immediately match and take",
    ),
    (a_stop(SELL, SpotType.STOP_LOSS, "1", "31"), -2010, "trigger immediately"),
    (a_stop(BUY, SpotType.TAKE_PROFIT, "1", "31"), -2010, "trigger immediately"),
    (SpotRequest(symbol=SYMBOL, side=SELL, type=SpotType.MARKET, quantity=Decimal(9_001)), -1013, "MARKET_LOT_SIZE"),
    (SpotRequest(symbol=SYMBOL, side=SELL, type=SpotType.MARKET, quantity=Decimal(11)), -2010, "insufficient"),
]


@pytest.mark.parametrize(("request_", "code", "text"), REFUSED)
def test_what_is_refused_changes_nothing(bench: SpotBench, request_: SpotRequest, code: int, text: str) -> None:
    bench.exchange.drain_events()
    with refused(code, text):
        bench.place(request_)
    assert values(bench.free("USDC"), bench.free("TRUMP"), bench.exchange.open_orders(ACCOUNT)) == values(1_000, 10, [])
    assert bench.exchange.drain_events() == []


def test_a_client_id_is_free_again_once_its_order_is_over(bench: SpotBench) -> None:
    request = replace(GOOD, client_order_id="mine")
    first = bench.place(request)
    with refused(-2010, "Duplicate"):
        bench.place(request)
    bench.cancel(first)
    assert bench.place(request).client_order_id == "mine"


def test_open_orders_and_stops_have_a_most(bench: SpotBench) -> None:
    for _ in range(5):
        bench.place(a_stop(SELL, SpotType.STOP_LOSS, "1", "29"))
    with refused(-1013, "Filter failure: MAX_NUM_ALGO_ORDERS"):
        bench.place(a_stop(SELL, SpotType.STOP_LOSS, "1", "29"))
    for _ in range(195):
        bench.limit(BUY, "0.2", "25")
    with refused(-1013, "Filter failure: MAX_NUM_ORDERS"):
        bench.limit(BUY, "0.2", "25")


def test_an_oco_stands_on_both_sides_of_the_market(bench: SpotBench) -> None:
    for above, stop in (("29.5", "29"), ("31", "30.5")):
        with refused(-2010, "relationship of the prices"):
            bench.oco_sell("1", above, stop, "28")
    with refused(-2010, "insufficient"):
        bench.exchange.place_oco(ACCOUNT, an_oco("11", "31", "29", "28"), bench.now_ms)
    assert bench.locked("TRUMP") == 0


# Another hand --------------------------------------------------------------------------------------------------------


def test_a_person_buys_on_the_app_with_an_id_of_the_apps_own(bench: SpotBench) -> None:
    by_hand = SpotRequest(symbol=SYMBOL, side=BUY, type=SpotType.MARKET, quantity=Decimal(1))
    bench.exchange.interfere(ACCOUNT, SpotOrderByHand(order=by_hand, app="and"), bench.now_ms)
    order = bench.exchange.all_orders(ACCOUNT, SYMBOL)[-1]
    assert order.client_order_id.startswith("and_")
    assert len(order.client_order_id) == 36
    resting = bench.limit(SELL, "1", "33")
    bench.exchange.interfere(ACCOUNT, SpotCancelByHand(order_id=resting.order_id), bench.now_ms)
    assert resting.status is OrderStatus.CANCELED


def test_money_may_leave_the_account_as_far_as_it_is_free(bench: SpotBench) -> None:
    bench.limit(SELL, "6", "33")
    with refused(-2010, "insufficient"):
        bench.exchange.interfere(ACCOUNT, SpotWithdraw(asset="TRUMP", amount=Decimal(5)), bench.now_ms)
    bench.exchange.drain_events()
    bench.exchange.interfere(ACCOUNT, SpotWithdraw(asset="TRUMP", amount=Decimal(4)), bench.now_ms)
    assert values(bench.free("TRUMP"), bench.locked("TRUMP")) == values(0, 6)
    assert told(bench.exchange.drain_events()) == ["balances TRUMP", "transfer TRUMP -4"]


def test_a_delisted_pair_ends_its_orders_and_takes_none(bench: SpotBench) -> None:
    order = bench.limit(SELL, "6", "33")
    bench.exchange.interfere(ACCOUNT, SpotStatus(symbol=SYMBOL), bench.now_ms)
    assert values(order.status, order.expiry_reason, bench.locked("TRUMP")) == values(
        OrderStatus.EXPIRED,
        "EXCHANGE_CANCELED",
        0,
    )
    with refused(-1013, "Market is closed"):
        bench.market(BUY, "1")
    assert bench.exchange.rules.symbols[SYMBOL].status == "BREAK"


def test_a_filter_may_become_narrow(bench: SpotBench) -> None:
    bench.exchange.interfere(ACCOUNT, SpotFilter(symbol=SYMBOL, multiplier_up=Decimal("1.005")), bench.now_ms)
    with refused(-1013, "PERCENT_PRICE_BY_SIDE"):
        bench.limit(SELL, "1", "30.3")
