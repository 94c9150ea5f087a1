"""The request log: bounded, numbered, without secrets."""

from decimal import Decimal

import pytest

from localbinance.server import request_log
from localbinance.server.request_log import RequestEntry, RequestLog, StopEntry, StopOrderEntry
from tests.unit.localbinance.server.bench import KEY, SYMBOL, Bench

POSITION = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"}
STOP = {"algoType": "CONDITIONAL", "symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01"}


def note(log: RequestLog, path: str = "/x", **parameters: str) -> None:
    at = log.instant(5)
    log.note_request(arrived=at, answered=at, method="GET", path=path, parameters=parameters, status=200, code=0)


def test_only_what_was_asked_for_is_told() -> None:
    log = RequestLog()
    note(log, symbol="BTCUSDC", signature="abc", timestamp="1", listenkey="k", apikey="a")
    [entry] = log.since(0, KEY, 10)
    assert isinstance(entry, RequestEntry)
    assert entry.parameters == {"symbol": "BTCUSDC"}


def test_the_newest_are_kept_and_the_others_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_log, "REQUESTS_KEPT_MAX", 3)
    log = RequestLog()
    for _ in range(5):
        note(log)
    assert [entry.number for entry in log.since(0, KEY, 10)] == [3, 4, 5]
    assert log.requests_let_go == 2


def test_it_is_read_on_from_a_number() -> None:
    log = RequestLog()
    for _ in range(5):
        note(log)
    assert [entry.number for entry in log.since(2, KEY, 2)] == [3, 4]
    assert log.since(5, KEY, 2) == []


async def test_positions_and_stops_are_told_with_what_became_of_them() -> None:
    bench = Bench.make()
    bench.conductor.step()
    await bench.send("POST", "/fapi/v1/order", POSITION)
    last = bench.app.venue.exchange.best(SYMBOL)
    assert last is not None
    near = str((last.last * Decimal("0.98")).quantize(Decimal("0.1")))
    placed = await bench.send("POST", "/fapi/v1/algoOrder", STOP | {"triggerPrice": near, "reduceOnly": "true"})
    assert placed.status == 200, placed.body
    await bench.send("POST", "/localbinance/act", {"act": f'{{"act":"gap","symbol":"{SYMBOL}","fraction":-0.05}}'})
    bench.conductor.step()
    events = bench.app.venue.log.events(KEY)
    stops = [each for each in events if isinstance(each, StopEntry)]
    assert list(dict.fromkeys(each.change for each in stops)) == ["created", "triggered", "ended"]
    orders = [each.remaining for each in events if isinstance(each, StopOrderEntry)]
    assert (orders[0], orders[-1]) == (Decimal("0.01"), Decimal(0))
    held = [each.quantity_signed for each in events if isinstance(each, request_log.PositionEntry)]
    assert held == [Decimal("0.01"), 0]
    assert bench.app.venue.log.events("somebody else") == []
    others = bench.app.venue.log.since(0, "somebody else", 100)
    assert {type(each) for each in others} == {RequestEntry}
