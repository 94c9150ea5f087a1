"""Plain orders: taking, resting, queueing, reducing, being refused."""

from decimal import Decimal

import pytest

from localbinance.core.order import OrderRequest, OrderStatus, OrderType, PositionSide, Side, TimeInForce
from localbinance.rules.rejection import Rejection
from tests.unit.localbinance.core.bench import ACCOUNT, START_MS, SYMBOL, Bench, told

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refused(code: int) -> pytest.RaisesExc[Rejection]:
    return pytest.RaisesExc(Rejection, check=lambda no: no.code == code)


def test_a_market_order_fills_at_the_touch_and_pays_the_takers_fee(bench: Bench) -> None:
    order = bench.market(BUY, "0.5")
    assert (order.status, order.price_average) == (OrderStatus.FILLED, Decimal("100000.1"))
    assert bench.wallet == 10_000 - Decimal("0.5") * Decimal("100000.1") * Decimal("0.0004")
    assert told(bench.exchange.drain_events()) == ["order NEW NEW", "account ORDER", "order TRADE FILLED"]


def test_a_larger_market_order_slips_through_the_levels_behind(bench: Bench) -> None:
    bench.exchange.set_leverage(ACCOUNT, SYMBOL, 50, START_MS)
    order = bench.market(BUY, "3")
    assert order.status is OrderStatus.FILLED
    assert order.price_average > Decimal("100000.1")
    fills = bench.exchange.trades(ACCOUNT, SYMBOL)
    assert [trade.price for trade in fills] == [Decimal("100000.1"), Decimal("100005.1"), Decimal("100010.1")]
    assert len({trade.trade_id for trade in fills}) == 3


def test_what_a_taker_has_eaten_is_gone_until_the_next_tick(bench: Bench) -> None:
    bench.exchange.set_leverage(ACCOUNT, SYMBOL, 50, START_MS)
    bench.market(BUY, "1")
    assert bench.market(BUY, "0.1").price_average == Decimal("100005.1")
    bench.tick("100000")
    assert bench.market(BUY, "0.1").price_average == Decimal("100000.1")


def test_a_resting_order_is_filled_when_the_market_trades_through_it_and_pays_nothing(bench: Bench) -> None:
    order = bench.limit(BUY, "0.1", "99900")
    bench.tick("99950")
    assert order.filled == 0
    bench.tick("99890")
    assert (order.status, order.price_average) == (OrderStatus.FILLED, Decimal(99900))
    trade = bench.exchange.trades(ACCOUNT, SYMBOL)[0]
    assert (trade.is_maker, trade.fee) == (True, Decimal(0))
    assert bench.wallet == 10_000


def test_at_its_price_an_order_waits_for_the_queue_before_it(bench: Bench) -> None:
    order = bench.limit(BUY, "0.1", "100000")  # one BTC stands there already
    bench.tick("100000", quantity="0.6")
    assert order.filled == 0
    bench.tick("100000", quantity="0.45")
    assert (order.filled, order.status) == (Decimal("0.05"), OrderStatus.PARTIALLY_FILLED)
    bench.tick("100000.1", quantity="9", seller_took=False)
    assert order.filled == Decimal("0.05"), "buyers that take do not reach a resting buy order"
    bench.tick("100000", quantity="0.05")
    assert order.status is OrderStatus.FILLED


def test_the_volume_of_a_tick_is_shared_out_once_best_price_first(bench: Bench) -> None:
    worse, better = bench.limit(BUY, "0.1", "99800"), bench.limit(BUY, "0.1", "99900")
    bench.tick("99700", quantity="0.15", touch="0.001")
    assert (better.filled, worse.filled) == (Decimal("0.1"), Decimal("0.05"))


def test_post_only_is_refused_when_it_would_take(bench: Bench) -> None:
    with refused(-5022):
        bench.limit(BUY, "0.1", "100000.1", time_in_force=TimeInForce.GTX)
    assert bench.exchange.all_orders(ACCOUNT) == []


def test_fill_or_kill_is_refused_when_the_depth_has_too_little(bench: Bench) -> None:
    with refused(-5021):
        bench.limit(BUY, "1.5", "100000.1", time_in_force=TimeInForce.FOK)
    assert bench.limit(BUY, "1", "100000.1", time_in_force=TimeInForce.FOK).status is OrderStatus.FILLED


def test_immediate_or_cancel_keeps_what_it_got_and_expires(bench: Bench) -> None:
    order = bench.limit(BUY, "1.5", "100000.1", time_in_force=TimeInForce.IOC)
    assert (order.status, order.filled) == (OrderStatus.EXPIRED, Decimal(1))


def test_the_rest_of_a_crossing_limit_order_rests(bench: Bench) -> None:
    order = bench.limit(BUY, "1.5", "100000.1")
    assert (order.status, order.filled) == (OrderStatus.PARTIALLY_FILLED, Decimal(1))
    assert bench.exchange.open_orders(ACCOUNT) == [order]


def test_good_till_date_expires(bench: Bench) -> None:
    with refused(-5040):
        bench.limit(BUY, "0.1", "90000", time_in_force=TimeInForce.GTD, good_till_ms=bench.now_ms + 1_000)
    order = bench.limit(BUY, "0.1", "96000", time_in_force=TimeInForce.GTD, good_till_ms=bench.now_ms + 700_000)
    bench.tick("100000", after_ms=700_000)
    assert order.status is OrderStatus.EXPIRED


@pytest.mark.parametrize(
    ("quantity", "price", "code"),
    [
        ("0", "100000", -4003),
        ("0.0005", "100000", -1111),
        ("1000", "100000", -4005),
        ("0.001", "99000", -4164),
        ("0.01", "100000.05", -1111),
        ("0.01", "600000", -4002),
        ("0.01", "106000", -4016),
        ("0.01", "0", -4001),
        ("40", "100000", -2019),
    ],
)
def test_what_a_filter_or_the_margin_does_not_allow_is_refused(
    bench: Bench, quantity: str, price: str, code: int
) -> None:
    with refused(code):
        bench.limit(BUY, quantity, price)
    assert bench.exchange.drain_events() == []


def test_a_position_cannot_outgrow_the_bracket_of_its_leverage(bench: Bench) -> None:
    bench.exchange.set_leverage(ACCOUNT, SYMBOL, 125, START_MS)
    bench.market(BUY, "0.49")
    with refused(-2027):
        bench.market(BUY, "0.02")


def test_a_market_order_has_its_own_smaller_maximum(bench: Bench) -> None:
    with refused(-4005):
        bench.market(BUY, "101")


def test_a_client_id_is_unique_among_open_orders_only(bench: Bench) -> None:
    bench.limit(BUY, "0.01", "99000", client_order_id="a")
    with refused(-4116):
        bench.limit(BUY, "0.01", "99000", client_order_id="a")
    bench.market(BUY, "0.01", client_order_id="b")
    bench.market(BUY, "0.01", client_order_id="b")
    assert bench.held == Decimal("0.02"), "a blind re-send doubles the position, as on the real exchange"


def test_reduce_only_needs_something_to_reduce(bench: Bench) -> None:
    with refused(-2022):
        bench.market(SELL, "0.1", reduce_only=True)
    bench.market(BUY, "0.1")
    with refused(-2022):
        bench.market(BUY, "0.1", reduce_only=True)


def test_reduce_only_is_cut_to_the_position(bench: Bench) -> None:
    bench.market(BUY, "0.1")
    order = bench.market(SELL, "5", reduce_only=True)
    assert (order.filled, bench.held) == (Decimal("0.1"), Decimal(0))


def test_resting_reduce_only_orders_take_the_position_up(bench: Bench) -> None:
    bench.market(BUY, "0.1")
    bench.limit(SELL, "0.06", "101000", reduce_only=True)
    assert bench.limit(SELL, "0.06", "102000", reduce_only=True).quantity == Decimal("0.04")
    with refused(-4118):
        bench.market(SELL, "0.1", reduce_only=True)


def test_when_the_position_is_gone_resting_reduce_only_orders_expire(bench: Bench) -> None:
    bench.market(BUY, "0.1")
    rung = bench.limit(SELL, "0.1", "101000", reduce_only=True)
    bench.market(SELL, "0.1")
    assert (rung.status, rung.expiry_reason) == (OrderStatus.EXPIRED, 4)


def test_a_reversal_closes_at_the_average_and_opens_at_the_fill(bench: Bench) -> None:
    bench.market(BUY, "0.2")
    bench.tick("101000")
    bench.market(SELL, "0.5")
    position = bench.exchange.account_state(ACCOUNT).positions[0]
    assert (position.quantity_signed, position.price_entry) == (Decimal("-0.3"), Decimal(101000))
    assert bench.exchange.trades(ACCOUNT, SYMBOL)[-1].realized_pnl == Decimal("0.2") * Decimal("999.9")


def test_modify_moves_price_and_quantity_and_cancels_what_is_overfilled(bench: Bench) -> None:
    order = bench.limit(BUY, "0.2", "99000")
    change = bench.exchange.modify_order
    with refused(-5027):
        change(ACCOUNT, SYMBOL, order.order_id, None, BUY, Decimal("0.2"), Decimal(99000), bench.now_ms)
    bench.exchange.drain_events()
    change(ACCOUNT, SYMBOL, order.order_id, None, BUY, Decimal("0.3"), Decimal(99100), bench.now_ms)
    assert (order.quantity, order.price) == (Decimal("0.3"), Decimal(99100))
    assert told(bench.exchange.drain_events()) == ["order AMENDMENT NEW"]
    bench.tick("99000", quantity="0.1", touch="0.001")
    assert order.filled == Decimal("0.1")
    change(ACCOUNT, SYMBOL, order.order_id, None, BUY, Decimal("0.1"), Decimal(99100), bench.now_ms)
    assert order.status is OrderStatus.CANCELED


def test_cancelling_twice_and_asking_for_nothing_have_their_own_codes(bench: Bench) -> None:
    order = bench.limit(BUY, "0.1", "99000")
    bench.exchange.cancel_order(ACCOUNT, SYMBOL, order_id=order.order_id, now_ms=bench.now_ms)
    with refused(-2011):
        bench.exchange.cancel_order(ACCOUNT, SYMBOL, order_id=order.order_id, now_ms=bench.now_ms)
    with refused(-2013):
        bench.exchange.order(ACCOUNT, SYMBOL, client_order_id="nobody")


def test_unknown_symbols_accounts_and_symbols_without_a_market_are_refused(bench: Bench) -> None:
    request = OrderRequest(symbol="NOPEUSDC", side=BUY, type=OrderType.MARKET, quantity=Decimal(1))
    with refused(-1121):
        bench.exchange.place_order(ACCOUNT, request, bench.now_ms)
    with refused(-2015):
        bench.exchange.place_order("nobody", request, bench.now_ms)
    request = OrderRequest(symbol="ETHUSDC", side=BUY, type=OrderType.MARKET, quantity=Decimal(1))
    with refused(-2020):
        bench.exchange.place_order(ACCOUNT, request, bench.now_ms)


def test_hedge_mode_keeps_both_sides_apart(bench: Bench) -> None:
    bench.exchange.set_dual_side(ACCOUNT, dual=True)
    with refused(-4061):
        bench.market(BUY, "0.1")
    bench.market(BUY, "0.1", position_side=PositionSide.LONG)
    bench.market(SELL, "0.2", position_side=PositionSide.SHORT)
    quantities = {slot.position_side: slot.quantity_signed for slot in bench.exchange.account_state(ACCOUNT).positions}
    assert (quantities[PositionSide.LONG], quantities[PositionSide.SHORT]) == (Decimal("0.1"), Decimal("-0.2"))
    bench.market(SELL, "5", position_side=PositionSide.LONG)
    assert bench.held == Decimal("-0.2"), "closing a side cannot turn it round"
