"""Binance's own futures SDK, unmodified, over the wire: REST with its strict models, and the streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_common.errors import BadRequestError
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from binance_sdk_derivatives_trading_usds_futures.rest_api import models

from tests.wire.conftest import Venue

SYMBOL = "BTCUSDC"
EVENT_TIMEOUT_S = 20

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def rest(venue: Venue) -> Any:
    configuration = ConfigurationRestAPI(
        api_key=venue.key, api_secret=venue.secret, base_path=venue.http, timeout=5_000, retries=0
    )
    return DerivativesTradingUsdsFutures(config_rest_api=configuration).rest_api


@pytest.fixture
async def streams(venue: Venue) -> AsyncIterator[Any]:
    configuration = ConfigurationWebSocketStreams(stream_url=venue.ws)
    it = DerivativesTradingUsdsFutures(config_ws_streams=configuration).websocket_streams
    await it.create_connection()
    try:
        yield it
    finally:
        await it.close_connection(close_session=True)


def test_markets_candles_and_brackets_fit_the_sdks_models(rest: Any) -> None:
    info = rest.exchange_information().data()
    assert SYMBOL in [row.symbol for row in info.symbols]
    assert rest.check_server_time().data().server_time > 0
    candles = rest.kline_candlestick_data(SYMBOL, models.KlineCandlestickDataIntervalEnum["INTERVAL_1m"].value).data()
    assert len(candles) == 500
    assert rest.order_book(SYMBOL).data().bids
    assert rest.notional_and_leverage_brackets(SYMBOL).data()


def test_orders_of_every_kind_are_placed_asked_for_and_cancelled(rest: Any) -> None:
    filled = rest.new_order(SYMBOL, "BUY", "MARKET", quantity=0.01, new_order_resp_type="RESULT").data()
    assert filled.status == "FILLED"
    last = float(rest.account_trade_list(SYMBOL).data()[-1].price)
    resting = rest.new_order(
        SYMBOL, "SELL", "LIMIT", time_in_force="GTC", quantity=0.01, price=round(last * 1.03, 1), reduce_only="true"
    ).data()
    assert rest.query_order(SYMBOL, order_id=resting.order_id).data().status == "NEW"
    assert rest.cancel_order(SYMBOL, order_id=resting.order_id).data().status == "CANCELED"
    stop = rest.new_algo_order(
        "CONDITIONAL",
        SYMBOL,
        "SELL",
        "STOP_MARKET",
        quantity=0.01,
        trigger_price=round(last * 0.95, 1),
        reduce_only="true",
        client_algo_id="sdk-stop",
    ).data()
    assert stop.algo_status == "NEW"
    assert rest.query_algo_order(client_algo_id="sdk-stop").data().algo_id == stop.algo_id
    assert stop.algo_id in [row.algo_id for row in rest.current_all_algo_open_orders(symbol=SYMBOL).data()]
    rest.cancel_algo_order(algo_id=stop.algo_id)
    [position] = rest.position_information_v3(SYMBOL).data()
    assert position.position_amt == "0.010"
    closed = rest.new_order(
        SYMBOL, "SELL", "MARKET", quantity=0.01, reduce_only="true", new_order_resp_type="RESULT"
    ).data()
    assert closed.status == "FILLED"
    assert [row for row in rest.account_trade_list(SYMBOL).data() if row.order_id == closed.order_id]
    assert {row.income_type for row in rest.get_income_history().data()} >= {"COMMISSION", "REALIZED_PNL"}


def test_account_and_settings_fit_the_sdks_models(rest: Any) -> None:
    account = rest.account_information_v3().data()
    assert "USDC" in [row.asset for row in account.assets]
    assert rest.futures_account_balance_v3().data()
    assert rest.change_initial_leverage(SYMBOL, 11).data().leverage == 11
    assert rest.symbol_configuration(SYMBOL).data()[0].leverage == 11
    assert rest.user_commission_rate(SYMBOL).data().maker_commission_rate is not None
    assert rest.get_current_position_mode().data().dual_side_position is False


def test_refusals_have_binances_codes(rest: Any) -> None:
    with pytest.raises(BadRequestError) as refused:
        rest.new_order(SYMBOL, "SELL", "MARKET", quantity=0.01, reduce_only="true")
    assert "-2022" in str(vars(refused.value)) or "ReduceOnly" in str(refused.value)


async def test_streams_of_the_market_and_of_the_user(rest: Any, streams: Any) -> None:
    candles: asyncio.Queue[Any] = asyncio.Queue()
    events: asyncio.Queue[Any] = asyncio.Queue()
    candle_stream = await streams.kline_candlestick_streams(symbol=SYMBOL.lower(), interval="1m")
    candle_stream.on("message", candles.put_nowait)
    listen_key = (await asyncio.to_thread(rest.start_user_data_stream)).data().listen_key
    user_stream = await streams.user_data(listen_key)
    user_stream.on("message", events.put_nowait)
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        assert (await candles.get()).s == SYMBOL
        await asyncio.to_thread(rest.new_order, SYMBOL, "BUY", "MARKET", quantity=0.01)
        kinds: list[str] = []
        while not {"OrderTradeUpdate", "AccountUpdate", "TradeLite"} <= set(kinds):
            event = await events.get()
            kinds.append(type(event.actual_instance).__name__)
        await asyncio.to_thread(rest.new_order, SYMBOL, "SELL", "MARKET", quantity=0.01, reduce_only="true")
