"""Conditional orders: their trigger, their child, and what becomes of them when the position goes."""

from decimal import Decimal

import pytest

from localbinance.core.order import AlgoStatus, AlgoType, OrderStatus, Side, WorkingType
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


def test_a_stop_waits_then_closes_the_position_and_tells_so_in_the_exchanges_order(bench: Bench) -> None:
    stop = bench.stop(SELL, "0.1", "99000", client_algo_id="guard")
    assert told(bench.exchange.drain_events()) == ["algo NEW"]
    assert bench.tick("99000.1") == []
    assert told(bench.tick("99000")) == [
        "algo TRIGGERING",
        "order NEW NEW",
        "account ORDER",
        "order TRADE FILLED",
        "algo TRIGGERED",
        "algo FINISHED",
    ]
    assert (bench.held, status(stop), stop.filled) == (Decimal(0), AlgoStatus.FINISHED, Decimal("0.1"))
    child = bench.exchange.order(ACCOUNT, SYMBOL, client_order_id="guard")
    assert (child.order_id, child.original_type) == (stop.order_id, "STOP_MARKET")


def test_events_are_snapshots(bench: Bench) -> None:
    bench.stop(SELL, "0.1", "99000")
    first = bench.exchange.drain_events()
    bench.tick("98000")
    assert told(first) == ["algo NEW"]


def test_what_would_trigger_at_once_is_refused(bench: Bench) -> None:
    with refused(-2021):
        bench.stop(SELL, "0.1", "100000")
    with refused(-2021):
        bench.stop(SELL, "0.1", "99999", kind=AlgoType.TAKE_PROFIT_MARKET)


def test_the_mark_price_triggers_what_works_on_it(bench: Bench) -> None:
    stop = bench.stop(SELL, "0.1", "99000", working_type=WorkingType.MARK_PRICE)
    bench.tick("98000", mark="99500")
    assert status(stop) is AlgoStatus.NEW
    bench.tick("99500", mark="98900")
    assert status(stop) is AlgoStatus.FINISHED


def test_price_protection_holds_a_trigger_back_while_last_and_mark_differ_wildly(bench: Bench) -> None:
    stop = bench.stop(SELL, "0.1", "99000", price_protect=True)
    bench.tick("80000", mark="100000")
    assert status(stop) is AlgoStatus.NEW
    bench.tick("80000", mark="81000")
    assert status(stop) is AlgoStatus.FINISHED


def test_a_triggered_stop_knocks_resting_rungs_out(bench: Bench) -> None:
    rungs = [bench.limit(SELL, "0.05", price, reduce_only=True) for price in ("101000", "102000")]
    bench.stop(SELL, "0.1", "99000")
    bench.tick("98900")
    assert bench.held == 0
    assert [(rung.status, rung.expiry_reason) for rung in rungs] == [(OrderStatus.EXPIRED, 4)] * 2


def test_a_stop_over_a_part_ends_only_the_rungs_it_has_to(bench: Bench) -> None:
    near = bench.limit(SELL, "0.03", "101000", reduce_only=True)
    far = bench.limit(SELL, "0.07", "102000", reduce_only=True)
    bench.stop(SELL, "0.05", "99000")
    bench.tick("98900")
    assert bench.held == Decimal("0.05")
    assert (near.is_open, far.is_open) == (True, False)


def test_a_stop_that_finds_nothing_to_reduce_is_rejected_at_its_trigger(bench: Bench) -> None:
    stop = bench.stop(SELL, "0.1", "99000")
    bench.market(SELL, "0.1")
    bench.tick("98000")
    assert (stop.status, stop.reason) == (AlgoStatus.REJECTED, "ReduceOnly Order is rejected.")


def test_a_stop_is_cut_to_what_a_filled_rung_has_left(bench: Bench) -> None:
    bench.stop(SELL, "0.1", "99000")
    bench.limit(SELL, "0.04", "101000", reduce_only=True)
    bench.tick("101500")
    assert bench.held == Decimal("0.06")
    bench.tick("98000")
    assert bench.held == 0


def test_close_position_needs_a_position_is_one_of_its_kind_and_expires_with_it(bench: Bench) -> None:
    stop = bench.stop(SELL, None, "99000", close_position=True)
    with refused(-4130):
        bench.stop(SELL, None, "98000", close_position=True)
    bench.stop(SELL, None, "101000", close_position=True, kind=AlgoType.TAKE_PROFIT_MARKET)
    with refused(-4509):
        bench.stop(BUY, None, "101000", close_position=True)
    bench.market(SELL, "0.1")
    assert status(stop) is AlgoStatus.EXPIRED
    assert bench.exchange.open_algo_orders(ACCOUNT) == []


def test_close_position_closes_whatever_there_is(bench: Bench) -> None:
    bench.stop(SELL, None, "99000", close_position=True)
    bench.market(BUY, "0.2")
    bench.tick("98999")
    assert bench.held == 0


def test_a_trailing_stop_follows_the_best_price(bench: Bench) -> None:
    stop = bench.stop(SELL, "0.1", None, kind=AlgoType.TRAILING_STOP_MARKET, callback_rate="1", activate="100500")
    bench.tick("99500")
    assert not stop.activated
    bench.tick("102000")
    assert (stop.activated, stop.price_trigger) == (True, Decimal("100980"))
    bench.tick("101000")
    assert status(stop) is AlgoStatus.NEW
    bench.tick("100980")
    assert status(stop) is AlgoStatus.FINISHED


def test_a_stop_limit_becomes_a_limit_order_that_may_rest(bench: Bench) -> None:
    stop = bench.stop(SELL, "0.1", "99000", kind=AlgoType.STOP, price="98900")
    bench.tick("98000")
    assert status(stop) is AlgoStatus.TRIGGERED
    bench.tick("98950")
    assert (status(stop), stop.price_average, bench.held) == (AlgoStatus.FINISHED, Decimal(98900), Decimal(0))


def test_a_living_client_id_is_taken(bench: Bench) -> None:
    bench.stop(SELL, "0.1", "99000", client_algo_id="guard")
    with refused(-4116):
        bench.stop(SELL, "0.1", "98000", client_algo_id="guard")


def test_cancelling_a_stop_that_has_gone_off_is_refused(bench: Bench) -> None:
    stop = bench.stop(SELL, "0.1", "99000")
    bench.tick("98000")
    with refused(-2011):
        bench.exchange.cancel_algo_order(ACCOUNT, algo_id=stop.algo_id, now_ms=bench.now_ms)


def test_the_audit_sees_every_spell_without_cover(bench: Bench) -> None:
    began_ms = bench.now_ms
    bench.tick("100001")
    stop = bench.stop(SELL, "0.1", "99000")
    first = bench.exchange.uncovered(ACCOUNT)[0]
    assert (first.from_ms, first.until_ms, first.requests_between) == (began_ms, bench.now_ms, 1)
    bench.market(BUY, "0.05")
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms is None, "a stop over a part is no cover"
    bench.market(SELL, "0.05")
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms is not None
    bench.exchange.cancel_algo_order(ACCOUNT, algo_id=stop.algo_id, now_ms=bench.now_ms)
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms is None


def test_the_audit_takes_a_stop_that_closes_as_cover(bench: Bench) -> None:
    bench.stop(SELL, "0.1", "99000")
    before = len(bench.exchange.uncovered(ACCOUNT))
    bench.tick("98000")
    assert len(bench.exchange.uncovered(ACCOUNT)) == before


@pytest.mark.parametrize("kind", [AlgoType.TAKE_PROFIT_MARKET])
def test_a_take_profit_is_no_cover(bench: Bench, kind: AlgoType) -> None:
    bench.stop(SELL, "0.1", "101000", kind=kind)
    assert bench.exchange.uncovered(ACCOUNT)[-1].until_ms is None
