"""The account: margin, leverage, funding, liquidation; money is conserved whatever happens."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localbinance.core.order import AlgoType, OrderStatus, PositionSide, Side, TimeInForce
from localbinance.rules.rejection import Rejection
from tests.unit.localbinance.core.bench import ACCOUNT, START_MS, SYMBOL, Bench, told

BUY, SELL = Side.BUY, Side.SELL
HOUR_MS = 3_600_000


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refused(code: int) -> pytest.RaisesExc[Rejection]:
    return pytest.RaisesExc(Rejection, check=lambda no: no.code == code)


def test_margin_is_notional_by_leverage_and_orders_count_with_their_larger_side(bench: Bench) -> None:
    bench.market(BUY, "0.1")
    assert bench.asset.position_initial_margin == 500
    bench.limit(BUY, "0.1", "99000")
    assert bench.asset.open_order_initial_margin == 495
    bench.limit(SELL, "0.1", "101000")
    assert bench.asset.open_order_initial_margin == 495, "the sell order would only make the position smaller"
    unrealized = Decimal("-0.01")
    assert bench.asset.available == bench.wallet + unrealized - 995


def test_raising_the_leverage_frees_margin_and_is_told(bench: Bench) -> None:
    bench.market(BUY, "0.1")
    bench.exchange.drain_events()
    assert bench.exchange.set_leverage(ACCOUNT, SYMBOL, 100, START_MS).notional_max == 500_000
    assert told(bench.exchange.drain_events()) == ["ConfigEvent"]
    assert bench.asset.position_initial_margin == 100
    with refused(-4028):
        bench.exchange.set_leverage(ACCOUNT, SYMBOL, 126, START_MS)


def test_lowering_the_leverage_needs_the_margin(bench: Bench) -> None:
    bench.market(BUY, "1")
    with refused(-2028):
        bench.exchange.set_leverage(ACCOUNT, SYMBOL, 2, START_MS)
    assert bench.exchange.symbol_config(ACCOUNT, SYMBOL).leverage == 20


def test_margin_type_changes_only_when_flat_and_without_orders(bench: Bench) -> None:
    with refused(-4046):
        bench.exchange.set_margin_type(ACCOUNT, SYMBOL, isolated=False, now_ms=START_MS)
    order = bench.limit(BUY, "0.1", "99000")
    with refused(-4047):
        bench.exchange.set_margin_type(ACCOUNT, SYMBOL, isolated=True, now_ms=START_MS)
    bench.exchange.cancel_order(ACCOUNT, SYMBOL, order_id=order.order_id, now_ms=START_MS)
    bench.market(BUY, "0.1")
    with refused(-4048):
        bench.exchange.set_margin_type(ACCOUNT, SYMBOL, isolated=True, now_ms=START_MS)


def test_funding_is_paid_by_who_holds_at_the_instant_and_booked(bench: Bench) -> None:
    bench.market(BUY, "0.1")
    wallet = bench.wallet
    bench.exchange.drain_events()
    events = bench.tick("100000", after_ms=8 * HOUR_MS)
    paid = bench.exchange.funding_history(SYMBOL)[0]
    assert paid.rate == Decimal("0.0001"), "no premium: the interest alone"
    assert bench.wallet - wallet == Decimal(-1)
    assert told(events) == ["account FUNDING_FEE"]
    row = bench.exchange.income(ACCOUNT)[-1]
    assert (row.kind, row.amount, row.symbol) == ("FUNDING_FEE", Decimal(-1), SYMBOL)


def test_cross_liquidation_closes_everything_and_never_leaves_a_debt(bench: Bench) -> None:
    bench.market(BUY, "1.5")
    bench.limit(SELL, "0.5", "104000")
    price = bench.exchange.account_state(ACCOUNT).positions[0].price_liquidation
    assert Decimal(93_000) < price < Decimal(96_000)
    assert "MarginCallEvent" in told(bench.tick(f"{price * Decimal('1.001'):.1f}"))
    assert bench.held == Decimal("1.5")
    events = told(bench.tick("90000"))
    assert bench.held == 0
    assert {"order CALCULATED FILLED", "order CANCELED CANCELED"} <= set(events)
    assert bench.wallet == 0
    assert bench.exchange.open_orders(ACCOUNT) == []


def test_isolated_liquidation_costs_no_more_than_was_set_aside(bench: Bench) -> None:
    bench.exchange.set_margin_type(ACCOUNT, SYMBOL, isolated=True, now_ms=START_MS)
    bench.market(BUY, "0.1")
    aside = bench.exchange.account_state(ACCOUNT).positions[0].isolated_wallet
    wallet = bench.wallet
    bench.tick("90000")
    assert bench.held == 0
    assert bench.wallet == wallet - aside


def test_margin_moves_to_and_from_an_isolated_position(bench: Bench) -> None:
    def move(amount: int, *, add: bool) -> None:
        bench.exchange.change_position_margin(ACCOUNT, SYMBOL, PositionSide.BOTH, Decimal(amount), add, START_MS)

    with refused(-4049):
        move(10, add=True)
    bench.exchange.set_margin_type(ACCOUNT, SYMBOL, isolated=True, now_ms=START_MS)
    with refused(-4054):
        move(10, add=True)
    bench.market(BUY, "0.1")
    move(100, add=True)
    with refused(-4051):
        move(150, add=False)
    move(99, add=False)
    with refused(-4050):
        move(100_000, add=True)


def test_a_deposit_is_a_transfer(bench: Bench) -> None:
    bench.exchange.deposit(ACCOUNT, "USDC", Decimal(50), START_MS)
    assert told(bench.exchange.drain_events()) == ["account DEPOSIT"]
    assert bench.exchange.income(ACCOUNT)[-1].kind == "TRANSFER"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("tick"), st.integers(-300, 300)),
        st.tuples(st.just("market"), st.sampled_from([BUY, SELL]), st.integers(2, 40)),
        st.tuples(st.just("limit"), st.sampled_from([BUY, SELL]), st.integers(2, 40), st.integers(-50, 50)),
        st.tuples(st.just("stop"), st.sampled_from([BUY, SELL]), st.integers(2, 40), st.integers(1, 200)),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("hours"), st.integers(1, 9)),
    ),
    max_size=40,
)


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_money_and_quantities_are_conserved_whatever_is_done(steps: list[tuple[object, ...]]) -> None:
    bench = Bench()
    price = 100_000
    for step in steps:
        try:
            match step:
                case ("tick", int(move)):
                    price += move * 10
                    bench.tick(str(price))
                case ("market", Side() as side, int(size)):
                    bench.market(side, f"0.0{size:02}")
                case ("limit", Side() as side, int(size), int(away)):
                    bench.limit(side, f"0.0{size:02}", str(price + away * 10), time_in_force=TimeInForce.GTC)
                case ("stop", Side() as side, int(size), int(away)):
                    bench.stop(side, f"0.0{size:02}", str(price + side.sign * away * 10), kind=AlgoType.STOP_MARKET)
                case ("cancel", int(number)):
                    for order in bench.exchange.open_orders(ACCOUNT)[number : number + 1]:
                        bench.exchange.cancel_order(ACCOUNT, SYMBOL, order_id=order.order_id, now_ms=bench.now_ms)
                case ("hours", int(hours)):
                    bench.tick(str(price), after_ms=hours * HOUR_MS)
        except Rejection:
            continue
    trades = bench.exchange.trades(ACCOUNT, SYMBOL)
    income = bench.exchange.income(ACCOUNT)
    assert bench.held == sum((trade.side.sign * trade.quantity for trade in trades), Decimal(0))
    assert bench.wallet == 10_000 + sum((row.amount for row in income), Decimal(0))
    realized = sum((row.amount for row in income if row.kind == "REALIZED_PNL"), Decimal(0))
    assert realized == sum((trade.realized_pnl for trade in trades), Decimal(0))
    assert bench.asset.available >= 0
    assert len({row.tran_id for row in income}) == len(income)
    for order in bench.exchange.all_orders(ACCOUNT):
        filled = sum((trade.quantity for trade in trades if trade.order_id == order.order_id), Decimal(0))
        assert order.filled == filled <= order.quantity
        assert order.is_open is (order in bench.exchange.open_orders(ACCOUNT))
        assert (order.filled == order.quantity) is (order.status is OrderStatus.FILLED)
