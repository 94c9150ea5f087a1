"""Whatever is done to an account, in whatever order: its books add up."""

from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from localbinance.core.act import (
    CapLeverage,
    CoreAct,
    FillSlowly,
    ForeignCancel,
    ForeignClose,
    ForeignOrder,
    Liquidate,
    PayFunding,
    RefuseTrigger,
    Settle,
    StickTrigger,
    Thin,
)
from localbinance.core.exchange import Exchange
from localbinance.core.order import (
    AlgoRequest,
    AlgoStatus,
    AlgoType,
    OrderRequest,
    OrderType,
    PositionSide,
    Side,
    TimeInForce,
)
from localbinance.core.tick import Tick
from localbinance.market.disturbed import moved
from localbinance.rules.market_rules import load_market_rules
from localbinance.rules.rejection import Rejection

RULES = load_market_rules()
START_MS = 1_750_000_000_000
ACCOUNT, OPENING = "key", Decimal(10_000)
PRICES = {"BTCUSDC": Decimal(100_000), "ETHUSDC": Decimal(4_000)}
UNITS = {"BTCUSDC": Decimal("0.01"), "ETHUSDC": Decimal("0.25")}
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Move:
    """The price of a symbol goes to so much of what it was at the start."""

    symbol: str
    factor: Decimal


@dataclass(frozen=True, slots=True)
class Transfer:
    amount: Decimal


Deed: TypeAlias = Move | Transfer | OrderRequest | AlgoRequest | CoreAct

symbols = st.sampled_from(sorted(PRICES))
sides = st.sampled_from(Side)
factors = st.integers(-30, 30).map(lambda each: 1 + Decimal(each) / 1_000)
jumps = st.integers(-30, 30).map(lambda each: 1 + Decimal(each) / 100)
counts = st.integers(1, 8)


def tick_of(symbol: str, factor: Decimal, at_ms: int) -> Tick:
    price = PRICES[symbol]
    plain = Tick(symbol, at_ms, price, Decimal(1), price + 1, Decimal(1), price, Decimal(3), 2, True, price, price)
    return moved(plain, factor, RULES.symbols[symbol])


def do(exchange: Exchange, deed: Deed, now_ms: int) -> None:
    match deed:
        case Move():
            exchange.on_tick(tick_of(deed.symbol, deed.factor, now_ms))
        case Transfer():
            exchange.deposit(ACCOUNT, "USDC", deed.amount, now_ms)
        case OrderRequest():
            exchange.place_order(ACCOUNT, deed, now_ms)
        case AlgoRequest():
            exchange.place_algo_order(ACCOUNT, deed, now_ms)
        case _:
            exchange.interfere(ACCOUNT, deed, now_ms)


@st.composite
def orders(draw: st.DrawFn) -> OrderRequest:
    symbol = draw(symbols)
    is_market = draw(st.booleans())
    price = (PRICES[symbol] * draw(factors)).quantize(Decimal(1))
    return OrderRequest(
        symbol=symbol,
        side=draw(sides),
        type=OrderType.MARKET if is_market else OrderType.LIMIT,
        quantity=UNITS[symbol] * draw(counts),
        price=None if is_market else price,
        time_in_force=None if is_market else draw(st.sampled_from((TimeInForce.GTC, TimeInForce.IOC, TimeInForce.GTX))),
        reduce_only=draw(st.booleans()),
        client_order_id=draw(st.sampled_from((None, "one", "two"))),
    )


@st.composite
def stops(draw: st.DrawFn) -> AlgoRequest:
    symbol, is_close = draw(symbols), draw(st.booleans())
    return AlgoRequest(
        symbol=symbol,
        side=draw(sides),
        type=draw(st.sampled_from((AlgoType.STOP_MARKET, AlgoType.TAKE_PROFIT_MARKET))),
        quantity=None if is_close else UNITS[symbol] * draw(counts),
        price_trigger=(PRICES[symbol] * draw(factors)).quantize(Decimal(1)),
        reduce_only=not is_close,
        close_position=is_close,
    )


def acts() -> st.SearchStrategy[CoreAct]:
    stages = st.sampled_from(("TRIGGERING", "TRIGGERED"))
    quantities = st.one_of(st.none(), st.integers(0, 6).map(lambda each: Decimal(each) / 100))
    rates = st.integers(-20, 20).map(lambda each: Decimal(each) / 1_000)
    return st.one_of(
        st.builds(Thin, symbol=symbols, quantity=quantities),
        st.builds(FillSlowly, symbol=symbols, parts=st.integers(1, 4), over_ms=st.integers(0, 4_000)),
        st.builds(RefuseTrigger, times=st.just(1), reason=st.just("no")),
        st.builds(StickTrigger, for_ms=st.integers(1, 4_000), times=st.just(1), stage=stages, symbol=st.just("")),
        st.builds(Liquidate, asset=st.just("")),
        st.builds(ForeignOrder, order=orders()),
        st.builds(ForeignClose, symbol=symbols),
        st.builds(ForeignCancel, client_id=st.sampled_from(("one", "two"))),
        st.builds(PayFunding, symbol=symbols, rate=rates),
        st.builds(CapLeverage, symbol=symbols, leverage=st.integers(5, 20)),
        st.builds(Settle, symbol=st.just("ETHUSDC"), delivery_ms=st.just(START_MS + 12_000)),
    )


def check_books(exchange: Exchange) -> None:
    state = exchange.account_state(ACCOUNT)
    wallet = next(asset.wallet for asset in state.assets if asset.asset == "USDC")
    assert sum((row.amount for row in exchange.income(ACCOUNT)), ZERO) == wallet - OPENING
    held = {slot.symbol: slot.quantity_signed for slot in state.positions if slot.position_side is PositionSide.BOTH}
    for symbol in PRICES:
        trades = exchange.trades(ACCOUNT, symbol)
        assert sum((trade.side.sign * trade.quantity for trade in trades), ZERO) == held.get(symbol, ZERO)
        for order in exchange.all_orders(ACCOUNT, symbol):
            filled = sum((trade.quantity for trade in trades if trade.order_id == order.order_id), ZERO)
            assert filled == order.filled <= order.quantity
            assert order.is_open is (order in exchange.open_orders(ACCOUNT, symbol))
        waiting = exchange.open_algo_orders(ACCOUNT, symbol)
        assert all(
            (algo in waiting) is (algo.status is AlgoStatus.NEW) for algo in exchange.all_algo_orders(ACCOUNT, symbol)
        )
        lasting = [spell for spell in exchange.uncovered(ACCOUNT) if spell.symbol == symbol and spell.until_ms is None]
        assert held.get(symbol, ZERO) or not lasting, "what is not held is not uncovered"


moves = st.builds(Move, symbols, st.one_of(factors, jumps))
transfers = st.builds(Transfer, st.integers(-3_000, 3_000).map(Decimal))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(moves, orders(), orders(), stops(), acts(), acts(), transfers), min_size=5, max_size=40))
def test_wallet_and_positions_are_the_sum_of_what_was_booked(deeds: list[Deed]) -> None:
    exchange, now_ms = Exchange(RULES), START_MS
    exchange.open_account(ACCOUNT, {"USDC": OPENING}, now_ms)
    for symbol in PRICES:
        exchange.on_tick(tick_of(symbol, Decimal(1), now_ms))
    for deed in deeds:
        now_ms += 1_000
        with suppress(Rejection):
            do(exchange, deed, now_ms)
        exchange.on_time(now_ms)
        check_books(exchange)
    exchange.on_time(now_ms + 20_000)  # whatever is stuck, slow or to be delivered comes to its end
    check_books(exchange)
    algos = [algo for symbol in PRICES for algo in exchange.all_algo_orders(ACCOUNT, symbol)]
    assert not [algo for algo in algos if algo.status is AlgoStatus.TRIGGERING]
    assert not [order for order in exchange.open_orders(ACCOUNT) if order.type is OrderType.MARKET]
