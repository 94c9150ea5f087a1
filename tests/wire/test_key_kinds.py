"""Keys of every kind over the wire: unmodified clients and the trader's own sign with them, and are let in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import ccxt
import ccxt.pro
import pytest
from binance import AsyncClient, BinanceSocketManager
from binance.exceptions import BinanceAPIException
from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketAPI
from binance_common.errors import BadRequestError
from binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures import DerivativesTradingUsdsFutures
from binance_sdk_spot.spot import Spot
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.order import MarketOrder, OrderStatus, Side
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import OrderChanged, StreamRestarted, UserEvent
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import Rejected
from ratchet.exchange.spot_client import SpotClient
from ratchet.exchange.spot_user_stream import SpotUserStream
from ratchet.exchange.user_stream import UserStream
from tests.private_keys import private_pem
from tests.wire import test_ccxt, test_spot_ccxt
from tests.wire.conftest import Venue

FUTURES, SPOT = "BTCUSDC", "TRUMPUSDC"
EVENT_TIMEOUT_S = 20

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(params=["Ed25519", "RSA"])
def owner(request: pytest.FixtureRequest, spot_venue: Venue) -> Venue:
    """The venue as the account's owner sees it who has a key of this kind."""
    return spot_venue.with_ed25519() if request.param == "Ed25519" else spot_venue.with_rsa()


@pytest.fixture
def thief(owner: Venue, spot_venue: Venue) -> Venue:
    """Somebody who has the API key, and a private key of the same kind that is not its."""
    if owner.key == spot_venue.with_ed25519().key:
        return replace(owner, secret=private_pem(Ed25519PrivateKey.generate()))
    return replace(owner, secret=private_pem(generate_private_key(public_exponent=65_537, key_size=2_048)))


# ccxt -----------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def through_ccxt(venue: Venue, kind: str) -> AsyncIterator[Any]:
    options: dict[str, Any] = {"fetchCurrencies": False, "fetchMargins": False, "defaultType": kind}
    options["fetchMarkets"] = {"types": ["linear" if kind == "swap" else "spot"]}
    urls = test_ccxt.addresses(venue) if kind == "swap" else test_spot_ccxt.addresses(venue)
    client = ccxt.pro.binance({"apiKey": venue.key, "secret": venue.secret, "urls": urls, "options": options})
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


async def test_ccxt_trades_futures(owner: Venue, thief: Venue) -> None:
    async with through_ccxt(owner, "swap") as client:
        bought = await client.create_order("BTC/USDC:USDC", "market", "buy", 0.01)
        sold = await client.create_order("BTC/USDC:USDC", "market", "sell", 0.01, None, {"reduceOnly": True})
        assert (bought["status"], sold["status"]) == ("closed", "closed")
        assert (await client.fetch_balance())["USDC"]["total"] > 0
    async with through_ccxt(thief, "swap") as client:
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await client.fetch_balance()


async def test_ccxt_trades_spot_and_hears_of_it(owner: Venue, thief: Venue) -> None:
    async with through_ccxt(owner, "spot") as client, asyncio.timeout(EVENT_TIMEOUT_S):
        assert (await client.fetch_balance())["USDC"]["free"] > 0
        hearing = asyncio.create_task(client.watch_orders("TRUMP/USDC"))
        while not hearing.done():
            order = await client.create_order("TRUMP/USDC", "market", "buy", 1)
            assert order["status"] == "closed"
            await asyncio.wait([hearing], timeout=1)
        assert hearing.result()[0]["symbol"] == "TRUMP/USDC"
        placed = await client.create_order_ws("TRUMP/USDC", "market", "buy", 1)
        assert placed["status"] == "closed"
    async with through_ccxt(thief, "spot") as client:
        with pytest.raises(ccxt.AuthenticationError, match="-1022"):
            await client.fetch_balance()


# python-binance -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def through_python_binance(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    monkeypatch.setattr(AsyncClient, "API_URL", f"{venue.http}/api")
    monkeypatch.setattr(AsyncClient, "FUTURES_URL", f"{venue.http}/fapi")
    monkeypatch.setattr(AsyncClient, "MARGIN_API_URL", f"{venue.http}/sapi")
    monkeypatch.setattr(AsyncClient, "WS_API_URL", f"{venue.ws}/ws-api/v3")
    # Ed25519 is what it takes a PEM for that is not longer than 120 characters.
    client = await AsyncClient.create(venue.key, private_key=venue.secret.strip())
    try:
        yield client
    finally:
        await client.close_connection()


async def test_python_binance_trades_and_hears_of_it(
    owner: Venue, thief: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with through_python_binance(owner, monkeypatch) as client:
        assert await client.futures_account_balance()
        assert (await client.get_account_api_permissions())["enableSpotAndMarginTrading"]
        async with asyncio.timeout(EVENT_TIMEOUT_S), BinanceSocketManager(client).user_socket() as socket:
            bought = await client.order_market_buy(symbol=SPOT, quantity="1")
            while (await socket.recv()).get("i") != bought["orderId"]:
                pass
    async with through_python_binance(thief, monkeypatch) as client:
        for asking in (client.get_account, client.futures_account, client.get_account_api_permissions):
            with pytest.raises(BinanceAPIException) as refused:
                await asking()
            assert refused.value.code == -1022


# Binance's own SDK ----------------------------------------------------------------------------------------------------


def test_binances_sdk_trades_on_both_exchanges(owner: Venue, thief: Venue) -> None:
    def rests(venue: Venue) -> tuple[Any, Any]:
        configuration = ConfigurationRestAPI(
            api_key=venue.key, private_key=venue.secret, base_path=venue.http, timeout=5_000, retries=0
        )
        futures = DerivativesTradingUsdsFutures(config_rest_api=configuration).rest_api
        return futures, Spot(config_rest_api=configuration).rest_api

    futures, spot = rests(owner)
    assert futures.new_order(FUTURES, "BUY", "MARKET", quantity=0.01, new_order_resp_type="RESULT").data().order_id
    futures.new_order(FUTURES, "SELL", "MARKET", quantity=0.01, reduce_only="true")
    assert spot.new_order(SPOT, "BUY", "MARKET", quantity=1.0).data().status == "FILLED"
    futures, spot = rests(thief)
    for asking in (futures.futures_account_balance_v3, spot.get_account):
        with pytest.raises(BadRequestError, match="Signature for this request is not valid"):
            asking()


@asynccontextmanager
async def ws_api_of_sdk(venue: Venue, **keys: str) -> AsyncIterator[Any]:
    configuration = ConfigurationWebSocketAPI(api_key=venue.key, stream_url=f"{venue.ws}/ws-api/v3", **keys)
    client = Spot(config_ws_api=configuration).websocket_api
    await client.create_connection()
    try:
        yield client
    finally:
        await client.close_connection(close_session=True)


async def test_binances_sdk_logs_on_with_an_ed25519_key(spot_venue: Venue) -> None:
    owner = spot_venue.with_ed25519()
    async with ws_api_of_sdk(owner, private_key=owner.secret) as client, asyncio.timeout(EVENT_TIMEOUT_S):
        assert (await client.session_logon()).data().result.api_key == owner.key
        placed = (await client.order_place(SPOT, "BUY", "MARKET", quantity=1.0)).data()
        assert placed.result.status == "FILLED"
        events: asyncio.Queue[Any] = asyncio.Queue()
        (await client.user_data_stream_subscribe()).stream.on("message", events.put_nowait)
        await client.order_place(SPOT, "BUY", "MARKET", quantity=1.0)
        while type((await events.get()).actual_instance).__name__ != "ExecutionReport":
            pass
        await client.session_logout()
        assert (await client.session_status()).data().result.api_key is None


async def test_binances_sdk_does_not_log_on_with_another_key(spot_venue: Venue) -> None:
    owner = spot_venue.with_rsa()
    for venue, keys in ((owner, {"private_key": owner.secret}), (spot_venue, {"api_secret": spot_venue.secret})):
        async with ws_api_of_sdk(venue, **keys) as client, asyncio.timeout(EVENT_TIMEOUT_S):
            assert "-2028" in str((await client.session_logon()).data())
            assert (await client.session_status()).data().result.api_key is None


# The trader's own -----------------------------------------------------------------------------------------------------


def settings_for(venue: Venue, folder: Path) -> ExchangeSettings:
    file = folder / "private.pem"
    file.write_text(venue.secret)
    return ExchangeSettings.model_validate(
        {
            "http_url": venue.http,
            "ws_url": venue.ws,
            "api_key": venue.key,
            "api_secret_file": file,
            "budget_folder": folder,
        }
    )


@asynccontextmanager
async def running(run: Callable[[], Any]) -> AsyncIterator[None]:
    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def is_of(event: UserEvent, name: ClientOrderId) -> bool:
    return isinstance(event, OrderChanged) and event.report.client_order_id == name


async def test_the_trader_trades_futures_and_hears_of_it(owner: Venue, thief: Venue, tmp_path: Path) -> None:
    settings = settings_for(owner, tmp_path)
    told: asyncio.Queue[UserEvent] = asyncio.Queue()
    async with BinanceClient(settings, SystemClock()) as client:
        stream = UserStream(client, settings, SystemClock(), on_event=told.put_nowait)
        async with running(stream.run), asyncio.timeout(EVENT_TIMEOUT_S):
            assert isinstance(await told.get(), StreamRestarted)
            symbol = Symbol(FUTURES)
            for side in (Side.BUY, Side.SELL):
                name = ClientOrderId(f"rt-{owner.key}-{side.name}")
                order = MarketOrder(
                    client_order_id=name,
                    symbol=symbol,
                    side=side,
                    quantity=Decimal("0.01"),
                    reduce_only=side is Side.SELL,
                )
                assert (await client.place(order)).status is OrderStatus.FILLED
                while not is_of(await told.get(), name):
                    pass
    async with BinanceClient(settings_for(thief, tmp_path), SystemClock()) as client:
        with pytest.raises(Rejected) as refused:
            await client.fetch_balance()
        assert refused.value.code == -1022


async def test_the_companion_sees_spot_and_hears_of_it(owner: Venue, thief: Venue, tmp_path: Path) -> None:
    settings = settings_for(owner, tmp_path)
    told: asyncio.Queue[OrderChanged | StreamRestarted] = asyncio.Queue()
    stream = SpotUserStream(settings, SystemClock(), on_event=told.put_nowait)
    async with SpotClient(settings, SystemClock()) as client, running(stream.run), asyncio.timeout(EVENT_TIMEOUT_S):
        assert isinstance(await told.get(), StreamRestarted)
        assert (await client.fetch_balances())["TRUMP"].free > 0
        async with through_ccxt(owner, "spot") as other:
            await other.create_order("TRUMP/USDC", "market", "buy", 1)
        assert isinstance(await told.get(), OrderChanged)
    async with SpotClient(settings_for(thief, tmp_path), SystemClock()) as client:
        with pytest.raises(Rejected) as refused:
            await client.fetch_balances()
        assert refused.value.code == -1022
