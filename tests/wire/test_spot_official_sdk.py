"""Binance's own spot SDK, unmodified: REST with its strict models, streams, and user data on the WebSocket API."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError
from binance_sdk_spot.rest_api import models
from binance_sdk_spot.spot import Spot

from tests.wire.conftest import Venue

SYMBOL = "TRUMPUSDC"
EVENT_TIMEOUT_S = 20

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def rest(spot_venue: Venue) -> Any:
    configuration = ConfigurationRestAPI(
        api_key=spot_venue.key, api_secret=spot_venue.secret, base_path=spot_venue.http, timeout=5_000, retries=0
    )
    return Spot(config_rest_api=configuration).rest_api


@pytest.fixture
async def streams(spot_venue: Venue) -> AsyncIterator[Any]:
    configuration = ConfigurationWebSocketStreams(stream_url=f"{spot_venue.ws}/spot")
    it = Spot(config_ws_streams=configuration).websocket_streams
    await it.create_connection()
    try:
        yield it
    finally:
        await it.close_connection(close_session=True)


@pytest.fixture
async def ws_api(spot_venue: Venue) -> AsyncIterator[Any]:
    configuration = ConfigurationWebSocketAPI(
        api_key=spot_venue.key, api_secret=spot_venue.secret, stream_url=f"{spot_venue.ws}/ws-api/v3"
    )
    it = Spot(config_ws_api=configuration).websocket_api
    await it.create_connection()
    try:
        yield it
    finally:
        await it.close_connection(close_session=True)


def test_market_data_fits_the_sdks_models(rest: Any) -> None:
    info = rest.exchange_info(symbol=SYMBOL).data()
    assert info.symbols[0].base_asset == "TRUMP"
    assert rest.time().data().server_time > 0
    assert len(rest.klines(SYMBOL, models.KlinesIntervalEnum["INTERVAL_1m"].value).data()) == 500
    assert rest.depth(SYMBOL).data().bids
    assert rest.avg_price(SYMBOL).data().mins == 5
    assert rest.ticker24hr(symbol=SYMBOL).data()
    assert rest.ticker_book_ticker().data()
    assert rest.get_trades(SYMBOL).data()
    assert rest.agg_trades(SYMBOL).data()


def test_orders_are_placed_asked_for_and_cancelled(rest: Any) -> None:
    filled = rest.new_order(SYMBOL, "BUY", "MARKET", quantity=2.0).data()
    assert filled.status == "FILLED"
    assert filled.fills[0].commission_asset == "TRUMP"
    last = float(filled.fills[0].price)
    resting = rest.new_order(
        SYMBOL, "SELL", "LIMIT", time_in_force="GTC", quantity=1.0, price=round(last * 1.03, 3)
    ).data()
    assert rest.get_order(SYMBOL, order_id=resting.order_id).data().status == "NEW"
    assert [row.order_id for row in rest.get_open_orders(symbol=SYMBOL).data()] == [resting.order_id]
    assert rest.delete_order(SYMBOL, order_id=resting.order_id).data().status == "CANCELED"
    trades = rest.my_trades(SYMBOL, order_id=filled.order_id).data()
    assert {row.commission_asset for row in trades} == {"TRUMP"}
    account = rest.get_account().data()
    assert "USDC" in [row.asset for row in account.balances]
    assert rest.rate_limit_order().data()[0].count is not None
    assert rest.account_commission(SYMBOL).data().standard_commission.taker == "0.00100000"


def test_an_oco_and_a_replacement(rest: Any) -> None:
    last = float(rest.ticker_price(symbol=SYMBOL).data().actual_instance.price)
    placed = rest.order_list_oco(
        SYMBOL,
        "SELL",
        2.0,
        "LIMIT_MAKER",
        "STOP_LOSS_LIMIT",
        above_price=round(last * 1.05, 3),
        below_stop_price=round(last * 0.95, 3),
        below_price=round(last * 0.94, 3),
        below_time_in_force="GTC",
    ).data()
    assert placed.list_order_status == "EXECUTING"
    assert [row.order_list_id for row in rest.open_order_list().data()] == [placed.order_list_id]
    rest.delete_order_list(SYMBOL, order_list_id=placed.order_list_id)
    assert rest.open_order_list().data() == []
    resting = rest.new_order(
        SYMBOL, "SELL", "LIMIT", time_in_force="GTC", quantity=1.0, price=round(last * 1.03, 3)
    ).data()
    replaced = rest.order_cancel_replace(
        SYMBOL,
        "SELL",
        "LIMIT",
        "STOP_ON_FAILURE",
        time_in_force="GTC",
        quantity=1.0,
        price=round(last * 1.04, 3),
        cancel_order_id=resting.order_id,
    ).data()
    assert (replaced.cancel_result, replaced.new_order_result) == ("SUCCESS", "SUCCESS")
    rest.delete_open_orders(SYMBOL)


def test_refusals_have_binances_codes(rest: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        rest.new_order(SYMBOL, "SELL", "MARKET", quantity=8_000.0)
    assert "insufficient balance" in str(refused.value)
    with pytest.raises(BadRequestError) as refused:
        rest.new_order(SYMBOL, "SELL", "LIMIT", time_in_force="GTC", quantity=1.0, price=20_000.0)
    assert "Filter failure: PRICE_FILTER" in str(refused.value)


async def test_streams_of_the_market(streams: Any) -> None:
    candles: asyncio.Queue[Any] = asyncio.Queue()
    trades: asyncio.Queue[Any] = asyncio.Queue()
    (await streams.kline(symbol=SYMBOL.lower(), interval="1m")).on("message", candles.put_nowait)
    (await streams.trade(symbol=SYMBOL.lower())).on("message", trades.put_nowait)
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        assert (await candles.get()).s == SYMBOL
        assert (await trades.get()).s == SYMBOL


async def test_user_data_on_the_websocket_api(ws_api: Any) -> None:
    events: asyncio.Queue[Any] = asyncio.Queue()
    subscribed = await ws_api.user_data_stream_subscribe_signature()
    subscribed.stream.on("message", events.put_nowait)
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        placed = (await ws_api.order_place(SYMBOL, "BUY", "MARKET", quantity=1.0)).data()
        assert placed.result.status == "FILLED"
        kinds: list[str] = []
        while not {"ExecutionReport", "OutboundAccountPosition"} <= set(kinds):
            kinds.append(type((await events.get()).actual_instance).__name__)
