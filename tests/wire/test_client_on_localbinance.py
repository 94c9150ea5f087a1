"""The trader's own client on a running localbinance: what a wrong key or a broken filter looks like to its user."""

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from itertools import pairwise

import pytest

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.candle import Timeframe
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.listing import TRADING
from ratchet.domain.money import floor_to
from ratchet.domain.order import LimitOrder, MarketOrder, OrderStatus, Side, StopOrder, StopStatus
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BOOK_LEVELS, BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import Rejected
from tests.wire.conftest import Venue

SYMBOL = Symbol("SOLUSDC")


def settings_for(venue: Venue, *, key: str | None = None, secret: str | None = None) -> ExchangeSettings:
    return ExchangeSettings(
        http_url=venue.http,
        ws_url=venue.ws,
        api_key=key or venue.key,
        api_secret=secret or venue.secret,
        rate_limit=False,
    )


@pytest.fixture
async def client(venue: Venue) -> AsyncIterator[BinanceClient]:
    async with BinanceClient(settings_for(venue), SystemClock()) as it:
        yield it


async def test_a_wrong_key_or_secret_gets_one_clear_line_without_either(venue: Venue) -> None:
    for key, secret, code in (("wrong-key", None, -2015), (None, "wrong-secret", -1022)):
        async with BinanceClient(settings_for(venue, key=key, secret=secret), SystemClock()) as client:
            with pytest.raises(Rejected) as refused:
                await client.fetch_balance()
        assert refused.value.code == code
        said = str(refused.value)
        assert "\n" not in said
        assert not [word for word in ("wrong-key", "wrong-secret", venue.key, venue.secret) if word in said]


async def test_a_position_is_opened_protected_and_closed(client: BinanceClient) -> None:
    began_ms = int(time.time() * 1_000) - 1_000
    rules = (await client.load_rules())[SYMBOL]
    await client.use_one_way_mode()
    await client.use_cross_margin(SYMBOL)
    await client.set_leverage(SYMBOL, 6)
    last = (await client.fetch_tickers())[SYMBOL].last
    quantity = Decimal("0.50")

    def name(role: str) -> ClientOrderId:
        return ClientOrderId(f"rt-wire-{role}-{began_ms}")

    entry = MarketOrder(client_order_id=name("entry"), symbol=SYMBOL, side=Side.BUY, quantity=quantity)
    assert (await client.place(entry)).status is OrderStatus.FILLED
    stop = StopOrder(
        client_order_id=name("stop"),
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=quantity,
        price_trigger=floor_to(last * Decimal("0.9"), rules.price_tick),
    )
    assert (await client.place_stop(stop)).status is StopStatus.NEW
    rung = LimitOrder(
        client_order_id=name("rung"),
        symbol=SYMBOL,
        side=Side.SELL,
        quantity=quantity,
        price=floor_to(last * Decimal("1.04"), rules.price_tick),
        reduce_only=True,
        post_only=True,
    )
    assert (await client.place(rung)).status is OrderStatus.NEW
    assert [order.client_order_id for order in await client.fetch_open_orders(SYMBOL)] == [rung.client_order_id]
    assert [each.client_order_id for each in await client.fetch_open_stops(SYMBOL)] == [stop.client_order_id]
    [position] = [each for each in await client.fetch_positions() if each.symbol == SYMBOL]
    assert position.quantity_signed == quantity
    await client.cancel_all(SYMBOL)
    close = MarketOrder(
        client_order_id=name("close"), symbol=SYMBOL, side=Side.SELL, quantity=quantity, reduce_only=True
    )
    assert (await client.place(close)).status is OrderStatus.FILLED
    assert await client.cancel_stop(SYMBOL, stop.client_order_id)
    assert not await client.cancel_stop(SYMBOL, stop.client_order_id)
    assert await client.fetch_order(SYMBOL, ClientOrderId("rt-never")) is None
    assert await client.fetch_stop(SYMBOL, ClientOrderId("rt-never")) is None
    fills = await client.fetch_fills(SYMBOL, since_ms=began_ms)
    assert sum(fill.side.sign * fill.quantity for fill in fills) == 0
    income = await client.fetch_income(since_ms=began_ms)
    booked = sum(row.amount for row in income if row.symbol == SYMBOL)
    assert booked == sum(fill.realized_pnl - fill.fee for fill in fills)


async def test_candles_are_closed_ones_on_the_grid(client: BinanceClient) -> None:
    candles = await client.fetch_candles(SYMBOL, Timeframe("5m"), limit=150)
    assert len(candles) == 150
    assert {candle.open_ms % 300_000 for candle in candles} == {0}
    assert candles[-1].open_ms + 300_000 <= int(time.time() * 1_000)


async def test_the_market_is_told_in_the_words_of_the_domain(client: BinanceClient) -> None:
    now_ms = await client.fetch_time_ms()
    listing = (await client.fetch_listings())[SYMBOL]
    assert listing.status == TRADING
    assert listing.onboard_ms < now_ms < listing.delivery_ms

    funding = (await client.fetch_funding())[SYMBOL]
    assert abs(funding.rate) < 1
    assert now_ms < funding.next_ms <= now_ms + 8 * 3_600_000

    top, book = (await client.fetch_book_tops())[SYMBOL], await client.fetch_order_book(SYMBOL)
    for each in (top, book):
        assert each.mid is not None
        assert each.spread_fraction is not None
        assert 0 < each.spread_fraction < Decimal("0.01")
    assert len(top.bids) == len(top.asks) == 1
    assert len(book.bids) == len(book.asks) == BOOK_LEVELS
    assert [level.price for level in book.bids] == sorted((level.price for level in book.bids), reverse=True)
    assert [level.price for level in book.asks] == sorted(level.price for level in book.asks)
    assert book.depth_quote(Decimal("0.001")) > top.depth_quote(Decimal("0.001")) > 0

    brackets = (await client.fetch_margin_brackets())[SYMBOL]
    assert brackets[0].notional_floor == 0
    assert [each.notional_cap for each in brackets[:-1]] == [each.notional_floor for each in brackets[1:]]
    for step, after in pairwise(brackets):
        assert step.leverage_max > after.leverage_max
        at = step.notional_cap  # the two formulas meet where one step ends and the next begins
        assert at * step.maintenance_rate - step.maintenance_deduction == (
            at * after.maintenance_rate - after.maintenance_deduction
        )
