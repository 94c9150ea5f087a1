"""ccxt, unmodified, over the wire: REST and, with ccxt.pro, the streams."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import ccxt
import ccxt.pro
import pytest

from tests.wire.conftest import Venue

SYMBOL = "BTC/USDC:USDC"
EVENT_TIMEOUT_S = 20

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def addresses(venue: Venue) -> dict[str, Any]:
    """ccxt's `urls`, as `localbinance serve` prints them."""
    versions = {"fapiPublic": 1, "fapiPublicV2": 2, "fapiPublicV3": 3}
    versions |= {"fapiPrivate": 1, "fapiPrivateV2": 2, "fapiPrivateV3": 3}
    return {
        "api": {
            **{name: f"{venue.http}/fapi/v{version}" for name, version in versions.items()},
            **dict.fromkeys(("public", "private"), f"{venue.http}/api/v3"),
            "sapi": f"{venue.http}/sapi/v1",
            "dapiPublic": f"{venue.http}/dapi/v1",
            "ws": {"linear": f"{venue.ws}/fstream/ws", "spot": f"{venue.ws}/stream/ws"},
        }
    }


@pytest.fixture
async def exchange(venue: Venue) -> AsyncIterator[Any]:
    client = ccxt.pro.binance(
        {
            "apiKey": venue.key,
            "secret": venue.secret,
            "urls": addresses(venue),
            "enableRateLimit": False,
            "options": {
                "defaultType": "swap",
                "fetchMarkets": {"types": ["linear"]},
                "fetchCurrencies": False,
                "fetchMargins": False,
            },
        }
    )
    client.exceptions["exact"].update(client.exceptions["linear"]["exact"])
    try:
        await client.load_markets()
        yield client
        await _flatten(client)
    finally:
        await client.close()


async def _flatten(client: Any) -> None:
    await client.cancel_all_orders(SYMBOL)
    await client.cancel_all_orders(SYMBOL, {"trigger": True})
    for position in await client.fetch_positions([SYMBOL]):
        side = "sell" if position["side"] == "long" else "buy"
        await client.create_order(SYMBOL, "market", side, position["contracts"], None, {"reduceOnly": True})


async def test_markets_have_the_real_filters(exchange: Any) -> None:
    usdc = [market for market in exchange.markets.values() if market["settle"] == "USDC" and market["swap"]]
    assert len(usdc) == 38
    assert sum(not market["active"] for market in usdc) == 1
    btc = exchange.market(SYMBOL)
    assert (btc["precision"]["price"], btc["precision"]["amount"], btc["limits"]["cost"]["min"]) == (0.1, 0.001, 100)
    assert any(market["future"] for market in exchange.markets.values()), "a dated future, for filters to filter"


async def test_market_data(exchange: Any) -> None:
    server_ms = await exchange.fetch_time()
    candles = await exchange.fetch_ohlcv(SYMBOL, "5m", limit=150)
    assert len(candles) == 150
    assert all(after[0] - before[0] == 300_000 for before, after in pairwise(candles))
    assert 0 <= server_ms - candles[-1][0] < 330_000
    assert all(low <= min(opened, close) <= max(opened, close) <= high for _, opened, high, low, close, _ in candles)
    tickers = await exchange.fetch_tickers()
    assert len([name for name in tickers if name.endswith("/USDC:USDC")]) >= 25
    ticker = await exchange.fetch_ticker(SYMBOL)
    assert ticker["last"] > 0
    assert ticker["quoteVolume"] > 0
    book = await exchange.fetch_order_book(SYMBOL, 20)
    assert (len(book["bids"]), len(book["asks"])) == (20, 20)
    assert book["bids"][0][0] < book["asks"][0][0]
    funding = await exchange.fetch_funding_rate(SYMBOL)
    assert funding["fundingTimestamp"] > server_ms


async def test_the_account_is_set_up_and_read(exchange: Any) -> None:
    assert (await exchange.set_leverage(7, SYMBOL))["leverage"] in (7, "7")
    with pytest.raises(ccxt.MarginModeAlreadySet):
        await exchange.set_margin_mode("cross", SYMBOL)
    with pytest.raises(ccxt.OperationRejected):
        await exchange.set_position_mode(False)  # -4059: it is so already
    balance = await exchange.fetch_balance()
    assert 9_000 < balance["USDC"]["free"] <= balance["USDC"]["total"] <= 11_000


async def test_a_market_order_opens_and_closes_a_position(exchange: Any) -> None:
    order = await exchange.create_order(SYMBOL, "market", "buy", 0.01, None, {"clientOrderId": "wire-1"})
    assert (order["status"], order["filled"], order["clientOrderId"]) == ("closed", 0.01, "wire-1")
    [position] = await exchange.fetch_positions([SYMBOL])
    assert (position["side"], position["contracts"]) == ("long", 0.01)
    closed = await exchange.create_order(SYMBOL, "market", "sell", 0.01, None, {"reduceOnly": True})
    assert closed["status"] == "closed"
    assert await exchange.fetch_positions([SYMBOL]) == []
    trades = await exchange.fetch_my_trades(SYMBOL)
    assert {trade["order"] for trade in trades[-2:]} == {order["id"], closed["id"]}
    income = await exchange.fapiPrivateGetIncome({"symbol": "BTCUSDC"})
    assert {"COMMISSION", "REALIZED_PNL"} <= {row["incomeType"] for row in income}


async def test_limit_orders_rest_are_found_and_cancelled(exchange: Any) -> None:
    price = (await exchange.fetch_ticker(SYMBOL))["last"] * 0.97
    order = await exchange.create_order(SYMBOL, "limit", "buy", 0.01, price, {"clientOrderId": "wire-2"})
    assert order["status"] == "open"
    by_client_id = await exchange.fetch_order(None, SYMBOL, {"origClientOrderId": "wire-2"})
    assert by_client_id["id"] == order["id"]
    assert order["id"] in [each["id"] for each in await exchange.fetch_open_orders(SYMBOL)]
    assert (await exchange.cancel_order(order["id"], SYMBOL))["status"] == "canceled"
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order(order["id"], SYMBOL)


@pytest.mark.parametrize(
    ("order", "error"),
    [
        (("limit", "buy", 0.01, 2.0, {"postOnly": True}), ccxt.OrderNotFillable),
        (("limit", "buy", 0.0011, 0.97, {}), ccxt.InvalidOrder),
        (("market", "sell", 0.01, None, {"reduceOnly": True}), ccxt.InvalidOrder),
        (("limit", "buy", 90.0, 0.99, {}), ccxt.InsufficientFunds),
    ],
)
async def test_what_the_exchange_refuses_arrives_as_ccxts_own_error(
    exchange: Any, order: tuple[str, str, float, float | None, dict[str, Any]], error: type[Exception]
) -> None:
    kind, side, quantity, fraction, params = order
    last = (await exchange.fetch_ticker(SYMBOL))["last"]
    price = None if fraction is None else last * min(fraction, 1.04)
    with pytest.raises(error):
        await exchange.create_order(SYMBOL, kind, side, quantity, price, params)


async def test_a_stop_goes_to_the_algo_service_and_back(exchange: Any) -> None:
    await exchange.create_order(SYMBOL, "market", "buy", 0.01)
    trigger = (await exchange.fetch_ticker(SYMBOL))["last"] * 0.95
    stop = await exchange.create_order(
        SYMBOL, "STOP_MARKET", "sell", 0.01, None, {"stopPrice": trigger, "reduceOnly": True, "clientOrderId": "guard"}
    )
    assert stop["status"] == "open"
    assert [each["id"] for each in await exchange.fetch_open_orders(SYMBOL, params={"trigger": True})] == [stop["id"]]
    assert await exchange.fetch_open_orders(SYMBOL) == []
    found = await exchange.fetch_order(stop["id"], SYMBOL, {"trigger": True})
    assert found["clientOrderId"] == "guard"
    await exchange.cancel_order(stop["id"], SYMBOL, {"trigger": True})
    with pytest.raises(ccxt.OrderNotFound):
        await exchange.cancel_order(stop["id"], SYMBOL, {"trigger": True})


async def test_a_conditional_type_on_the_old_endpoint_is_sent_to_the_new_one(exchange: Any) -> None:
    with pytest.raises(ccxt.InvalidOrder, match="-4120"):
        await exchange.fapiPrivatePostOrder(
            {"symbol": "BTCUSDC", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01", "stopPrice": "1000"}
        )


async def test_wrong_keys_are_refused(exchange: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "secret", "wrong")
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        await exchange.fetch_balance()
    monkeypatch.setattr(exchange, "apiKey", "nobody")
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        await exchange.fetch_balance()
    monkeypatch.undo()


async def test_old_requests_are_refused(exchange: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "nonce", lambda: exchange.milliseconds() - 60_000)
    with pytest.raises(ccxt.InvalidNonce, match="-1021"):
        await exchange.fetch_balance()
    monkeypatch.undo()


async def test_market_streams(exchange: Any) -> None:
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        candles, ticker, book, trades, touch, mark = await asyncio.gather(
            exchange.watch_ohlcv(SYMBOL, "1m"),
            exchange.watch_ticker(SYMBOL),
            exchange.watch_order_book(SYMBOL),
            exchange.watch_trades(SYMBOL),
            exchange.watch_bids_asks([SYMBOL]),
            exchange.watch_mark_price(SYMBOL),
        )
    assert candles[-1][4] > 0
    assert ticker["last"] > 0
    assert book["bids"][0][0] < book["asks"][0][0]
    assert trades[-1]["amount"] > 0
    assert touch[SYMBOL]["bid"] < touch[SYMBOL]["ask"]
    assert mark["markPrice"] > 0


async def test_the_user_stream_tells_orders_and_positions(exchange: Any) -> None:
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        watching = asyncio.create_task(exchange.watch_orders(SYMBOL))
        trades = asyncio.create_task(exchange.watch_my_trades(SYMBOL))
        positions = asyncio.create_task(exchange.watch_positions([SYMBOL]))
        await _until_connected(exchange)
        placed = await exchange.create_order(SYMBOL, "market", "buy", 0.01)
        orders = await watching
        while not any(order["status"] == "closed" for order in orders):
            orders = await exchange.watch_orders(SYMBOL)
        assert orders[-1]["id"] == placed["id"]
        assert (await trades)[-1]["order"] == placed["id"]
        held = await positions
        while not held:  # the snapshot that ccxt begins with may be from before the order
            more = asyncio.create_task(exchange.watch_positions([SYMBOL]))
            await asyncio.sleep(0)
            await exchange.create_order(SYMBOL, "market", "buy", 0.01)
            held = await more
        assert held[0]["side"] == "long"


async def _until_connected(exchange: Any) -> None:
    """ccxt opens the private connection in the background: wait until it stands."""
    private: list[Any] = []
    while not private:
        await asyncio.wait([asyncio.create_task(exchange.fetch_time())])
        private = [client for url, client in exchange.clients.items() if "listenKey" in url]
    await private[0].connected
