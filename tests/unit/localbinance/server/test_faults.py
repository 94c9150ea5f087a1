"""The fault board: what stands hits what it means, as often as it says, and the same again for the same seed."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localbinance.server import faults
from localbinance.server.fault import Cut, DropFrame, ExpireListenKey, Latency, LoseReply, Reject
from localbinance.server.fault_answers import KNOWN, UNKNOWN_ERROR
from localbinance.server.faults import (
    AT_ONCE,
    DROPPED,
    UNHARMED,
    Deliveries,
    Delivery,
    FaultBoard,
    Treatment,
    cuts,
    read_fault,
)

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
NOW_MS = 1_750_000_000_000


def board_of(*found: dict[str, Any], seed: int = 7) -> FaultBoard:
    board = FaultBoard(seed)
    for each in found:
        board.put(read_fault(each))
    return board


def post(
    board: FaultBoard, path: str = ORDER, parameters: Mapping[str, str] = MappingProxyType({}), now_ms: int = NOW_MS
) -> Treatment:
    return board.on_request("POST", path, parameters, now_ms)


def get(board: FaultBoard, path: str = ORDER) -> Treatment:
    return board.on_request("GET", path, {}, NOW_MS)


def frame(board: FaultBoard, event: str = "ORDER_TRADE_UPDATE", symbol: str = "BTCUSDC") -> Deliveries:
    return board.on_frame("user", "key", event, symbol, NOW_MS)


# Reading -------------------------------------------------------------------------------------------------------------


def test_an_object_becomes_its_fault() -> None:
    assert read_fault({"fault": "latency", "ms": 5, "path": "/fapi/*"}) == Latency(ms=5, path="/fapi/*")
    assert read_fault({"fault": "reject", "code": -2019, "symbol": "BTCUSDC", "times": 2}) == Reject(
        code=-2019, symbol="BTCUSDC", times=2
    )
    assert read_fault({"fault": "expire_listen_key"}) == ExpireListenKey()


@pytest.mark.parametrize(
    ("found", "complaint"),
    [
        (None, "fault is None; give an object whose fault is one of answer, answer_after, clock_skew, cut, "),
        ({"fault": []}, "fault is []; give an object"),
        ({"fault": "latency"}, "fault latency, ms: Field required"),
        ({"fault": "latency", "ms": "slow"}, "fault latency, ms: Input should be a valid integer"),
        ({"fault": "latency", "ms": -1}, "fault latency: ms is -1; it must lie between 0 and 600000"),
        ({"fault": "latency", "ms": 1, "count": 3}, "fault latency: count is no field of it; it has name, times, "),
        ({"fault": "lose_reply", "times": 0}, "fault lose_reply: times is 0; it must lie between 1 and"),
        ({"fault": "lose_reply", "after": -1}, "fault lose_reply: after is -1; it must lie between 0 and"),
        ({"fault": "lose_reply", "probability": 0}, "fault lose_reply: probability is 0.0; a fraction above 0"),
        ({"fault": "lose_reply", "from_ms": 5, "until_ms": 5}, "fault lose_reply: until_ms is 5; it must be later"),
        ({"fault": "lose_reply", "parameters": {"symbol": 1}}, "fault lose_reply, parameters.symbol: Input should be"),
        ({"fault": "answer"}, "fault answer: give a code, a body or ban_ms, or a status of 429, 500, 503, 403, 502"),
        ({"fault": "answer", "status": 99}, "fault answer: status is 99; it must lie between 200 and 599"),
        ({"fault": "answer", "code": -9}, "fault answer: code -9 needs a message; -1000, -1001, "),
        ({"fault": "answer", "code": 5, "message": "x"}, "fault answer: code is 5; the exchange's codes are below 0"),
        ({"fault": "answer", "code": -1001, "headers": {"A": "1\r\nB: 2"}}, "is no header; a name of letters and"),
        ({"fault": "reject", "code": -9}, "fault reject: code -9 needs a message"),
        ({"fault": "stale", "ms": 60_001}, "fault stale: ms is 60001; it must lie between 1 and 60000"),
        ({"fault": "reorder_frame", "behind": 0}, "fault reorder_frame: behind is 0; it must lie between 1 and"),
        ({"fault": "drop_frame", "route": "spot"}, "fault drop_frame, route: Input should be 'user' or 'market'"),
        ({"fault": "cut", "times": 2}, "fault cut: times is no field of it; it has fault, name, route, stream"),
    ],
)
def test_what_is_no_fault_is_refused_with_one_line(found: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)) as refusal:
        read_fault(found)
    assert len(str(refusal.value).splitlines()) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    kind=st.sampled_from(sorted(faults._KINDS)),
    fields=st.dictionaries(
        st.sampled_from(["ms", "times", "code", "path", "headers", "status", "body", "from_ms", "route"]), JSON
    ),
)
def test_no_nonsense_gets_past_or_breaks_the_board(kind: str, fields: dict[str, Any]) -> None:
    try:
        fault = read_fault({"fault": kind} | fields)
    except ValueError:
        return
    assert read_fault(asdict(fault)) == fault
    board = FaultBoard(1)
    board.put(fault)
    post(board)
    frame(board)
    board.refuses_stream("user", NOW_MS)
    board.due(NOW_MS)


# Filters -------------------------------------------------------------------------------------------------------------


def test_an_idle_board_leaves_everything_alone() -> None:
    board = FaultBoard(1)
    assert {board.hits_requests, board.hits_frames, board.hits_connections, board.is_sudden} == {False}
    assert post(board) is UNHARMED
    assert frame(board) is AT_ONCE
    assert not board.refuses_stream("user", NOW_MS)


@pytest.mark.parametrize(
    ("filters", "is_hit"),
    [
        ({}, True),
        ({"method": "POST"}, True),
        ({"method": "DELETE"}, False),
        ({"path": ORDER}, True),
        ({"path": "/fapi/v1/ord"}, False),
        ({"path": "/fapi/v1/ord*"}, True),
        ({"parameters": {"symbol": "BTCUSDC", "newClientOrderId": "a"}}, True),
        ({"parameters": {"symbol": "BTCUSDC", "type": "LIMIT"}}, False),
        ({"from_ms": NOW_MS + 1}, False),
        ({"from_ms": NOW_MS, "until_ms": NOW_MS + 1}, True),
        ({"until_ms": NOW_MS}, False),
    ],
)
def test_a_fault_hits_what_its_filters_mean(filters: dict[str, Any], is_hit: bool) -> None:
    board = board_of({"fault": "lose_reply"} | filters)
    assert post(board, ORDER, {"symbol": "BTCUSDC", "newClientOrderID": "a"}).loses_reply is is_hit


@given(
    times=st.none() | st.integers(1, 6),
    after=st.integers(0, 6),
    calls=st.integers(0, 20),
)
def test_it_skips_so_many_and_hits_so_many(times: int | None, after: int, calls: int) -> None:
    board = board_of({"fault": "lose_reply", "times": times, "after": after, "method": "POST"})
    hits = [post(board).loses_reply for _ in range(calls) if get(board) == UNHARMED]
    expected = [number >= after and (times is None or number < after + times) for number in range(calls)]
    assert hits == expected
    is_used_up = times is not None and sum(hits) == times
    assert board.hits_requests is not is_used_up
    assert [each.hits for each in (*board.standing(), *board.spent())] == [sum(hits)]


CALLS = st.lists(st.sampled_from(["post", "get", "user", "market"]), max_size=40)


def history(seed: int, calls: list[str]) -> list[object]:
    board = board_of(
        {"fault": "latency", "ms": 10, "jitter_ms": 90},
        {"fault": "lose_request", "probability": 0.3},
        {"fault": "answer_after", "status": 503, "probability": 0.5},
        {"fault": "delay_frame", "ms": 1, "jitter_ms": 50, "probability": 0.5, "route": "user"},
        {"fault": "duplicate_frame", "probability": 0.2},
        seed=seed,
    )
    do: dict[str, Callable[[], object]] = {
        "post": lambda: post(board),
        "get": lambda: get(board),
        "user": lambda: frame(board),
        "market": lambda: board.on_frame("market", "btcusdc@kline_1m", "kline", "BTCUSDC", NOW_MS),
    }
    return [do[call]() for call in calls]


@given(seed=st.integers(0, 2**32), calls=CALLS)
def test_the_same_seed_and_calls_give_the_same_faults(seed: int, calls: list[str]) -> None:
    assert history(seed, calls) == history(seed, calls)


def test_another_seed_gives_others() -> None:
    assert history(1, ["post", "user"] * 20) != history(2, ["post", "user"] * 20)


def test_a_probability_hits_about_so_often() -> None:
    board = board_of({"fault": "drop_frame", "probability": 0.25})
    dropped = sum(frame(board) == DROPPED for _ in range(4_000))
    assert 850 < dropped < 1_150


# Requests ------------------------------------------------------------------------------------------------------------


def test_each_kind_does_its_own() -> None:
    assert post(board_of({"fault": "latency", "ms": 30})) == Treatment(delay_ms_before=30)
    assert post(board_of({"fault": "latency", "ms": 30, "of": "reply"})) == Treatment(delay_ms_after=30)
    assert post(board_of({"fault": "lose_request"})) == Treatment(executes=False)
    assert post(board_of({"fault": "lose_reply"})) == Treatment(loses_reply=True)
    assert get(board_of({"fault": "clock_skew", "ms": -4_000}), "/fapi/v1/time") == Treatment(skew_ms=-4_000)
    assert get(board_of({"fault": "stale", "ms": 900}), "/fapi/v3/positionRisk") == Treatment(stale_ms=900)
    assert get(board_of({"fault": "stale", "ms": 900}), "/fapi/v1/income") == UNHARMED
    assert post(board_of({"fault": "refuse_connection", "of": "requests"})) == Treatment(executes=False)
    assert post(board_of({"fault": "refuse_connection", "of": "streams"})) == UNHARMED


@pytest.mark.parametrize(
    ("fields", "status", "code", "text"),
    [
        ({"status": 503}, 503, -1000, UNKNOWN_ERROR),
        ({"status": 500}, 500, -1000, "An unknown error occured"),
        ({"status": 502}, 502, 0, "502 Bad Gateway"),
        ({"code": -1001}, 503, -1001, "Internal error"),
        ({"code": -1006}, 503, -1006, "Execution status unknown."),
        ({"code": -1007}, 408, -1007, "Send status unknown"),
        ({"code": -1007, "status": 503}, 503, -1007, "Send status unknown"),
        ({"code": -1008}, 503, -1008, "Request throttled"),
        ({"code": -1015}, 429, -1015, "Too many new orders"),
        ({"code": -1021}, 400, -1021, "outside of the recvWindow"),
        ({"status": 429, "retry_after_s": 7}, 429, -1003, "Too many requests"),
        ({"code": -4400, "message": "No more opening"}, 400, -4400, "No more opening"),
        ({"status": 200, "body": '{"oddly":1}'}, 200, 0, "oddly"),
    ],
)
def test_an_answer_is_as_the_exchange_words_it(fields: dict[str, Any], status: int, code: int, text: str) -> None:
    answer = post(board_of({"fault": "answer"} | fields)).answer
    assert answer is not None
    assert (answer.status, answer.code) == (status, code)
    assert text in answer.body
    if code:
        assert json.loads(answer.body)["code"] == code
    assert ("Retry-After", "7") in answer.headers or "retry_after_s" not in fields


def test_every_known_code_can_be_answered() -> None:
    for code in KNOWN:
        treatment = post(board_of({"fault": "reject", "code": code}))
        assert treatment.answer is not None
        assert (treatment.answer.status, treatment.answer.code, treatment.executes) == (400, code, False)


def test_answered_after_is_executed_and_answered_instead_is_not() -> None:
    assert post(board_of({"fault": "answer_after", "code": -1007})).executes
    assert not post(board_of({"fault": "answer", "code": -1007})).executes


def test_a_ban_lasts_until_the_time_that_its_answer_names_and_counts_once() -> None:
    board = board_of({"fault": "answer", "ban_ms": 1_000, "times": 1})
    for late_ms in (0, 400, 999):
        answer = post(board, now_ms=NOW_MS + late_ms).answer
        assert answer is not None
        assert answer.status == 418
        assert f"banned until {NOW_MS + 1_000}" in answer.body
    assert post(board, now_ms=NOW_MS + 1_000) == UNHARMED
    assert [each.hits for each in board.spent()] == [1]


def test_only_placing_is_rejected_by_symbol_side_and_type() -> None:
    board = board_of({"fault": "reject", "code": -2019, "symbol": "BTCUSDC", "side": "SELL", "type": "STOP_MARKET"})
    stop = {"symbol": "BTCUSDC", "side": "SELL", "type": "STOP_MARKET"}
    assert post(board, ALGO, stop).answer is not None
    assert post(board, ALGO, stop | {"symbol": "ETHUSDC"}) == UNHARMED
    assert post(board, ALGO, stop | {"type": "TAKE_PROFIT_MARKET"}) == UNHARMED
    assert board.on_request("DELETE", ALGO, stop, NOW_MS) == UNHARMED
    assert post(board, "/fapi/v1/leverage", stop) == UNHARMED


def test_only_questions_for_one_order_are_not_found() -> None:
    board = board_of({"fault": "not_found"})
    for path in (ORDER, ALGO, "/fapi/v1/openOrder"):
        answer = get(board, path).answer
        assert answer is not None
        assert answer.code == -2013
    assert get(board, "/fapi/v1/openOrders") == UNHARMED
    assert post(board) == UNHARMED


def test_the_first_that_decides_is_the_only_one_and_delays_add_up() -> None:
    board = board_of(
        {"fault": "latency", "ms": 10},
        {"fault": "lose_reply", "times": 1},
        {"fault": "answer", "status": 503, "times": 1},
        {"fault": "latency", "ms": 5},
    )
    assert post(board) == Treatment(delay_ms_before=15, loses_reply=True)
    assert post(board).answer is not None
    assert post(board) == Treatment(delay_ms_before=15)


# Frames --------------------------------------------------------------------------------------------------------------


def test_each_kind_of_frame_fault_does_its_own() -> None:
    assert frame(board_of({"fault": "drop_frame"})) == DROPPED
    assert frame(board_of({"fault": "delay_frame", "ms": 40})) == (Delivery(40),)
    assert frame(board_of({"fault": "duplicate_frame", "copies": 2, "ms": 9})) == (
        Delivery(),
        Delivery(9),
        Delivery(9),
    )
    assert frame(board_of({"fault": "reorder_frame", "behind": 3})) == (Delivery(0, 3),)
    assert frame(board_of({"fault": "silent"})) == DROPPED


@pytest.mark.parametrize(
    ("filters", "is_hit"),
    [
        ({"route": "user"}, True),
        ({"route": "market"}, False),
        ({"stream": "key"}, True),
        ({"stream": "k*"}, True),
        ({"stream": "ke"}, False),
        ({"event": "ORDER_TRADE_UPDATE"}, True),
        ({"event": "ALGO_UPDATE"}, False),
        ({"symbol": "BTCUSDC"}, True),
        ({"symbol": "ETHUSDC"}, False),
    ],
)
def test_a_frame_fault_hits_what_its_filters_mean(filters: dict[str, Any], is_hit: bool) -> None:
    assert (frame(board_of({"fault": "drop_frame"} | filters)) == DROPPED) is is_hit


def test_a_stream_is_silent_as_a_whole_only_without_a_filter_on_what_it_tells() -> None:
    assert board_of({"fault": "silent", "route": "user"}).is_silent("user", "key", NOW_MS)
    assert not board_of({"fault": "silent", "route": "user"}).is_silent("market", "x@kline_1m", NOW_MS)
    assert not board_of({"fault": "silent", "event": "ALGO_UPDATE"}).is_silent("user", "key", NOW_MS)
    assert not board_of({"fault": "drop_frame"}).is_silent("user", "key", NOW_MS)


def test_streams_are_refused_by_route() -> None:
    board = board_of({"fault": "refuse_connection", "route": "user", "times": 1})
    assert not board.refuses_stream("market", NOW_MS)
    assert board.refuses_stream("user", NOW_MS)
    assert not board.refuses_stream("user", NOW_MS)


# The board -----------------------------------------------------------------------------------------------------------


def test_a_fault_is_lifted_by_its_name_and_all_without_one() -> None:
    board = board_of(
        {"fault": "lose_reply", "name": "a"}, {"fault": "drop_frame", "name": "b"}, {"fault": "latency", "ms": 1}
    )
    assert board.lift("a") == 1
    assert [each.fault for each in board.standing()] == [DropFrame(name="b"), Latency(ms=1)]
    assert board.lift("nobody") == 0
    assert board.lift() == 2
    assert (board.hits_requests, board.hits_frames) == (False, False)


def test_sudden_faults_are_due_once_and_at_their_time() -> None:
    board = board_of({"fault": "cut"}, {"fault": "expire_listen_key", "from_ms": NOW_MS + 5})
    assert board.is_sudden
    assert board.due(NOW_MS) == [Cut()]
    assert board.due(NOW_MS + 4) == []
    assert board.due(NOW_MS + 5) == [ExpireListenKey(from_ms=NOW_MS + 5)]
    assert not board.is_sudden


def test_a_cut_takes_those_that_are_subscribed_to_what_it_names() -> None:
    assert cuts(Cut(), {})
    assert cuts(Cut(route="user"), {"key": "user", "x@trade": "market"})
    assert not cuts(Cut(route="user"), {"x@trade": "market"})
    assert not cuts(Cut(route="user"), {})
    assert cuts(Cut(stream="x@*"), {"x@trade": "market"})


def test_a_board_takes_no_more_than_so_many() -> None:
    board = FaultBoard(1)
    for _ in range(faults.STANDING_MAX):
        board.put(LoseReply())
    with pytest.raises(ValueError, match="1000 faults stand already; lift some first"):
        board.put(LoseReply())
