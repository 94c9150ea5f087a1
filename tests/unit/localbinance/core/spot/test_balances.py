"""Whatever is traded, cancelled or withdrawn: no money is made or lost, and nothing is ever below 0."""

from collections import defaultdict
from decimal import Decimal
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from localbinance.core.order import OrderStatus, Side, TimeInForce
from localbinance.core.spot.act import SpotWithdraw
from localbinance.core.spot.order import OcoRequest, SpotRequest, SpotType
from localbinance.rules.rejection import Rejection
from tests.unit.localbinance.core.spot.bench import ACCOUNT, SYMBOL, SpotBench

ASSETS = ("USDC", "TRUMP", "BNB")
Deed: TypeAlias = tuple[str, int, int, int, int]


def price_of(thousandths: int) -> Decimal:
    return 30 + Decimal(thousandths) / 1_000


def request_of(kind: SpotType, number: int, quantity: Decimal, offset: int) -> SpotRequest:
    side = Side.BUY if number % 2 else Side.SELL
    price = price_of(offset)
    return SpotRequest(
        symbol=SYMBOL,
        side=side,
        type=kind,
        quantity=quantity,
        price=price if kind.has_price else None,
        price_stop=price_of(-offset) if kind.has_stop else None,
        time_in_force=tuple(TimeInForce)[number % 3] if kind.has_time_in_force else None,
    )


def oco_of(number: int, quantity: Decimal, offset: int) -> OcoRequest:
    side = Side.BUY if number % 2 else Side.SELL
    away = Decimal(abs(offset) + 3) / 1_000

    def leg(kind: SpotType, price: Decimal) -> SpotRequest:
        return SpotRequest(
            symbol=SYMBOL,
            side=side,
            type=kind,
            quantity=quantity,
            price=price,
            price_stop=price if kind.has_stop else None,
            time_in_force=TimeInForce.GTC if kind.has_time_in_force else None,
        )

    kinds = (SpotType.LIMIT_MAKER, SpotType.STOP_LOSS_LIMIT)
    above, below = kinds if side is Side.SELL else reversed(kinds)
    return OcoRequest(above=leg(above, 30 + away), below=leg(below, 30 - away))


def do(bench: SpotBench, deed: Deed) -> None:
    what, number, size, offset, touch = deed
    quantity = Decimal(size) / 1_000
    match what:
        case "tick":
            traded = str(quantity) if number % 2 else "0"
            bench.tick(price_of(offset), quantity=traded, touch=str(Decimal(touch) / 1_000))
        case "cancel":
            orders = bench.exchange.open_orders(ACCOUNT)
            if orders:
                bench.cancel(orders[number % len(orders)])
        case "withdraw":
            asset = ASSETS[number % 3]
            amount = min(quantity, bench.free(asset))
            bench.exchange.interfere(ACCOUNT, SpotWithdraw(asset=asset, amount=amount), bench.now_ms)
        case "spend":
            side = Side.BUY if number % 2 else Side.SELL
            request = SpotRequest(symbol=SYMBOL, side=side, type=SpotType.MARKET, quote_quantity=quantity * 30)
            bench.place(request)
        case "oco":
            bench.exchange.place_oco(ACCOUNT, oco_of(number, quantity, offset), bench.now_ms)
        case _:
            bench.place(request_of(SpotType(what), number, quantity, offset))


deeds = st.lists(
    st.tuples(
        st.sampled_from((*SpotType, "tick", "tick", "tick", "cancel", "withdraw", "spend", "oco")),
        st.integers(0, 99),
        st.integers(150, 20_000),
        st.integers(-1_500, 1_500),
        st.integers(1, 30_000),
    ),
    max_size=60,
)


@given(deeds=deeds, bnb=st.sampled_from(("0", "0.0001", "2")))
@settings(max_examples=300, deadline=None)
def test_money_is_conserved_to_the_last_place(deeds: list[Deed], bnb: str) -> None:
    bench = SpotBench(bnb=bnb)
    want: dict[str, Decimal] = defaultdict(Decimal, {"USDC": Decimal(1_000), "TRUMP": Decimal(10), "BNB": Decimal(bnb)})
    for deed in deeds:
        withdrawn = min(Decimal(deed[2]) / 1_000, bench.free(ASSETS[deed[1] % 3]))
        try:
            do(bench, deed)
        except Rejection:
            continue
        if deed[0] == "withdraw":
            want[ASSETS[deed[1] % 3]] -= withdrawn
    for trade in bench.exchange.trades(ACCOUNT, SYMBOL):
        assert trade.quote == trade.price * trade.quantity
        want["TRUMP"] += trade.side.sign * trade.quantity
        want["USDC"] -= trade.side.sign * trade.quote
        want[trade.fee_asset] -= trade.fee
    for asset in ASSETS:
        assert bench.free(asset) + bench.locked(asset) == want[asset]


@given(deeds=deeds)
@settings(max_examples=300, deadline=None)
def test_nothing_is_below_zero_and_what_is_locked_is_what_open_orders_need(deeds: list[Deed]) -> None:
    bench = SpotBench(bnb="0.01")
    for deed in deeds:
        try:
            do(bench, deed)
        except Rejection:
            continue
        locks = {id(order.lock): order.lock for order in bench.exchange.open_orders(ACCOUNT)}
        for asset in ASSETS:
            assert bench.free(asset) >= 0
            assert bench.locked(asset) == sum(lock.amount for lock in locks.values() if lock.asset == asset)
        for order in bench.exchange.open_orders(ACCOUNT):
            assert order.side is Side.BUY or order.lock.amount == order.remaining


@given(deeds=deeds)
@settings(max_examples=300, deadline=None)
def test_of_an_oco_at_most_one_order_is_ever_filled(deeds: list[Deed]) -> None:
    bench = SpotBench()
    for deed in deeds:
        try:
            do(bench, deed)
        except Rejection:
            continue
    for placed in bench.exchange.lists(ACCOUNT):
        assert sum(order.filled > 0 for order in placed.orders) <= 1
        assert placed.is_open is any(order.is_open for order in placed.orders)


@given(deeds=deeds)
@settings(max_examples=200, deadline=None)
def test_the_fills_of_an_order_are_what_it_says_of_itself(deeds: list[Deed]) -> None:
    bench = SpotBench()
    for deed in deeds:
        try:
            do(bench, deed)
        except Rejection:
            continue
    for order in bench.exchange.all_orders(ACCOUNT, SYMBOL):
        fills = bench.exchange.trades_of(order)
        assert sum(fill.quantity for fill in fills) == order.filled <= order.quantity
        assert sum(fill.quote for fill in fills) == order.filled_quote
        assert (order.status is OrderStatus.FILLED) is (order.filled == order.quantity)
        if order.quote_quantity:
            assert order.filled_quote <= order.quote_quantity
