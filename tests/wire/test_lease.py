"""One trader per account, on a running localbinance: real clients that race, die, lose and are cut off."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal

import pytest

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.trading.start import lease as lease_module
from ratchet.trading.start.idle_stop import idle_stop
from ratchet.trading.start.lease import LOST_MS, RENEW_MS, AccountTaken, Lease
from ratchet.trading.start.lease_verdict import STALE_MS, SeenLease, lease_name, leases_among
from tests.end_to_end.proxy import Fault, a_proxy
from tests.wire.conftest import Venue, running, serving

RACES = 40
LIMIT_S = 20
ALGO = "/fapi/v1/algoOrder"
BTC = Symbol("BTCUSDC")


class WoundClock(SystemClock):
    """Real time that can be wound forward, as if the process had stood still."""

    def __init__(self) -> None:
        super().__init__()
        self._wound_ms = 0
        self._woken = asyncio.Event()

    def now_ms(self) -> int:
        return super().now_ms() + self._wound_ms

    def elapsed_ms(self) -> float:
        return super().elapsed_ms() + self._wound_ms

    async def sleep_until(self, at_ms: int) -> None:
        while self.now_ms() < at_ms:
            self._woken.clear()
            await self._woken.wait()

    def wind(self, ms: int) -> None:
        self._wound_ms += ms
        self._woken.set()


def settings_for(venue: Venue, address: str | None = None, timeout_s: float = 5.0) -> ExchangeSettings:
    return ExchangeSettings(
        http_url=venue.http if address is None else f"http://{address}",
        ws_url=venue.ws,
        api_key=venue.key,
        api_secret=venue.secret,
        rate_limit=False,
        reply_timeout_s=timeout_s,
    )


@asynccontextmanager
async def a_client(venue: Venue, address: str | None = None, timeout_s: float = 5.0) -> AsyncIterator[BinanceClient]:
    async with BinanceClient(settings_for(venue, address, timeout_s), SystemClock()) as client:
        yield client


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    """One for the module, without limits: races ask more in a second than a trader in an hour."""
    with serving("--no-rate-limits") as it:
        yield it


@pytest.fixture
async def client(venue: Venue) -> AsyncIterator[BinanceClient]:
    async with a_client(venue) as it:
        await cancel_all(it)
        yield it
        await cancel_all(it)


async def cancel_all(client: BinanceClient) -> None:
    for stop in await client.fetch_open_stops():
        await client.cancel_stop(stop.symbol, stop.client_order_id)


async def leases(client: BinanceClient) -> list[SeenLease]:
    return leases_among(await client.fetch_open_stops())


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not await condition():  # noqa: ASYNC110 - what the exchange holds, which no Event stands for
            await asyncio.sleep(0.01)


async def place_lease_of(client: BinanceClient, run: str, renewal: int = 1) -> None:
    """What a trader that has died leaves behind."""
    rules, marks = await client.load_rules(), await client.fetch_mark_prices()
    name = lease_name(run, await client.fetch_time_ms(), renewal)
    await client.place_stop(idle_stop(name, rules[BTC], marks[BTC]))


async def renewals_are(*renewals: int, of: BinanceClient) -> bool:
    return [lease.renewal for lease in await leases(of)] == list(renewals)


class Watched:
    """A lease with its watch running."""

    def __init__(self, lease: Lease, tasks: asyncio.TaskGroup) -> None:
        self.lease = lease
        self.reasons: list[str] = []
        self.task = tasks.create_task(lease.watch(self.reasons.append))

    async def ended(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            await asyncio.wait((self.task,))


async def test_the_second_trader_refuses_in_one_line_that_names_the_first(venue: Venue, client: BinanceClient) -> None:
    first = await Lease.take(client, SystemClock(), "aaaa")
    async with a_client(venue) as elsewhere:
        with pytest.raises(AccountTaken) as refused:
            await Lease.take(elsewhere, SystemClock(), "bbbb")
    assert "run aaaa" in str(refused.value)
    assert "start again in" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert first.is_held
    assert [lease.run for lease in await leases(client)] == ["aaaa"]


async def test_a_lease_may_stand_while_nothing_is_held_and_is_far_from_the_market(client: BinanceClient) -> None:
    await Lease.take(client, SystemClock(), "aaaa")
    [stop] = await client.fetch_open_stops()
    assert stop.price_trigger > (await client.fetch_mark_prices())[stop.symbol] * Decimal("1.5")
    assert not stop.closes_position
    assert await client.fetch_positions() == []


async def test_a_clean_end_lets_the_next_begin_at_once(client: BinanceClient) -> None:
    first = await Lease.take(client, SystemClock(), "aaaa")
    await first.release()
    assert not first.is_held
    assert await leases(client) == []
    assert (await Lease.take(client, SystemClock(), "bbbb")).is_held


async def test_the_same_ledger_begins_again_at_once_after_a_crash(client: BinanceClient) -> None:
    await place_lease_of(client, "aaaa", renewal=7)
    assert (await Lease.take(client, SystemClock(), "aaaa")).is_held
    [lease] = await leases(client)
    assert (lease.run, lease.renewal) == ("aaaa", 0)


async def test_of_traders_that_begin_at_once_exactly_one_may_trade(venue: Venue, client: BinanceClient) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(a_client(venue)) for _ in range(3)]
        winners: set[str] = set()
        contested = 0
        for race in range(RACES):
            # Each begins a little later than the one before it, in changing order: all interleavings are met.
            async def take(number: int, race: int = race) -> Lease | None:
                await asyncio.sleep(0.0007 * (race % 8) * ((number + race) % 3))
                try:
                    return await Lease.take(clients[number], SystemClock(), f"rn{number}x")
                except AccountTaken:
                    return None

            algo_ids = [lease.algo_id for lease in await leases(client)]
            assert algo_ids == []
            taken = await asyncio.gather(*(take(number) for number in range(3)))
            held = [lease for lease in taken if lease is not None]
            assert len(held) == 1
            [standing] = await leases(client)
            winners.add(standing.run)
            contested += sum(lease is None for lease in taken)
            await held[0].release()
        assert contested == 2 * RACES
        assert len(winners) > 1


async def test_an_old_lease_is_taken_over_and_cleared_away_and_one_not_yet_old_is_not() -> None:
    async with running("--speed=60", "--no-rate-limits") as venue, a_client(venue) as client:
        await place_lease_of(client, "dead")
        [dead] = await leases(client)
        refusals = 0
        async with asyncio.timeout(LIMIT_S):
            while True:
                asked_ms = await client.fetch_time_ms()
                try:
                    await Lease.take(client, SystemClock(), "aaaa")
                except AccountTaken:
                    assert asked_ms < dead.made_ms + STALE_MS
                    refusals += 1
                else:
                    break
        assert refusals > 0
        assert await client.fetch_time_ms() >= dead.made_ms + STALE_MS
        assert [lease.run for lease in await leases(client)] == ["aaaa"]


async def test_a_renewal_stands_before_the_old_one_is_cancelled(venue: Venue, client: BinanceClient) -> None:
    order: list[str] = []

    def note(method: str, path: str, parameters: dict[str, str]) -> None:
        if path == ALGO:
            order.append(f"{method} {parameters['clientAlgoId'].rsplit('-', 1)[1]}")

    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, proxy.address) as through:
        clock = WoundClock()
        proxy.on_request = note
        async with asyncio.TaskGroup() as tasks:
            watched = Watched(await Lease.take(through, clock, "aaaa"), tasks)
            clock.wind(RENEW_MS)
            await eventually(lambda: renewals_are(1, of=client))
            clock.wind(RENEW_MS)
            await eventually(lambda: renewals_are(2, of=client))
            assert order == ["POST 0", "POST 1", "DELETE 0", "POST 2", "DELETE 1"]
            assert watched.lease.is_held
            watched.task.cancel()
    assert [lease.renewal for lease in await leases(client)] == [2]


async def test_a_lease_cancelled_by_another_hand_is_lost_once_and_stays_lost(client: BinanceClient) -> None:
    clock = WoundClock()
    async with asyncio.TaskGroup() as tasks:
        watched = Watched(await Lease.take(client, clock, "aaaa"), tasks)
        await cancel_all(client)
        clock.wind(RENEW_MS)
        await watched.ended()
    assert watched.reasons == ["another hand has cancelled it"]
    assert not watched.lease.is_held
    assert await leases(client) == []


async def test_a_lease_in_use_of_another_run_makes_ours_lost_and_withdrawn(client: BinanceClient) -> None:
    clock = WoundClock()
    async with asyncio.TaskGroup() as tasks:
        watched = Watched(await Lease.take(client, clock, "aaaa"), tasks)
        await place_lease_of(client, "bbbb")
        clock.wind(RENEW_MS)
        await watched.ended()
    assert watched.reasons == ["another trader, run bbbb, has taken the account"]
    assert [lease.run for lease in await leases(client)] == ["bbbb"]


async def test_a_renewal_whose_answer_is_lost_counts_when_it_is_seen(
    venue: Venue, client: BinanceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "AGAIN_S", 0.01)
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, proxy.address) as through:
        clock = WoundClock()
        async with asyncio.TaskGroup() as tasks:
            watched = Watched(await Lease.take(through, clock, "aaaa"), tasks)
            rule = proxy.fail("POST", ALGO, Fault.LOSE_ANSWER)
            clock.wind(RENEW_MS)
            await eventually(lambda: renewals_are(0, 1, of=client))
            assert rule.done == 1
            clock.wind(RENEW_MS)
            await eventually(lambda: renewals_are(1, of=client))  # seen, and the one before it cancelled
            clock.wind(RENEW_MS)
            await eventually(lambda: renewals_are(2, of=client))
            assert watched.reasons == []
            assert watched.lease.is_held
            watched.task.cancel()


async def test_whoever_cannot_reach_the_exchange_has_lost_it_before_another_may_take_it(
    venue: Venue, client: BinanceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "AGAIN_S", 0.01)
    monkeypatch.setattr(lease_module, "RELEASE_TIMEOUT_S", 0.1)
    assert LOST_MS < STALE_MS - 10_000
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, proxy.address, 0.5) as through:
        clock = WoundClock()
        lease = await Lease.take(through, clock, "aaaa")
        proxy.down = True
        async with asyncio.TaskGroup() as tasks:
            watched = Watched(lease, tasks)
            held: list[bool] = []
            for ms in (LOST_MS - 20_000, 20_000):
                clock.wind(ms)
                held.append(lease.is_held)  # known at once, before any task has had its turn
            assert held == [True, False]
            await watched.ended()
    [reason] = watched.reasons
    assert "could not be renewed for 7" in reason


async def test_a_process_that_stood_still_has_lost_it_though_its_lease_still_stands(client: BinanceClient) -> None:
    clock = WoundClock()
    async with asyncio.TaskGroup() as tasks:
        watched = Watched(await Lease.take(client, clock, "aaaa"), tasks)
        clock.wind(LOST_MS)
        await watched.ended()
    assert len(watched.reasons) == 1
    assert await leases(client) == []


async def test_when_its_placing_fails_nothing_is_left_behind(venue: Venue, client: BinanceClient) -> None:
    async with a_proxy(venue.http.removeprefix("http://")) as proxy, a_client(venue, proxy.address) as through:
        proxy.fail("POST", ALGO, Fault.LOSE_ANSWER)
        taken = await Lease.take(through, SystemClock(), "aaaa")  # the look tells that it stands
        assert taken.is_held
        await taken.release()
    assert await leases(client) == []
