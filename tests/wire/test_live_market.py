"""The live market on a running localbinance: which symbols it takes on, by what the exchange says of their terms."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ratchet.config.settings import Settings, load_settings
from ratchet.domain.outcome import Outcome, Stage
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.ledger.ledger import Ledger
from ratchet.trading.entries.live_market import LiveMarket, LiveMarketParts
from ratchet.trading.entries.market_side import CannotTrade
from tests.wire.conftest import Venue
from tests.wire.signed import Signed, signing

SOL, BTC = Symbol("SOLUSDC"), Symbol("BTCUSDC")


@pytest.fixture
async def hand(venue: Venue) -> AsyncIterator[Signed]:
    async with signing(venue) as it:
        yield it


def settings_for(venue: Venue, *whitelist: Symbol) -> Settings:
    exchange = {"http_url": venue.http, "ws_url": venue.ws, "api_key": venue.key, "api_secret": venue.secret}
    overrides = {"exchange": exchange | {"rate_limit": False}, "universe": {"whitelist": whitelist}}
    return load_settings(environ={}, overrides=overrides)


async def prepared(settings: Settings, folder: Path) -> LiveMarket:
    clock = SystemClock()
    ledger = await Ledger.open(f"sqlite+aiosqlite:///{folder}/ledger.db")
    async with BinanceClient(settings.exchange, clock) as client:
        rules = await client.load_rules()
        parts = LiveMarketParts(
            settings=settings,
            client=client,
            ledger=ledger,
            clock=clock,
            rules={symbol: each for symbol, each in rules.items() if symbol in settings.universe.whitelist},
            strategies=[],
        )
        market = LiveMarket(parts, lambda _: Outcome(Stage.SENT, "entry"))
        try:
            await market.prepare()
        finally:
            await ledger.close()
        return market


async def cap(hand: Signed, symbol: Symbol, leverage: int | None) -> None:
    text = json.dumps({"act": "cap_leverage", "symbol": symbol, "leverage": leverage})
    assert (await hand.send("POST", "/localbinance/act", {"act": text}, signed=False)).status == 200


async def test_a_symbol_without_the_leverage_is_left_out_with_the_exchanges_reason(
    venue: Venue, hand: Signed, tmp_path: Path
) -> None:
    await cap(hand, SOL, 3)
    market = await prepared(settings_for(venue, BTC, SOL), tmp_path)
    assert market.universe.symbols == (BTC,)
    assert market.universe.rejected[SOL] == "SOLUSDC: a leverage of 5 was asked for and 3 was set"
    with pytest.raises(CannotTrade, match="no symbol can be traded at leverage 5: SOLUSDC"):
        await prepared(settings_for(venue, SOL), tmp_path)
    await cap(hand, SOL, None)
    assert (await prepared(settings_for(venue, SOL), tmp_path)).universe.symbols == (SOL,)
