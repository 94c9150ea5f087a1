"""Ratchet's own spot client and user stream on a running exchange."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import orjson
import pytest
from pydantic import SecretStr

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.identity import ClientOrderId, FillId
from ratchet.domain.money import floor_to
from ratchet.domain.order import LimitOrder, OrderStatus, Side
from ratchet.domain.symbol import Symbol
from ratchet.domain.user_event import OrderChanged, StreamRestarted
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import Meaning, NotSent, OutcomeUnknown, RateLimited, Rejected
from ratchet.exchange.spot_client import SpotClient
from ratchet.exchange.spot_user_stream import SpotUserStream
from tests.wire.conftest import Venue
from tests.wire.signed import Signed, signing

TRUMP = Symbol("TRUMPUSDC")
EVENT_TIMEOUT_S = 20


def settings_for(venue: Venue, folder: Path) -> ExchangeSettings:
    return ExchangeSettings(
        budget_folder=folder,
        http_url=venue.http,
        ws_url=venue.ws,
        api_key=SecretStr(venue.key),
        api_secret=SecretStr(venue.secret),
        rate_limit=False,
    )


@pytest.fixture
async def by_hand(spot_venue: Venue) -> AsyncIterator[Signed]:
    async with signing(spot_venue) as it:
        yield it
        await it.send("DELETE", "/localbinance/faults", signed=False)


@pytest.fixture
async def client(spot_venue: Venue, tmp_path: Path) -> AsyncIterator[SpotClient]:
    async with SpotClient(settings_for(spot_venue, tmp_path), SystemClock()) as it:
        yield it


@asynccontextmanager
async def heard(venue: Venue, folder: Path) -> AsyncIterator["asyncio.Queue[OrderChanged | StreamRestarted]"]:
    told: asyncio.Queue[OrderChanged | StreamRestarted] = asyncio.Queue()
    stream = SpotUserStream(settings_for(venue, folder), SystemClock(), on_event=told.put_nowait)
    task = asyncio.create_task(stream.run())
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def next_of(told: "asyncio.Queue[OrderChanged | StreamRestarted]") -> OrderChanged | StreamRestarted:
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        return await told.get()


def a_sell(name: str, price: Decimal, quantity: str = "2") -> LimitOrder:
    return LimitOrder(
        client_order_id=ClientOrderId(name), symbol=TRUMP, side=Side.SELL, quantity=Decimal(quantity), price=price
    )


async def put(by_hand: Signed, **fault: object) -> None:
    answer = await by_hand.send("POST", "/localbinance/faults", {"faults": orjson.dumps(fault).decode()}, signed=False)
    assert answer.status == 200, answer.body


async def act(by_hand: Signed, **what: object) -> None:
    answer = await by_hand.send("POST", "/localbinance/act", {"act": orjson.dumps(what).decode()}, signed=False)
    assert answer.status == 200, answer.body


async def test_a_resting_order_is_found_in_every_way_there_is(client: SpotClient) -> None:
    rules = (await client.fetch_pairs([TRUMP]))[TRUMP]
    price = floor_to(await client.fetch_average_price(TRUMP) * 2, rules.price_tick)
    before = (await client.fetch_balances())["TRUMP"]
    placed = await client.place(a_sell("rb-test-1-sell0", price))
    assert (placed.status, placed.quantity) == (OrderStatus.NEW, Decimal(2))
    after = (await client.fetch_balances())["TRUMP"]
    assert (before.free - after.free, after.locked - before.locked) == (Decimal(2), Decimal(2))
    assert await client.fetch_order(TRUMP, placed.client_order_id) is not None
    assert await client.fetch_order_by_number(TRUMP, placed.order_id) is not None
    for found in (await client.fetch_open_orders(TRUMP), await client.fetch_orders(TRUMP, since_ms=placed.updated_ms)):
        assert [order.client_order_id for order in found] == ["rb-test-1-sell0"]
    assert await client.fetch_order(TRUMP, ClientOrderId("rb-test-none")) is None


async def test_what_a_person_buys_is_told_by_the_stream_and_kept_in_the_history(
    spot_venue: Venue, tmp_path: Path, client: SpotClient, by_hand: Signed
) -> None:
    async with heard(spot_venue, tmp_path) as told:
        assert isinstance(await next_of(told), StreamRestarted)
        last = await client.fetch_last_fill(TRUMP)
        order = {"symbol": TRUMP, "side": "BUY", "type": "MARKET", "quantity": "3"}
        await act(by_hand, act="spot_order", order=order)
        events = [await next_of(told), await next_of(told)]
        assert isinstance(events[1], OrderChanged)
        fill = events[1].fill
        assert fill is not None
        assert fill.client_order_id is not None
        assert fill.client_order_id.startswith("web_")
        assert (fill.quantity, fill.fee_asset) == (Decimal(3), "TRUMP")
    since = FillId(0 if last is None else last.fill_id + 1)
    of_history = await client.fetch_fills(TRUMP, from_id=since)
    assert [each.fill_id for each in of_history] == [fill.fill_id]
    assert await client.fetch_fills_of(TRUMP, fill.order_id) == of_history
    first = await client.fetch_first_fill(TRUMP, since_ms=fill.at_ms)
    assert first == of_history[0]


async def test_refusals_say_what_they_mean(client: SpotClient) -> None:
    price = (await client.fetch_average_price(TRUMP)).quantize(Decimal("0.001"))
    for order, meaning in (
        (a_sell("rb-test-2-sell0", price, "4000"), Meaning.NO_BALANCE),
        (a_sell("rb-test-3-sell0", (price * 50).quantize(Decimal(1))), Meaning.FILTER),
        (a_sell("rb-test-4-sell0", price, "0.001"), Meaning.FILTER),
    ):
        with pytest.raises(Rejected) as no:
            await client.place(order)
        assert no.value.meaning is meaning, no.value


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"fault": "lose_reply"}, OutcomeUnknown),
        ({"fault": "answer", "status": 429, "code": -1003, "message": "Too much."}, RateLimited),
        ({"fault": "answer", "status": 400, "code": -1021, "message": "Timestamp."}, NotSent),
    ],
)
async def test_failures_say_whether_the_order_was_taken(
    client: SpotClient, by_hand: Signed, fault: dict[str, object], error: type[Exception]
) -> None:
    price = (await client.fetch_average_price(TRUMP) * 2).quantize(Decimal("0.01"))
    await put(by_hand, method="POST", path="/api/v3/order", times=1, **fault)
    with pytest.raises(error):
        await client.place(a_sell(f"rb-lost-{error.__name__}", price))


async def test_a_subscription_that_the_exchange_ends_is_made_again(
    spot_venue: Venue, tmp_path: Path, by_hand: Signed
) -> None:
    async with heard(spot_venue, tmp_path) as told:
        assert isinstance(await next_of(told), StreamRestarted)
        await put(by_hand, fault="cut")
        assert isinstance(await next_of(told), StreamRestarted)
