"""ccxt, unmodified, on spot: REST and, with ccxt.pro, the streams and the WebSocket API."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import ccxt
import ccxt.pro
import pytest

from tests.wire.conftest import Venue

SYMBOL = "TRUMP/USDC"
EVENT_TIMEOUT_S = 20

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def addresses(venue: Venue) -> dict[str, Any]:
    """ccxt's `urls`, as `localbinance serve` prints them."""
    return {
        "api": {
            **dict.fromkeys(("public", "private"), f"{venue.http}/api/v3"),
            "sapi": f"{venue.http}/sapi/v1",
            "ws": {"spot": f"{venue.ws}/stream/ws", "ws-api": {"spot": f"{venue.ws}/ws-api/v3"}},
        }
    }


@pytest.fixture
async def exchange(spot_venue: Venue) -> AsyncIterator[Any]:
    client = ccxt.pro.binance(
        {
            "apiKey": spot_venue.key,
            "secret": spot_venue.secret,
            "urls": addresses(spot_venue),
            "enableRateLimit": False,
            "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "fetchMargins": False},
        }
    )
    try:
        await client.load_markets()
        yield client
        if await client.fetch_open_orders(SYMBOL):
            await client.cancel_all_orders(SYMBOL)
    finally:
        await client.close()


async def test_markets_have_filters(exchange: Any) -> None:
    assert len(exchange.markets) >= 20
    market = exchange.market(SYMBOL)
    assert (market["spot"], market["active"]) == (True, True)
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.001, 0.001)
    assert market["limits"]["cost"]["min"] == 1


async def test_market_data(exchange: Any) -> None:
    server_ms = await exchange.fetch_time()
    candles = await exchange.fetch_ohlcv(SYMBOL, "1m", limit=100)
    assert len(candles) == 100
    assert all(after[0] - before[0] == 60_000 for before, after in pairwise(candles))
    assert 0 <= server_ms - candles[-1][0] < 70_000
    ticker = await exchange.fetch_ticker(SYMBOL)
    assert ticker["bid"] < ticker["ask"]
    assert len(await exchange.fetch_tickers(["TRUMP/USDC", "BTC/USDC"])) == 2
    assert len(await exchange.fetch_tickers()) >= 20
    book = await exchange.fetch_order_book(SYMBOL, 20)
    assert (len(book["bids"]), len(book["asks"])) == (20, 20)
    assert (await exchange.fetch_bids_asks([SYMBOL]))[SYMBOL]["ask"] > 0
    assert await exchange.fetch_trades(SYMBOL)
    assert (await exchange.fetch_trading_fee(SYMBOL))["taker"] == 0.001


async def test_a_bought_coin_is_free_less_its_fee_and_sold_again(exchange: Any) -> None:
    before = await exchange.fetch_balance()
    order = await exchange.create_order(SYMBOL, "market", "buy", 2, None, {"clientOrderId": "mine-1"})
    assert (order["status"], order["filled"], order["clientOrderId"]) == ("closed", 2, "mine-1")
    assert order["fees"] == [{"currency": "TRUMP", "cost": 0.002}]
    after = await exchange.fetch_balance()
    assert after["TRUMP"]["free"] == pytest.approx(before["TRUMP"]["free"] + 1.998)
    assert after["USDC"]["free"] == pytest.approx(before["USDC"]["free"] - order["cost"])
    trades = await exchange.fetch_my_trades(SYMBOL)
    assert trades[-1]["order"] == order["id"]
    assert await exchange.fetch_my_trades(SYMBOL, None, None, {"fromId": trades[-1]["id"]}) == trades[-1:]
    spent = await exchange.create_order(SYMBOL, "market", "buy", None, None, {"cost": 50})
    assert 49 < spent["cost"] <= 50
    sold = await exchange.create_order(SYMBOL, "market", "sell", 1.998)
    assert sold["fee"]["currency"] == "USDC"


async def test_orders_rest_are_found_and_cancelled(exchange: Any) -> None:
    last = (await exchange.fetch_ticker(SYMBOL))["last"]
    order = await exchange.create_order(SYMBOL, "limit", "buy", 1, last * 0.97, {"clientOrderId": "mine-2"})
    assert order["status"] == "open"
    by_client_id = await exchange.fetch_order(None, SYMBOL, {"origClientOrderId": "mine-2"})
    assert by_client_id["id"] == order["id"]
    assert [each["id"] for each in await exchange.fetch_open_orders(SYMBOL)] == [order["id"]]
    assert (await exchange.fetch_balance())["USDC"]["used"] > 0
    assert (await exchange.cancel_order(order["id"], SYMBOL))["status"] == "canceled"
    assert (await exchange.fetch_order(order["id"], SYMBOL))["status"] == "canceled"
    maker = await exchange.create_order(SYMBOL, "limit", "sell", 1, last * 1.02, {"postOnly": True})
    assert maker["type"] == "limit"
    stop = await exchange.create_order(SYMBOL, "limit", "sell", 1, last * 0.9, {"stopLossPrice": last * 0.91})
    assert (await exchange.fetch_order(stop["id"], SYMBOL))["triggerPrice"] == pytest.approx(last * 0.91, rel=1e-3)
    assert len(await exchange.cancel_all_orders(SYMBOL)) == 2


async def test_refusals_are_what_ccxt_expects_of_them(exchange: Any) -> None:
    last = (await exchange.fetch_ticker(SYMBOL))["last"]
    with pytest.raises(ccxt.InsufficientFunds):
        await exchange.create_order(SYMBOL, "market", "sell", 5_000)
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await exchange.create_order(SYMBOL, "limit", "sell", 1, last * 0.9, {"postOnly": True})
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order("1", SYMBOL)
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.fetch_order("1", SYMBOL)
    with pytest.raises(ccxt.BadRequest, match="Filter failure: NOTIONAL"):
        await exchange.create_order(SYMBOL, "limit", "sell", 0.01, last * 1.1)


async def test_streams_of_the_market(exchange: Any) -> None:
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        assert (await exchange.watch_ohlcv(SYMBOL, "1m"))[-1][4] > 0
        assert (await exchange.watch_ticker(SYMBOL))["last"] > 0
        assert (await exchange.watch_bids_asks([SYMBOL]))[SYMBOL]["bid"] > 0
        assert await exchange.watch_trades(SYMBOL)
        book = await exchange.watch_order_book(SYMBOL)
        for _ in range(3):  # an event that does not follow the one before is an error
            book = await exchange.watch_order_book(SYMBOL)
        assert book["bids"][0][0] < book["asks"][0][0]


async def test_the_user_is_told_of_orders_and_balances(exchange: Any) -> None:
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        orders = asyncio.create_task(exchange.watch_orders(SYMBOL))
        balances = asyncio.create_task(exchange.watch_balance())
        trades = asyncio.create_task(exchange.watch_my_trades(SYMBOL))
        for _ in range(200):  # until the subscription stands, events go to nobody
            await exchange.create_order(SYMBOL, "market", "buy", 1)
            done, _ = await asyncio.wait((orders, balances, trades), timeout=0.1)
            if len(done) == 3:
                break
        assert orders.result()[-1]["symbol"] == SYMBOL
        assert balances.result()["TRUMP"]["free"] > 0
        assert trades.result()[-1]["symbol"] == SYMBOL


async def test_an_order_over_the_websocket_api(exchange: Any) -> None:
    last = (await exchange.fetch_ticker(SYMBOL))["last"]
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        order = await exchange.create_order_ws(SYMBOL, "limit", "buy", 1, last * 0.97)
        assert (await exchange.fetch_order_ws(order["id"], SYMBOL))["status"] == "open"
        assert (await exchange.cancel_order_ws(order["id"], SYMBOL))["status"] == "canceled"
