"""What is done about every kind of answer: an entry is a question, a stop is a command, a no is a no."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import aiohttp
import ccxt
import pytest

from ratchet.domain.identity import ClientOrderId
from ratchet.domain.order import MarketOrder, OrderStatus, Side, StopOrder, StopStatus
from ratchet.exchange.errors import ExchangeError, Meaning, NotSent, RateLimited, Rejected
from ratchet.exchange.outcome import Refused, outcome_of
from ratchet.trading.protection.executor import ASK_ATTEMPTS_MAX, SEND_ATTEMPTS_MAX, NeverArrived, stop_status
from tests.unit.ratchet.trading.account import LOST_ANSWER, LOST_REQUEST, SYMBOL, Trouble, in_the_world, refusal
from tests.unit.ratchet.trading.protected import Bench

ENTRY = MarketOrder(client_order_id=ClientOrderId("rt-a-1-entry0"), symbol=SYMBOL, side=Side.BUY, quantity=Decimal(10))
STOP = StopOrder(
    client_order_id=ClientOrderId("rt-a-1-stop0"),
    symbol=SYMBOL,
    side=Side.SELL,
    quantity=Decimal(10),
    price_trigger=Decimal(98),
)
HTML = "<html>"
RECEIVE_WINDOW_MS = 5_000


def answer(status: int, code: int | None = None, message: str = "text") -> BaseException:
    return Refused(status, {}, HTML if code is None else f'{{"code":{code},"msg":"{message}"}}')


def no_connection() -> BaseException:
    error: BaseException = ccxt.ExchangeNotAvailable("refused")
    error.__cause__ = aiohttp.ClientConnectorError.__new__(aiohttp.ClientConnectorError)
    return error


# The rows of the outcome table, each with what it must lead to.
NOT_TAKEN = {
    "the clock was off": answer(400, -1021),
    "no connection": no_connection(),
    "503 that says so": answer(503, -1, "Service Unavailable."),
    "too many requests": answer(429, -1003),
    "throttled": answer(503, -1008),
    "too many orders": answer(400, -1015),
    "429 of the front": answer(429),
    "banned": answer(418),
    "the firewall": answer(403),
}
OPEN = {
    "internal error": answer(400, -1000),
    "disconnected": answer(400, -1001),
    "unexpected response": answer(400, -1006),
    "timeout at the back": answer(408, -1007),
    "another 503": answer(503, -1, "Unknown error, please check your request or try again later."),
    "a refusal by a broken front": answer(503, -2019),
    "500 of HTML": answer(500),
    "502 of HTML": answer(502),
    "504 of HTML": answer(504),
    "HTML with a good status": ccxt.BadResponse("<html>"),
    "no answer in time": TimeoutError(),
    "a line that broke": ccxt.NetworkError("connection reset"),
    "an answer that is none": ValueError("not JSON"),
}
NO = {
    "margin": answer(400, -2019),
    "another endpoint": answer(400, -4120),
    "beyond the trigger": answer(400, -2021),
    "nothing to reduce": answer(400, -2022),
    "a code that nobody knows": answer(400, -9999),
}


def met_with(error: BaseException, *, is_done: bool = False) -> Trouble:
    return Trouble(lambda: outcome_of(error, "POST order"), is_done)


def execute(bench: Bench, live: Callable[[], Awaitable[None]]) -> None:
    in_the_world(bench.world, live())


def last_status(bench: Bench) -> OrderStatus:
    return bench.noted.statuses[-1][1]


# Plain orders ------------------------------------------------------------------------------------------------------


def test_an_order_that_is_taken_is_noted_before_and_after() -> None:
    bench = Bench()

    async def live() -> None:
        assert bench.noted.statuses == []
        report = await bench.executor.place(ENTRY)
        assert report.quantity_filled == 10

    execute(bench, live)
    assert bench.noted.statuses == [
        (ENTRY.client_order_id, OrderStatus.SENT),
        (ENTRY.client_order_id, OrderStatus.FILLED),
    ]
    assert [what for _, what in bench.account.asked] == ["place"]


@pytest.mark.parametrize("row", NOT_TAKEN)
def test_an_order_that_was_not_taken_is_sent_again(row: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place"] += [met_with(NOT_TAKEN[row])] * 2
        await bench.executor.place(ENTRY)

    execute(bench, live)
    assert bench.account.count("place") == 3
    assert bench.account.count("fetch_order") == 0
    assert bench.account.held == 10


@pytest.mark.parametrize("row", OPEN)
def test_an_order_whose_outcome_is_open_is_asked_for_and_never_sent_again(row: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place"].append(met_with(OPEN[row], is_done=True))
        bench.account.troubles["fetch_order"] += [LOST_REQUEST, Trouble(lambda: RateLimited("too much"))]
        report = await bench.executor.place(ENTRY)
        assert report.quantity_filled == 10

    execute(bench, live)
    assert bench.account.count("place") == 1
    assert bench.account.held == 10
    assert (ENTRY.client_order_id, OrderStatus.UNKNOWN) in bench.noted.statuses
    assert last_status(bench) is OrderStatus.FILLED


@pytest.mark.parametrize("row", OPEN)
def test_an_order_that_the_exchange_does_not_know_is_given_up_after_the_receive_window(row: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place"].append(met_with(OPEN[row]))
        with pytest.raises(NeverArrived):
            await bench.executor.place(ENTRY)

    execute(bench, live)
    assert bench.account.count("place") == 1
    assert bench.account.count("fetch_order") == ASK_ATTEMPTS_MAX
    assert bench.world.now_ms > RECEIVE_WINDOW_MS
    assert last_status(bench) is OrderStatus.UNKNOWN  # not rejected: that would be a guess


@pytest.mark.parametrize("row", NO)
def test_a_no_is_a_no(row: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place"].append(met_with(NO[row]))
        with pytest.raises(Rejected):
            await bench.executor.place(ENTRY)

    execute(bench, live)
    assert [what for _, what in bench.account.asked] == ["place"]
    assert last_status(bench) is OrderStatus.REJECTED


def test_a_name_that_is_taken_was_taken_before() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.fill(ENTRY)
        bench.account.troubles["place"].append(met_with(answer(400, -4116)))
        report = await bench.executor.place(ENTRY)
        assert report.quantity_filled == 10

    execute(bench, live)
    assert bench.account.count("place") == 1
    assert bench.account.held == 10


def test_being_unable_to_ask_says_nothing_for_as_long_as_the_outage_lasts() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place"].append(LOST_ANSWER)
        bench.account.troubles["fetch_order"] += [LOST_REQUEST] * 300
        report = await bench.executor.place(ENTRY)
        assert report.quantity_filled == 10

    execute(bench, live)
    assert bench.world.now_ms > 600_000
    assert bench.account.count("place") == 1


def test_an_order_that_turns_up_late_is_found() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place"].append(LOST_REQUEST)
        sending = asyncio.create_task(bench.executor.place(ENTRY))
        await asyncio.sleep(4.5)
        bench.account.fill(ENTRY)  # it had only been late
        assert (await sending).quantity_filled == 10

    execute(bench, live)


def test_an_order_that_never_leaves_is_given_up() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place"] += [Trouble(lambda: NotSent("no connection"))] * 100
        with pytest.raises(NeverArrived):
            await bench.executor.place(ENTRY)

    execute(bench, live)
    assert bench.account.count("place") == SEND_ATTEMPTS_MAX


def test_a_limit_that_names_its_end_is_waited_for_but_never_long() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"] += [
            Trouble(lambda: RateLimited("too much", 700)),
            Trouble(lambda: RateLimited("banned", 3_600_000)),
        ]
        await bench.executor.place_stop(STOP)

    execute(bench, live)
    sent = [at for at, what in bench.account.asked if what == "place_stop"]
    assert [later - at for at, later in pairwise(sent)] == [720.0, 2_020.0]


# Stops -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", NOT_TAKEN)
def test_a_stop_that_was_not_taken_is_sent_again_for_as_long_as_it_takes(row: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"] += [met_with(NOT_TAKEN[row])] * 50
        await bench.executor.place_stop(STOP)

    execute(bench, live)
    assert bench.account.count("place_stop") == 51
    assert len(bench.account.waiting) == 1


@pytest.mark.parametrize("row", OPEN)
def test_a_stop_whose_outcome_is_open_is_asked_for(row: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"].append(met_with(OPEN[row], is_done=True))
        report = await bench.executor.place_stop(STOP)
        assert report.status is StopStatus.NEW

    execute(bench, live)
    assert [what for _, what in bench.account.asked] == ["place_stop", "fetch_stop"]
    assert last_status(bench) is OrderStatus.NEW


@pytest.mark.parametrize("row", OPEN)
def test_a_stop_that_the_exchange_does_not_know_is_sent_again_under_its_name(row: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"].append(met_with(OPEN[row]))
        await bench.executor.place_stop(STOP)

    execute(bench, live)
    assert [what for _, what in bench.account.asked] == ["place_stop", "fetch_stop", "place_stop"]
    assert [stop.client_order_id for stop in bench.account.waiting] == [STOP.client_order_id]
    assert bench.world.now_ms < 500


def test_a_stop_that_arrived_after_all_answers_to_its_second_sending() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"].append(LOST_ANSWER)
        bench.account.troubles["fetch_stop"].append(LOST_REQUEST)
        report = await bench.executor.place_stop(STOP)
        assert report.status is StopStatus.NEW

    execute(bench, live)
    assert len(bench.account.waiting) == 1


@pytest.mark.parametrize("row", NO)
def test_a_refused_stop_is_refused_once(row: str) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"].append(met_with(NO[row]))
        with pytest.raises(Rejected):
            await bench.executor.place_stop(STOP)

    execute(bench, live)
    assert bench.account.count("place_stop") == 1
    assert last_status(bench) is OrderStatus.REJECTED


@pytest.mark.parametrize("status", [StopStatus.CANCELED, StopStatus.EXPIRED, StopStatus.REJECTED])
def test_a_stop_that_ended_before_its_answer_is_noted_as_ended(status: StopStatus) -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["place_stop"].append(LOST_ANSWER)
        placing = asyncio.create_task(bench.executor.place_stop(STOP))
        await asyncio.sleep(0.015)
        bench.account.end_stop(STOP.client_order_id, status)
        assert (await placing).status is status

    execute(bench, live)
    assert last_status(bench) is stop_status(status)


# Cancellations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [LOST_ANSWER, LOST_REQUEST, refusal(-9999), Trouble(lambda: NotSent("")), Trouble(lambda: RateLimited(""))]
)
def test_a_cancellation_that_is_not_certain_is_none(error: Trouble) -> None:
    bench = Bench()

    async def live() -> None:
        await bench.executor.place_stop(STOP)
        bench.account.troubles["cancel_stop"].append(error)
        assert not await bench.executor.cancel_stop(SYMBOL, STOP.client_order_id)

    execute(bench, live)
    assert last_status(bench) is OrderStatus.NEW


def test_a_cancelled_stop_is_noted() -> None:
    bench = Bench()

    async def live() -> None:
        await bench.executor.place_stop(STOP)
        assert await bench.executor.cancel_stop(SYMBOL, STOP.client_order_id)
        assert not await bench.executor.cancel_stop(SYMBOL, STOP.client_order_id)

    execute(bench, live)
    assert last_status(bench) is OrderStatus.CANCELED


def test_a_guardians_stop_that_is_taken_away_is_no_order_of_the_ledger() -> None:
    bench = Bench()
    stop = replace(STOP, client_order_id=ClientOrderId("rg-abcd-1"))

    async def live() -> None:
        await bench.account.place_stop(stop)
        assert await bench.executor.cancel_stop(SYMBOL, stop.client_order_id)

    execute(bench, live)
    assert bench.noted.statuses == []


def test_plain_orders_are_cancelled_again_and_again_but_not_for_ever() -> None:
    bench = Bench()

    async def live() -> None:
        bench.account.troubles["cancel_all"] += [LOST_REQUEST] * (SEND_ATTEMPTS_MAX - 1)
        assert await bench.executor.clear_orders(SYMBOL)
        bench.account.troubles["cancel_all"] += [LOST_REQUEST] * SEND_ATTEMPTS_MAX
        assert not await bench.executor.clear_orders(SYMBOL)

    execute(bench, live)
    assert bench.account.count("cancel_all") == 2 * SEND_ATTEMPTS_MAX


def test_every_row_of_the_table_says_what_may_be_done_next() -> None:
    for errors, kinds in ((NOT_TAKEN, (NotSent, RateLimited)), (NO, (Rejected,))):
        assert all(isinstance(outcome_of(error, "POST order"), kinds) for error in errors.values())
    for error in OPEN.values():
        outcome: ExchangeError = outcome_of(error, "POST order")
        assert not isinstance(outcome, (NotSent, RateLimited, Rejected))
    duplicate = outcome_of(answer(400, -4116), "POST order")
    assert isinstance(duplicate, Rejected)
    assert duplicate.meaning is Meaning.DUPLICATE
