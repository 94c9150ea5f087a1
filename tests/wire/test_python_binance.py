"""python-binance, unmodified, over the wire: futures calls and the user socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException

from tests.wire.conftest import Venue

SYMBOL = "BTCUSDC"
EVENT_TIMEOUT_S = 20

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
async def client(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    monkeypatch.setattr(AsyncClient, "API_URL", f"{venue.http}/api")
    monkeypatch.setattr(AsyncClient, "FUTURES_URL", f"{venue.http}/fapi")
    monkeypatch.setattr(BinanceSocketManager, "STREAM_URL", f"{venue.ws}/")
    monkeypatch.setattr(BinanceSocketManager, "FSTREAM_URL", f"{venue.ws}/")
    it = await AsyncClient.create(venue.key, venue.secret)
    try:
        yield it
        await it.futures_cancel_all_open_orders(symbol=SYMBOL)
        await it.futures_cancel_all_open_orders(symbol=SYMBOL, conditional=True)
    finally:
        await it.close_connection()


async def test_markets_and_candles(client: Any) -> None:
    info = await client.futures_exchange_info()
    assert SYMBOL in [row["symbol"] for row in info["symbols"]]
    candles = await client.futures_klines(symbol=SYMBOL, interval="5m", limit=100)
    assert len(candles) == 100
    assert float((await client.futures_mark_price(symbol=SYMBOL))["markPrice"]) > 0


async def test_account_balance_and_positions(client: Any) -> None:
    balance = {row["asset"]: row for row in await client.futures_account_balance()}
    assert float(balance["USDC"]["availableBalance"]) > 0
    account = await client.futures_account()
    assert "USDC" in [row["asset"] for row in account["assets"]]
    assert isinstance(await client.futures_position_information(), list)


async def test_orders_are_placed_asked_for_and_cancelled(client: Any) -> None:
    filled = await client.futures_create_order(
        symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.010", newOrderRespType="RESULT"
    )
    assert filled["status"] == "FILLED"
    last = float((await client.futures_symbol_ticker(symbol=SYMBOL))["price"])
    resting = await client.futures_create_order(
        symbol=SYMBOL,
        side="SELL",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.010",
        price=f"{last * 1.03:.1f}",
        reduceOnly=True,
    )
    found = await client.futures_get_order(symbol=SYMBOL, orderId=resting["orderId"])
    assert (found["status"], found["reduceOnly"]) == ("NEW", True)
    cancelled = await client.futures_cancel_order(symbol=SYMBOL, orderId=resting["orderId"])
    assert cancelled["status"] == "CANCELED"
    stop = await client.futures_create_order(
        symbol=SYMBOL, side="SELL", type="STOP_MARKET", stopPrice=f"{last * 0.95:.1f}", closePosition=True
    )
    assert stop["algoStatus"] == "NEW"
    assert [row["algoId"] for row in await client.futures_get_open_orders(symbol=SYMBOL, conditional=True)] == [
        stop["algoId"]
    ]
    await client.futures_cancel_order(symbol=SYMBOL, algoId=stop["algoId"], conditional=True)
    closed = await client.futures_create_order(
        symbol=SYMBOL, side="SELL", type="MARKET", quantity="0.010", reduceOnly=True, newOrderRespType="RESULT"
    )
    assert closed["status"] == "FILLED"
    rows = await client.futures_income_history(symbol=SYMBOL)
    assert {"COMMISSION", "REALIZED_PNL"} <= {row["incomeType"] for row in rows}


async def test_refusals_have_binances_codes(client: Any) -> None:
    with pytest.raises(BinanceAPIException) as refused:
        await client.futures_create_order(symbol=SYMBOL, side="SELL", type="MARKET", quantity="0.01", reduceOnly=True)
    assert refused.value.code == -2022
    with pytest.raises(BinanceAPIException) as refused:
        await client.futures_create_order(symbol="NOPEUSDC", side="SELL", type="MARKET", quantity="0.01")
    assert refused.value.code == -1121


async def test_the_user_socket_tells_fills(client: Any) -> None:
    sockets = BinanceSocketManager(client)
    async with asyncio.timeout(EVENT_TIMEOUT_S), sockets.futures_user_socket() as socket:
        await client.futures_create_order(symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.010")
        kinds = []
        while "FILLED" not in kinds:
            frame = await socket.recv()
            kinds.append(frame["o"]["X"] if frame["e"] == "ORDER_TRADE_UPDATE" else frame["e"])
        assert {"NEW", "ACCOUNT_UPDATE", "TRADE_LITE"} <= set(kinds)
        await client.futures_create_order(symbol=SYMBOL, side="SELL", type="MARKET", quantity="0.010", reduceOnly=True)


async def test_the_candle_socket(client: Any) -> None:
    sockets = BinanceSocketManager(client)
    async with asyncio.timeout(EVENT_TIMEOUT_S), sockets.kline_futures_socket(SYMBOL, interval="1m") as socket:
        frame = await socket.recv()
    assert frame["e"] == "continuous_kline"
