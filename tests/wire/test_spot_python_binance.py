"""python-binance, unmodified, on spot: REST, the candle socket, and the user socket on the WebSocket API."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException

from tests.wire.conftest import Venue

SYMBOL = "TRUMPUSDC"
EVENT_TIMEOUT_S = 20

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
async def client(spot_venue: Venue, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    monkeypatch.setattr(AsyncClient, "API_URL", f"{spot_venue.http}/api")
    monkeypatch.setattr(AsyncClient, "MARGIN_API_URL", f"{spot_venue.http}/sapi")
    monkeypatch.setattr(AsyncClient, "WS_API_URL", f"{spot_venue.ws}/ws-api/v3")
    monkeypatch.setattr(BinanceSocketManager, "STREAM_URL", f"{spot_venue.ws}/spot/")
    it = await AsyncClient.create(spot_venue.key, spot_venue.secret)
    try:
        yield it
        for order in await it.get_open_orders(symbol=SYMBOL):
            await it.cancel_order(symbol=SYMBOL, orderId=order["orderId"])
    finally:
        await it.close_connection()


async def test_market_data(client: Any) -> None:
    info = await client.get_symbol_info(SYMBOL)
    assert {each["filterType"] for each in info["filters"]} >= {"PRICE_FILTER", "LOT_SIZE", "NOTIONAL"}
    assert len(await client.get_klines(symbol=SYMBOL, interval="1m", limit=7)) == 7
    assert float((await client.get_symbol_ticker(symbol=SYMBOL))["price"]) > 0
    assert len(await client.get_orderbook_tickers()) >= 20
    assert float((await client.get_avg_price(symbol=SYMBOL))["price"]) > 0
    assert (await client.get_order_book(symbol=SYMBOL))["bids"]
    assert await client.get_recent_trades(symbol=SYMBOL)
    assert await client.get_aggregate_trades(symbol=SYMBOL)


async def test_the_account_and_its_key(client: Any) -> None:
    balances = {row["asset"]: row for row in (await client.get_account())["balances"]}
    assert float(balances["USDC"]["free"]) > 0
    assert (await client.get_asset_balance("TRUMP"))["asset"] == "TRUMP"
    restrictions = await client.get_account_api_permissions()
    assert (restrictions["enableSpotAndMarginTrading"], restrictions["enableWithdrawals"]) == (True, False)
    assert await client.get_trade_fee(symbol=SYMBOL)
    assert [row["rateLimitType"] for row in await client.get_current_order_count()] == ["ORDERS", "ORDERS"]


async def test_orders_and_trades(client: Any) -> None:
    bought = await client.order_market_buy(symbol=SYMBOL, quantity="2", newClientOrderId="by-me")
    assert (bought["status"], bought["clientOrderId"]) == ("FILLED", "by-me")
    assert sum(float(fill["qty"]) for fill in bought["fills"]) == 2
    last = float(bought["fills"][-1]["price"])
    resting = await client.order_limit_sell(symbol=SYMBOL, quantity="1.998", price=f"{last * 1.01:.3f}")
    assert (await client.get_order(symbol=SYMBOL, orderId=resting["orderId"]))["status"] == "NEW"
    assert [row["orderId"] for row in await client.get_open_orders(symbol=SYMBOL)] == [resting["orderId"]]
    cancelled = await client.cancel_order(symbol=SYMBOL, orderId=resting["orderId"])
    assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", resting["clientOrderId"])
    trades = await client.get_my_trades(symbol=SYMBOL, orderId=bought["orderId"])
    assert {row["commissionAsset"] for row in trades} == {"TRUMP"}
    assert await client.get_my_trades(symbol=SYMBOL, startTime=trades[0]["time"])
    orders = await client.get_all_orders(symbol=SYMBOL)
    assert [row["status"] for row in orders[-2:]] == ["FILLED", "CANCELED"]
    await client.create_test_order(symbol=SYMBOL, side="SELL", type="MARKET", quantity="1")


async def test_an_oco(client: Any) -> None:
    last = float((await client.get_symbol_ticker(symbol=SYMBOL))["price"])
    placed = await client.create_oco_order(
        symbol=SYMBOL,
        side="SELL",
        quantity="2",
        aboveType="LIMIT_MAKER",
        abovePrice=f"{last * 1.05:.3f}",
        belowType="STOP_LOSS_LIMIT",
        belowStopPrice=f"{last * 0.95:.3f}",
        belowPrice=f"{last * 0.94:.3f}",
        belowTimeInForce="GTC",
    )
    assert placed["listOrderStatus"] == "EXECUTING"
    assert len(await client.get_open_orders(symbol=SYMBOL)) == 2
    await client.cancel_order(symbol=SYMBOL, orderId=placed["orders"][0]["orderId"])
    assert await client.get_open_orders(symbol=SYMBOL) == []


async def test_refusals_have_binances_codes(client: Any) -> None:
    for code, order in (
        (-2010, {"side": "SELL", "type": "MARKET", "quantity": "8000"}),
        (-1013, {"side": "SELL", "type": "MARKET", "quantity": "0.0001"}),
        (-1102, {"side": "SELL", "type": "LIMIT", "quantity": "1", "timeInForce": "GTC"}),
        (-1116, {"side": "SELL", "type": "NOPE", "quantity": "1"}),
    ):
        with pytest.raises(BinanceAPIException) as refused:
            await client.create_order(symbol=SYMBOL, **order)
        assert refused.value.code == code
    for code, name in ((-1121, "NOPEUSDC"), (-2013, SYMBOL)):
        with pytest.raises(BinanceAPIException) as refused:
            await client.get_order(symbol=name, orderId=1)
        assert refused.value.code == code


async def test_the_user_socket_tells_fills_and_balances(client: Any) -> None:
    async with asyncio.timeout(EVENT_TIMEOUT_S), BinanceSocketManager(client).user_socket() as socket:
        await client.order_market_buy(symbol=SYMBOL, quantity="1")
        told: list[str] = []
        while "TRADE FILLED" not in told or "outboundAccountPosition" not in told[told.index("TRADE FILLED") :]:
            frame = await socket.recv()
            told.append(f"{frame['x']} {frame['X']}" if frame["e"] == "executionReport" else frame["e"])
        assert told[0] == "NEW NEW"


async def test_an_order_over_the_websocket_api(client: Any) -> None:
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        order = await client.ws_order_market_buy(symbol=SYMBOL, quantity="1")
        assert order["status"] == "FILLED"
        assert (await client.ws_get_account())["accountType"] == "SPOT"


async def test_the_candle_socket(client: Any) -> None:
    sockets = BinanceSocketManager(client)
    async with asyncio.timeout(EVENT_TIMEOUT_S), sockets.kline_socket(SYMBOL, interval="1m") as socket:
        frame = await socket.recv()
    assert (frame["e"], frame["s"], frame["k"]["i"]) == ("kline", SYMBOL, "1m")
