"""Interference: what an exchange, or another client of the account, does to a trader; the books stay right."""

from decimal import Decimal

import pytest

from localbinance.core.act import (
    CapLeverage,
    CoreAct,
    FillSlowly,
    ForeignCancel,
    ForeignClose,
    ForeignOrder,
    ForeignStop,
    Liquidate,
    PayFunding,
    RefuseLeverage,
    RefuseMarginType,
    RefuseTrigger,
    Settle,
    StickTrigger,
    Thin,
)
from localbinance.core.events import ConfigEvent
from localbinance.core.order import (
    AlgoRequest,
    AlgoStatus,
    AlgoType,
    Order,
    OrderRequest,
    OrderStatus,
    OrderType,
    Side,
)
from localbinance.rules.rejection import Rejection
from tests.unit.localbinance.core.bench import ACCOUNT, SYMBOL, Bench, status, told

BUY, SELL = Side.BUY, Side.SELL


@pytest.fixture
def bench() -> Bench:
    """With a long of 0.1 BTC."""
    bench = Bench()
    bench.market(BUY, "0.1")
    bench.exchange.drain_events()
    return bench


def refused(code: int) -> pytest.RaisesExc[Rejection]:
    return pytest.RaisesExc(Rejection, check=lambda no: no.code == code)


def do(bench: Bench, act: CoreAct) -> list[str]:
    bench.exchange.interfere(ACCOUNT, act, bench.now_ms)
    return told(bench.exchange.drain_events())


def order_status(order: Order) -> OrderStatus:
    return order.status


# Depth ---------------------------------------------------------------------------------------------------------------


def test_in_thin_depth_a_market_order_fills_in_part_and_the_rest_expires(bench: Bench) -> None:
    do(bench, Thin(symbol=SYMBOL, quantity=Decimal("0.04")))
    order = bench.market(SELL, "0.1")
    assert (order.status, order.filled, order.expiry_reason) == (OrderStatus.EXPIRED, Decimal("0.04"), 9)
    assert bench.held == Decimal("0.06")
    assert bench.market(SELL, "0.06").filled == 0, "what is eaten stays eaten until the next tick"
    bench.tick("100000")
    assert bench.market(SELL, "0.03").status is OrderStatus.FILLED


def test_thin_depth_is_told_and_can_be_lifted(bench: Bench) -> None:
    do(bench, Thin(symbol=SYMBOL, quantity=Decimal("1.5")))
    bench.tick("100000")
    book = bench.exchange.book(SYMBOL, 100)
    assert [quantity for _, quantity in book.bids] == [Decimal(1), Decimal("0.5")]
    do(bench, Thin(symbol=SYMBOL))
    assert len(bench.exchange.book(SYMBOL, 100).bids) == 100


def test_a_triggered_stop_in_thin_depth_closes_only_a_part(bench: Bench) -> None:
    stop = bench.stop(SELL, "0.1", "99000")
    do(bench, Thin(symbol=SYMBOL, quantity=Decimal("0.04")))
    bench.tick("98900")
    assert (stop.status, stop.filled, bench.held) == (AlgoStatus.FINISHED, Decimal("0.04"), Decimal("0.06"))


# Slow fills ----------------------------------------------------------------------------------------------------------


def test_a_slow_market_order_fills_part_by_part(bench: Bench) -> None:
    do(bench, FillSlowly(symbol=SYMBOL, parts=3, over_ms=2_000))
    order = bench.market(SELL, "0.1")
    assert (order_status(order), order.filled) == (OrderStatus.PARTIALLY_FILLED, Decimal("0.033"))
    bench.tick("99900", after_ms=1_000)
    assert (order.filled, bench.held) == (Decimal("0.066"), Decimal("0.034"))
    bench.tick("99800", after_ms=1_000)
    assert (order_status(order), bench.held) == (OrderStatus.FILLED, Decimal(0))
    prices = [trade.price for trade in bench.exchange.trades(ACCOUNT, SYMBOL)[1:]]
    assert prices == [Decimal(100_000), Decimal(99_900), Decimal(99_800)]


def test_a_slow_reducing_order_never_turns_the_position(bench: Bench) -> None:
    do(bench, FillSlowly(symbol=SYMBOL, parts=2, over_ms=1_000))
    order = bench.market(SELL, "0.1", reduce_only=True)
    do(bench, FillSlowly(symbol=SYMBOL, parts=1))
    bench.market(SELL, "0.02")
    bench.tick("100000")
    assert (bench.held, order.filled, order.status) == (Decimal(0), Decimal("0.08"), OrderStatus.EXPIRED)


def test_a_slow_order_can_be_cancelled_between_its_parts(bench: Bench) -> None:
    do(bench, FillSlowly(symbol=SYMBOL, parts=2, over_ms=1_000))
    order = bench.market(SELL, "0.1")
    bench.exchange.cancel_order(ACCOUNT, SYMBOL, order_id=order.order_id, now_ms=bench.now_ms)
    bench.tick("100000", after_ms=5_000)
    assert (order.status, bench.held) == (OrderStatus.CANCELED, Decimal("0.05"))


# Triggers ------------------------------------------------------------------------------------------------------------


def test_the_next_triggers_are_rejected_with_the_reason_and_the_position_stays(bench: Bench) -> None:
    do(bench, RefuseTrigger(times=1, reason="Margin is insufficient."))
    first = bench.stop(SELL, "0.05", "99000")
    second = bench.stop(SELL, "0.05", "98000")
    assert told(bench.tick("98900"))[-2:] == ["algo TRIGGERING", "algo REJECTED"]
    assert (first.status, first.reason) == (AlgoStatus.REJECTED, "Margin is insufficient.")
    assert (bench.held, first.order_id) == (Decimal("0.1"), None)
    [spell] = bench.exchange.uncovered(ACCOUNT)[1:]
    assert (spell.from_ms, spell.until_ms) == (bench.now_ms, None), "the audit sees that half is bare now"
    bench.tick("97900")
    assert status(second) is AlgoStatus.FINISHED


def test_another_symbols_triggers_are_not_refused(bench: Bench) -> None:
    do(bench, RefuseTrigger(symbol="ETHUSDC"))
    stop = bench.stop(SELL, "0.1", "99000")
    bench.tick("98900")
    assert status(stop) is AlgoStatus.FINISHED


def test_a_stuck_stop_stays_triggering_without_a_child_and_cannot_be_cancelled(bench: Bench) -> None:
    do(bench, StickTrigger(for_ms=3_000))
    stop = bench.stop(SELL, "0.1", "99000")
    bench.tick("98900")
    assert (status(stop), stop.order_id, bench.held) == (AlgoStatus.TRIGGERING, None, Decimal("0.1"))
    with refused(-2011):
        bench.exchange.cancel_algo_order(ACCOUNT, algo_id=stop.algo_id, now_ms=bench.now_ms)
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms is None
    bench.tick("98000", after_ms=2_000)
    assert status(stop) is AlgoStatus.TRIGGERING
    bench.tick("97000", after_ms=1_000)
    assert (status(stop), stop.price_average, bench.held) == (AlgoStatus.FINISHED, Decimal(97_000), Decimal(0))
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms == bench.now_ms


def test_a_stuck_stop_whose_position_went_meanwhile_is_rejected(bench: Bench) -> None:
    do(bench, StickTrigger(for_ms=1_000))
    stop = bench.stop(SELL, "0.1", "99000")
    bench.tick("98900")
    bench.market(SELL, "0.1")
    bench.tick("98900")
    assert (stop.status, bench.held) == (AlgoStatus.REJECTED, Decimal(0))


def test_the_child_of_a_stuck_stop_may_rest_unfilled(bench: Bench) -> None:
    do(bench, StickTrigger(for_ms=3_000, stage="TRIGGERED"))
    stop = bench.stop(SELL, "0.1", "99000")
    bench.tick("98900")
    [child] = bench.exchange.open_orders(ACCOUNT)
    assert (status(stop), stop.order_id, order_status(child)) == (
        AlgoStatus.TRIGGERED,
        child.order_id,
        OrderStatus.NEW,
    )
    bench.tick("98000", after_ms=3_000)
    assert (status(stop), order_status(child), bench.held) == (AlgoStatus.FINISHED, OrderStatus.FILLED, Decimal(0))


def test_the_stuck_child_can_be_cancelled_and_is_not_filled_later(bench: Bench) -> None:
    do(bench, StickTrigger(for_ms=3_000, stage="TRIGGERED"))
    stop = bench.stop(SELL, "0.1", "99000")
    bench.tick("98900")
    assert stop.order_id is not None
    bench.exchange.cancel_order(ACCOUNT, SYMBOL, order_id=stop.order_id, now_ms=bench.now_ms)
    bench.tick("98000", after_ms=3_000)
    assert (stop.status, stop.filled, bench.held) == (AlgoStatus.FINISHED, Decimal(0), Decimal("0.1"))


# Delisting -----------------------------------------------------------------------------------------------------------


def test_a_settling_symbol_loses_its_orders_and_takes_no_new_ones(bench: Bench) -> None:
    rung, stop = bench.limit(SELL, "0.1", "101000", reduce_only=True), bench.stop(SELL, "0.1", "99000")
    bench.exchange.drain_events()
    assert do(bench, Settle(symbol=SYMBOL)) == ["order CANCELED CANCELED", "algo EXPIRED"]
    assert (rung.status, rung.expiry_reason) == (OrderStatus.CANCELED, 7)
    assert status(stop) is AlgoStatus.EXPIRED
    assert bench.exchange.rules.symbols[SYMBOL].status == "SETTLING"
    for place in (lambda: bench.market(SELL, "0.1"), lambda: bench.stop(SELL, "0.1", "99000")):
        with refused(-4141):
            place()
    bench.tick("99000", after_ms=10_000_000)
    assert bench.held == Decimal("0.1"), "without a delivery date positions stay"
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms is None


def test_at_the_delivery_positions_are_closed_at_mark(bench: Bench) -> None:
    wallet = bench.wallet
    do(bench, Settle(symbol=SYMBOL, delivery_ms=bench.now_ms + 2_000))
    assert bench.exchange.rules.symbols[SYMBOL].delivery_ms == bench.now_ms + 2_000
    assert bench.tick("99000", mark="98765.4321") == []
    entry = bench.exchange.trades(ACCOUNT, SYMBOL)[0].price
    assert told(bench.tick("99000", mark="98765.4321")) == [
        "order NEW NEW",
        "account ORDER",
        "order CALCULATED FILLED",
    ]
    order = bench.exchange.all_orders(ACCOUNT)[-1]
    assert order.client_order_id.startswith("settlement_autoclose-")
    trade = bench.exchange.trades(ACCOUNT, SYMBOL)[-1]
    assert (bench.held, trade.price) == (Decimal(0), Decimal("98765.4321"))
    assert bench.wallet == wallet + (trade.price - entry) * Decimal("0.1") - trade.fee
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms == bench.now_ms


# Settings ------------------------------------------------------------------------------------------------------------


def test_leverage_is_refused_as_often_as_said_with_the_codes_own_text(bench: Bench) -> None:
    do(bench, RefuseLeverage(times=2))
    for _ in range(2):
        with pytest.raises(Rejection, match="-4028 Leverage 7 is not valid"):
            bench.exchange.set_leverage(ACCOUNT, SYMBOL, 7, bench.now_ms)
    assert bench.exchange.symbol_config(ACCOUNT, SYMBOL).leverage == 20
    assert bench.exchange.set_leverage(ACCOUNT, SYMBOL, 7, bench.now_ms).leverage == 7


def test_a_capped_leverage_is_what_answer_event_and_account_tell(bench: Bench) -> None:
    do(bench, CapLeverage(symbol=SYMBOL, leverage=3))
    assert bench.exchange.set_leverage(ACCOUNT, SYMBOL, 7, bench.now_ms).leverage == 3
    [event] = bench.exchange.drain_events()
    assert isinstance(event, ConfigEvent)
    assert (event.leverage, bench.exchange.symbol_config(ACCOUNT, SYMBOL).leverage) == (3, 3)
    do(bench, CapLeverage(symbol=SYMBOL))
    assert bench.exchange.set_leverage(ACCOUNT, SYMBOL, 7, bench.now_ms).leverage == 7


def test_the_margin_type_is_refused_as_often_as_said() -> None:
    bench = Bench()
    do(bench, RefuseMarginType(code=-4067, message="Position side cannot be changed."))
    with pytest.raises(Rejection, match=r"-4067 Position side cannot be changed\."):
        bench.exchange.set_margin_type(ACCOUNT, SYMBOL, True, bench.now_ms)
    bench.exchange.set_margin_type(ACCOUNT, SYMBOL, True, bench.now_ms)
    assert bench.exchange.symbol_config(ACCOUNT, SYMBOL).isolated


# The account ---------------------------------------------------------------------------------------------------------


def test_a_forced_liquidation_ends_orders_and_position_and_the_audits_spell(bench: Bench) -> None:
    bench.limit(BUY, "0.05", "99000")
    bench.stop(SELL, "0.05", "98000")
    bench.exchange.drain_events()
    assert do(bench, Liquidate()) == [
        "order CANCELED CANCELED",
        "algo EXPIRED",
        "order NEW NEW",
        "account ORDER",
        "order CALCULATED FILLED",
        "account INSURANCE_CLEAR",
    ]
    assert bench.held == 0
    assert bench.exchange.all_orders(ACCOUNT)[-1].client_order_id.startswith("autoclose-")
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms == bench.now_ms


def test_a_foreign_client_opens_stops_and_closes_on_the_same_account() -> None:
    bench = Bench()
    request = OrderRequest(
        symbol=SYMBOL, side=BUY, type=OrderType.MARKET, quantity=Decimal("0.1"), client_order_id="web_1"
    )
    assert do(bench, ForeignOrder(order=request)) == ["order NEW NEW", "account ORDER", "order TRADE FILLED"]
    assert bench.held == Decimal("0.1")
    stop = AlgoRequest(
        symbol=SYMBOL,
        side=SELL,
        type=AlgoType.STOP_MARKET,
        quantity=Decimal("0.1"),
        price_trigger=Decimal(99_000),
        reduce_only=True,
        client_algo_id="web_2",
    )
    assert do(bench, ForeignStop(stop=stop)) == ["algo NEW"]
    bench.limit(SELL, "0.1", "101000", reduce_only=True)
    bench.exchange.drain_events()
    assert do(bench, ForeignClose(symbol=SYMBOL)) == [
        "order NEW NEW",
        "account ORDER",
        "order TRADE FILLED",
        "order EXPIRED EXPIRED",
    ]
    assert bench.held == 0
    [spell] = bench.exchange.uncovered(ACCOUNT)
    assert (spell.until_ms, spell.requests_between) == (bench.now_ms, 0), "others' requests are not the trader's"


def test_a_foreign_client_cancels_by_any_id(bench: Bench) -> None:
    rung = bench.limit(SELL, "0.05", "101000", reduce_only=True, client_order_id="rung")
    first, second = (bench.stop(SELL, "0.1", "99000", client_algo_id=each) for each in ("first", "second"))
    bench.exchange.drain_events()
    assert do(bench, ForeignCancel(client_id="first")) == ["algo CANCELED"]
    assert do(bench, ForeignCancel(algo_id=second.algo_id)) == ["algo CANCELED"]
    assert do(bench, ForeignCancel(order_id=rung.order_id)) == ["order CANCELED CANCELED"]
    bench.limit(SELL, "0.05", "101000", reduce_only=True, client_order_id="again")
    bench.exchange.drain_events()
    assert do(bench, ForeignCancel(client_id="again")) == ["order CANCELED CANCELED"]
    assert status(first) is AlgoStatus.CANCELED
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms is None, "the audit sees the cancelled stop at once"
    for gone in (ForeignCancel(client_id="rung"), ForeignCancel(order_id=1), ForeignCancel(algo_id=1)):
        with refused(-2011):
            do(bench, gone)


def test_funding_is_paid_now_at_the_given_rate_and_the_interval_goes_on(bench: Bench) -> None:
    before, next_ms = bench.wallet, bench.exchange.funding(SYMBOL).next_ms
    assert do(bench, PayFunding(symbol=SYMBOL, rate=Decimal("0.001"))) == ["account FUNDING_FEE"]
    assert bench.wallet - before == Decimal(-10)
    row = bench.exchange.income(ACCOUNT)[-1]
    assert (row.kind, row.amount) == ("FUNDING_FEE", Decimal(-10))
    assert bench.exchange.funding(SYMBOL).next_ms == next_ms


def test_an_act_on_an_unknown_symbol_is_refused() -> None:
    bench = Bench()
    for act in (Thin(symbol="NOPE"), RefuseTrigger(symbol="NOPE"), Settle(symbol="NOPE"), FillSlowly(symbol="NOPE")):
        with refused(-1121):
            do(bench, act)


def test_a_spell_ends_when_a_tick_closes_the_last_position(bench: Bench) -> None:
    bench.limit(SELL, "0.1", "101000", reduce_only=True)
    bench.tick("101500")
    assert [spell.until_ms for spell in bench.exchange.uncovered(ACCOUNT)] == [bench.now_ms]


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Thin(symbol=SYMBOL, quantity=Decimal(-1)), "quantity is -1; it must not be below 0"),
        (lambda: FillSlowly(symbol=SYMBOL, parts=0), "parts is 0"),
        (lambda: RefuseTrigger(times=0), "times is 0"),
        (lambda: StickTrigger(for_ms=0), "for_ms is 0"),
        (lambda: RefuseLeverage(code=-1), "code -1 needs a message"),
        (lambda: RefuseMarginType(code=4047), "code is 4047"),
        (lambda: CapLeverage(leverage=0), "leverage is 0"),
        (lambda: ForeignCancel(), "exactly one of order_id, algo_id and client_id"),
        (lambda: PayFunding(symbol=SYMBOL, rate=Decimal(5)), "rate is 5; it is a fraction"),
        (lambda: Settle(symbol=SYMBOL, delivery_ms=10**30), "delivery_ms is"),
    ],
)
def test_what_an_act_cannot_mean_gets_one_line(make: object, complaint: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match=complaint) as no:
        make()
    assert "\n" not in str(no.value)
