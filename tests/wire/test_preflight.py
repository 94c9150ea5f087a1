"""The preflight on a running localbinance: a good account passes, and each check fails by what it is there for."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.clock import Clock
from ratchet.domain.identity import CHECK_STOP, IDLE_STOPS, ClientOrderId
from ratchet.domain.symbol import Symbol
from ratchet.exchange.budget import Lane
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.requests import Requests
from ratchet.trading.start import preflight as preflight_module
from ratchet.trading.start.idle_stop import idle_stop
from ratchet.trading.start.preflight import Check, Preflight, PreflightParts, Report, Verdict
from tests.end_to_end.proxy import Fault, a_proxy
from tests.wire.conftest import Venue, running, serving
from tests.wire.signed import Signed, signing

ALGO = "/fapi/v1/algoOrder"
LEVERAGE = 5
BTC, SOL, ETH, DOGE, XRP, ADA = (Symbol(f"{coin}USDC") for coin in ("BTC", "SOL", "ETH", "DOGE", "XRP", "ADA"))
RUN = "aaaa"


class SkewedClock(SystemClock):
    """A machine's clock that is off. It can be set."""

    def __init__(self, ahead_ms: int) -> None:
        super().__init__()
        self.set_by(ahead_ms, 0, 0)


class StubbornClock:
    """A clock that is off and stays so."""

    def __init__(self, ahead_ms: int) -> None:
        self._real = SystemClock()
        self._ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return self._real.now_ms() + self._ahead_ms

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class NoTrading(Requests):
    """Of an account that may not trade."""

    async def read(self, method: str, parameters: Any = None, lane: Lane = Lane.ORDINARY) -> Any:
        answer = await super().read(method, parameters, lane)
        return answer | {"canTrade": False} if method == "fapiPrivateGetAccountConfig" else answer


def settings_for(venue: Venue, address: str | None = None, key: str | None = None) -> ExchangeSettings:
    return ExchangeSettings(
        http_url=venue.http if address is None else f"http://{address}",
        ws_url=venue.ws,
        api_key=key or venue.key,
        api_secret=venue.secret,
        rate_limit=False,
    )


@asynccontextmanager
async def a_client(venue: Venue, clock: Clock | None = None, **settings: Any) -> AsyncIterator[BinanceClient]:
    async with BinanceClient(settings_for(venue, **settings), clock or SystemClock()) as client:
        yield client


def a_preflight(client: BinanceClient, *symbols: Symbol, clock: Clock | None = None) -> Preflight:
    parts = PreflightParts(
        client=client, clock=clock or SystemClock(), run=RUN, symbols=symbols or (BTC,), leverage=LEVERAGE
    )
    return Preflight(parts)


def of(report: Report, name: str) -> Check:
    return next(check for check in report.checks if check.name == name)


def not_passed(report: Report) -> list[str]:
    return [check.name for check in report.checks if not check.passed]


async def open_names(client: BinanceClient) -> list[str]:
    return [stop.client_order_id for stop in await client.fetch_open_stops()]


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    """One for the module, without limits: it is asked more in a second than by a trader in an hour."""
    with serving("--no-rate-limits") as it:
        yield it


@pytest.fixture
async def client(venue: Venue) -> AsyncIterator[BinanceClient]:
    async with a_client(venue) as it:
        yield it
        assert await open_names(it) == []  # no test leaves anything, and no preflight does


@pytest.fixture
async def hand(venue: Venue) -> AsyncIterator[Signed]:
    async with signing(venue) as it:
        yield it


async def act(hand: Signed, name: str, **fields: object) -> None:
    answer = await hand.send("POST", "/localbinance/act", {"act": json.dumps({"act": name} | fields)}, signed=False)
    assert answer.status == 200, answer.body


async def post(hand: Signed, path: str, **parameters: object) -> Any:
    answer = await hand.send("POST", path, parameters)
    assert answer.status == 200, answer.body
    return answer.body


async def test_a_good_account_passes_every_check_and_keeps_nothing_of_it(client: BinanceClient) -> None:
    report = await a_preflight(client, BTC, SOL).run()
    assert report.passed, report.line
    assert report.line == ""
    names = [check.name for check in report.checks]
    assert names == ["clock", "key", "position mode", "balance", "symbols", "far stop"]
    assert of(report, "far stop").seen.endswith("placed, seen, cancelled")
    configs = await client.fetch_symbol_configs()
    assert {(configs[each].is_cross, configs[each].leverage) for each in (BTC, SOL)} == {(True, LEVERAGE)}


async def test_what_is_as_it_must_be_is_not_set_again(venue: Venue, client: BinanceClient) -> None:
    assert (await a_preflight(client, BTC).run()).passed
    sent: list[str] = []
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, address=proxy.address) as through:
        proxy.on_request = lambda method, path, _: sent.append(f"{method} {path}")
        assert (await a_preflight(through, BTC).run()).passed
    assert [each for each in sent if each.startswith("POST")] == [f"POST {ALGO}"]


async def test_a_clock_that_is_off_is_set_and_that_is_said(venue: Venue) -> None:
    clock = SkewedClock(-90_000)
    async with a_client(venue, clock) as client:
        report = await a_preflight(client, clock=clock).run()
    assert report.passed, report.line
    assert "after it was set by" in of(report, "clock").seen


async def test_a_clock_that_stays_off_does_not_pass(venue: Venue) -> None:
    clock = StubbornClock(2_000)
    async with a_client(venue) as client:  # which is right itself: nothing else is in the way
        report = await a_preflight(client, clock=clock).run()
    assert not_passed(report) == ["clock"]
    assert "set this machine's clock" in report.line


async def test_a_key_that_the_exchange_does_not_know_fails_with_what_to_check(venue: Venue) -> None:
    async with a_client(venue, key="nobody") as client:
        report = await a_preflight(client).run()
    assert not report.passed
    assert report.has_failed
    assert report.line.startswith("key: the exchange refuses: -2015")
    assert "check api_key and api_secret" in report.line


async def test_an_account_that_may_not_trade_fails(venue: Venue) -> None:
    settings, clock = settings_for(venue), SystemClock()
    async with BinanceClient(settings, clock, NoTrading(settings, clock)) as client:
        report = await a_preflight(client).run()
    assert not_passed(report) == ["key"]


async def test_hedge_mode_is_switched_off_while_nothing_is_held(client: BinanceClient, hand: Signed) -> None:
    await post(hand, "/fapi/v1/positionSide/dual", dualSidePosition="true")
    report = await a_preflight(client).run()
    assert report.passed, report.line
    assert of(report, "position mode").seen == "one-way, after it was switched"
    assert not (await client.fetch_account_config()).is_hedge_mode


async def test_hedge_mode_is_refused_while_something_is_held(client: BinanceClient, hand: Signed) -> None:
    await post(hand, "/fapi/v1/positionSide/dual", dualSidePosition="true")
    order = {"symbol": SOL, "type": "MARKET", "quantity": "2", "positionSide": "LONG"}
    await post(hand, "/fapi/v1/order", side="BUY", **order)
    try:
        report = await a_preflight(client).run()
    finally:
        await post(hand, "/fapi/v1/order", side="SELL", **order)
        await post(hand, "/fapi/v1/positionSide/dual", dualSidePosition="false")
    assert report.line.startswith("position mode: hedge mode, and something is held; close positions")


async def test_too_small_a_balance_fails() -> None:
    async with running("--balance=9.99") as poor, a_client(poor) as client:
        report = await a_preflight(client).run()
    assert not_passed(report) == ["balance"]
    assert of(report, "balance").seen == "9.99 USDC"


async def test_a_symbol_whose_leverage_is_refused_is_refused_and_the_others_are_traded(
    client: BinanceClient, hand: Signed
) -> None:
    await act(hand, "refuse_leverage", symbol=ETH)
    report = await a_preflight(client, BTC, ETH).run()
    assert report.passed, report.line
    assert report.refused == ((ETH, "-4028 Leverage 5 is not valid"),)
    assert of(report, "symbols").seen.startswith("1 of 2 confirmed")
    assert (await a_preflight(client, ETH).run()).refused == ()  # asked again, and set


async def test_a_leverage_that_is_cut_by_the_exchange_is_not_assumed(client: BinanceClient, hand: Signed) -> None:
    await act(hand, "cap_leverage", symbol=DOGE, leverage=3)
    try:
        report = await a_preflight(client, BTC, DOGE).run()
    finally:
        await act(hand, "cap_leverage", symbol=DOGE, leverage=None)
    [(symbol, reason)] = report.refused
    assert symbol == DOGE
    assert reason == "DOGEUSDC: a leverage of 5 was asked for and 3 was set"


async def test_a_symbol_that_stays_on_isolated_margin_is_refused(client: BinanceClient, hand: Signed) -> None:
    await post(hand, "/fapi/v1/leverage", symbol=XRP, leverage=LEVERAGE)
    await post(hand, "/fapi/v1/marginType", symbol=XRP, marginType="ISOLATED")
    await act(hand, "refuse_margin_type", symbol=XRP)
    report = await a_preflight(client, BTC, XRP).run()
    assert [symbol for symbol, _ in report.refused] == [XRP]
    assert report.refused[0][1].startswith("-4047")
    assert (await a_preflight(client, XRP).run()).refused == ()


async def test_without_a_single_symbol_left_it_does_not_pass(client: BinanceClient, hand: Signed) -> None:
    await act(hand, "cap_leverage", symbol=ADA, leverage=3)
    try:
        report = await a_preflight(client, ADA).run()
    finally:
        await act(hand, "cap_leverage", symbol=ADA, leverage=None)
    assert not_passed(report) == ["symbols"]
    assert "change risk.leverage" in report.line


async def test_a_stop_that_is_not_taken_fails(venue: Venue, client: BinanceClient) -> None:
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, address=proxy.address) as through:
        proxy.fail("POST", ALGO, Fault.REFUSE_TYPE)
        report = await a_preflight(through).run()
    assert not_passed(report) == ["far stop"]
    assert of(report, "far stop").seen.startswith("the exchange refuses: -4120")


async def test_a_stop_that_never_arrives_fails(
    venue: Venue, client: BinanceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight_module, "LOOK_PAUSES_S", (0.0, 0.01))
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, address=proxy.address) as through:
        proxy.fail("POST", ALGO, Fault.LOSE_REQUEST)
        report = await a_preflight(through).run()
    assert not_passed(report) == ["far stop"]
    assert "does not show it" in of(report, "far stop").seen


async def test_a_stop_whose_answer_is_lost_is_found_and_cancelled(venue: Venue, client: BinanceClient) -> None:
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, address=proxy.address) as through:
        proxy.fail("POST", ALGO, Fault.LOSE_ANSWER)
        report = await a_preflight(through).run()
    assert report.passed, report.line


async def test_a_stop_that_cannot_be_asked_for_is_taken_away_all_the_same(venue: Venue, client: BinanceClient) -> None:
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, address=proxy.address) as through:
        proxy.fail("GET", ALGO, Fault.LOSE_REQUEST, times=99)
        report = await a_preflight(through).run()
    assert not_passed(report) == ["far stop"]
    assert await open_names(client) == []


async def test_a_stop_that_cannot_be_cancelled_fails_and_the_next_preflight_clears_it(
    venue: Venue, client: BinanceClient
) -> None:
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, address=proxy.address) as through:
        proxy.fail("DELETE", ALGO, Fault.LOSE_REQUEST, times=9)
        assert not (await a_preflight(through).run()).passed
    assert len(await open_names(client)) == 1
    assert (await a_preflight(client).run()).passed
    assert await open_names(client) == []


async def test_what_a_killed_preflight_left_is_cleared_and_what_another_is_about_to_use_is_not(
    client: BinanceClient,
) -> None:
    rules, marks = await client.load_rules(), await client.fetch_mark_prices()
    left, other = (ClientOrderId(f"{CHECK_STOP}{run}-1") for run in (RUN, "bbbb"))
    for name in (left, other):
        await client.place_stop(idle_stop(name, rules[BTC], marks[BTC]))
    assert (await a_preflight(client).run()).passed
    assert await open_names(client) == [other]
    await client.cancel_stop(BTC, other)


async def test_a_killed_preflight_of_another_is_cleared_once_it_is_old(
    client: BinanceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules, marks = await client.load_rules(), await client.fetch_mark_prices()
    await client.place_stop(idle_stop(ClientOrderId(f"{CHECK_STOP}bbbb-1"), rules[BTC], marks[BTC]))
    monkeypatch.setattr(preflight_module, "LEFT_BEHIND_MS", -1_000)
    assert (await a_preflight(client).run()).passed
    assert await open_names(client) == []


async def test_its_stop_has_a_name_that_protects_nothing(venue: Venue, client: BinanceClient) -> None:
    names: list[str] = []

    def note(method: str, path: str, parameters: dict[str, str]) -> None:
        if (method, path) == ("POST", ALGO):
            names.append(parameters["clientAlgoId"])

    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, address=proxy.address) as through:
        proxy.on_request = note
        await a_preflight(through).run()
    [name] = names
    assert name.startswith(IDLE_STOPS)


async def test_without_an_answer_it_ends_at_the_first_question_and_has_not_passed(venue: Venue) -> None:
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, address=proxy.address) as through:
        proxy.down = True
        report = await a_preflight(through).run()
    assert [(check.name, check.verdict) for check in report.checks] == [("clock", Verdict.NO_ANSWER)]
    assert not report.passed
    assert not report.has_failed


async def test_a_silent_exchange_is_not_waited_for_without_end(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight_module, "CHECK_TIMEOUT_S", 0.2)
    silence = asyncio.Event()

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silence.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        async with a_client(venue, address=f"{host}:{port}") as client, asyncio.timeout(10):
            report = await a_preflight(client).run()
    finally:
        silence.set()
        server.close()
    assert [check.verdict for check in report.checks] == [Verdict.NO_ANSWER]
