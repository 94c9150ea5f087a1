"""The pure core: how many events of a market day it works through in a second, and how many orders."""

import time
from decimal import Decimal

from benchmarks.figure import Figure
from localbinance.core.exchange import Exchange
from localbinance.core.order import AlgoRequest, AlgoType, OrderRequest, OrderType, Side
from localbinance.core.tick import Tick
from localbinance.market.synthetic import SyntheticMarket
from localbinance.rules.market_rules import load_market_rules

START_MS = 1_750_003_200_000
SYMBOLS = 35
HOURS = 3
ORDERS = 20_000
ORDER_EVERY = 100  # ticks
ACCOUNT = "bench"


async def measure() -> list[Figure]:
    """35 symbols for three hours; every hundredth event is an order of an account that holds positions under stops."""
    ticks = _ticks()
    return [
        Figure("core: market events, nobody trades", _rate(ticks, trading=False), True),
        Figure("core: market events and 1 % orders, positions open", _rate(ticks, trading=True), True, "≥ 100,000 /s"),
        Figure("core: market orders alone", _orders(ticks), True),
    ]


def _ticks() -> list[Tick]:
    rules = load_market_rules().symbols
    tradable = [name for name, each in rules.items() if each.quote_asset == "USDC" and each.status == "TRADING"]
    market = SyntheticMarket(tradable[:SYMBOLS], seed=1, start_ms=START_MS, rules=rules, history_days=1)
    return list(market.advance(START_MS + HOURS * 3_600_000))


def _exchange(ticks: list[Tick]) -> Exchange:
    exchange = Exchange(load_market_rules())
    exchange.open_account(ACCOUNT, {"USDC": Decimal(10_000_000)}, START_MS)
    for tick in ticks[:SYMBOLS]:
        exchange.on_tick(tick)
    return exchange


def _order(tick: Tick, side: Side) -> OrderRequest:
    step = tick.quantity if tick.quantity else tick.bid_quantity
    quantity = min(step, tick.bid_quantity)
    return OrderRequest(symbol=tick.symbol, side=side, type=OrderType.MARKET, quantity=quantity)


def _hold(exchange: Exchange, tick: Tick) -> None:
    """A position with a stop far away."""
    order = exchange.place_order(ACCOUNT, _order(tick, Side.BUY), tick.time_ms)
    stop = AlgoRequest(
        symbol=tick.symbol,
        side=Side.SELL,
        type=AlgoType.STOP_MARKET,
        quantity=order.quantity,
        price_trigger=tick.last / 2,
        reduce_only=True,
    )
    exchange.place_algo_order(ACCOUNT, stop, tick.time_ms)


def _rate(ticks: list[Tick], *, trading: bool) -> float:
    exchange = _exchange(ticks)
    if trading:
        for tick in ticks[:3]:
            _hold(exchange, tick)
    done = len(ticks)
    began = time.perf_counter()
    for number, tick in enumerate(ticks[SYMBOLS:]):
        exchange.on_tick(tick)
        if trading and number % ORDER_EVERY == 0:
            side = Side.BUY if number // ORDER_EVERY % 2 else Side.SELL
            exchange.place_order(ACCOUNT, _order(ticks[3], side), tick.time_ms)
            exchange.drain_events()
            done += 1
    return done / (time.perf_counter() - began)


def _orders(ticks: list[Tick]) -> float:
    exchange, tick = _exchange(ticks), ticks[0]
    began = time.perf_counter()
    for number in range(ORDERS):
        exchange.place_order(ACCOUNT, _order(tick, Side.BUY if number % 2 else Side.SELL), tick.time_ms)
        if number % 10 == 0:
            exchange.on_tick(tick)
            exchange.drain_events()
    return ORDERS / (time.perf_counter() - began)
