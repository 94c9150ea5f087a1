"""Endpoints of the faults and of the request log. No real exchange has them, and no fault hits them."""

from dataclasses import asdict

import orjson

from localbinance.rules import errors
from localbinance.rules.rejection import Rejection
from localbinance.server.endpoint import Endpoint, Routes
from localbinance.server.faults import OnBoard, read_fault
from localbinance.server.naked_time import naked_spells
from localbinance.server.request_log import Entry, PositionEntry, RequestEntry, StopEntry, StopOrderEntry
from localbinance.server.security import Security
from localbinance.server.venue import Call, Venue
from localbinance.server.wire_numbers import plain

ENTRIES_MAX = 10_000  # of the log at once


def put(venue: Venue, call: Call) -> object:
    """POST /localbinance/faults: a fault or a list of them, as the JSON body or in the parameter `faults`.

    When one of them is no fault, none is put.
    """
    text = call.parameters.text("faults") or call.body
    if not text:
        raise errors.missing("faults")
    try:
        found = orjson.loads(text)
        faults = [read_fault(each) for each in (found if isinstance(found, list) else [found])]
        for fault in faults:
            venue.switchboard.put(fault, call.now_ms)
    except orjson.JSONDecodeError as error:
        raise Rejection(-1130, f"faults is no JSON: {error}") from None
    except ValueError as error:
        raise Rejection(-1130, str(error)) from None
    return {"put": len(faults)}


def standing(venue: Venue, _call: Call) -> object:
    """GET /localbinance/faults: what stands, and what was taken down or used up."""
    board = venue.switchboard.board
    return {
        "standing": [_row(each) for each in board.standing()],
        "spent": [_row(each) for each in board.spent()],
    }


def lift(venue: Venue, call: Call) -> object:
    """DELETE /localbinance/faults: those called `name`, or all."""
    return {"lifted": venue.switchboard.board.lift(call.parameters.text("name"))}


def requests(venue: Venue, call: Call) -> object:
    """GET /localbinance/requests: the log after the entry `since`, `next` being what to ask with next time."""
    since = call.parameters.integer("since") or 0
    entries = venue.log.since(since, call.account, call.parameters.limit(default=ENTRIES_MAX, most=ENTRIES_MAX))
    return {
        "next": entries[-1].number if entries else since,
        "requests_let_go": venue.log.requests_let_go,
        "events_let_go": venue.log.events_let_go,
        "entries": [_entry(each) for each in entries],
    }


def naked(venue: Venue, call: Call) -> object:
    """GET /localbinance/naked: spells in which positions were not wholly covered by stops, by real ms."""
    return [
        {
            "symbol": spell.symbol,
            "position_side": spell.position_side,
            "from_ms": spell.from_ms,
            "until_ms": spell.until_ms,
        }
        for spell in naked_spells(venue.log.events(call.account))
    ]


def _row(each: OnBoard) -> dict[str, object]:
    return asdict(each.fault) | {"seen": each.seen, "hits": each.hits}


def _entry(entry: Entry) -> dict[str, object]:
    row = {
        name: plain(value) if name in ("quantity", "quantity_signed", "remaining") else value
        for name, value in asdict(entry).items()
        if name != "account"
    }
    return {"entry": _NAMES[type(entry)]} | row


_NAMES = {RequestEntry: "request", PositionEntry: "position", StopEntry: "stop", StopOrderEntry: "stop_order"}
ROUTES: Routes = {
    ("POST", "/localbinance/faults"): Endpoint(put, Security.KEY, 0, limited=False, changes=True),
    ("GET", "/localbinance/faults"): Endpoint(standing, Security.KEY, 0, limited=False),
    ("DELETE", "/localbinance/faults"): Endpoint(lift, Security.KEY, 0, limited=False),
    ("GET", "/localbinance/requests"): Endpoint(requests, Security.KEY, 0, limited=False),
    ("GET", "/localbinance/naked"): Endpoint(naked, Security.KEY, 0, limited=False),
}
