"""Answers that a fault gives in place of the exchange's own: status, headers and body as Binance sends them."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from localbinance.rules import errors, spot_errors
from localbinance.rules.rejection import Rejection
from localbinance.server import refusals

UNKNOWN_ERROR = "Unknown error, please check your request or try again later."  # nobody knows whether it was executed
KNOWN: Mapping[int, Rejection] = {
    no.code: no
    for no in (
        refusals.internal(),
        Rejection(-1001, "Internal error; unable to process your request. Please try again.", status=503),
        refusals.weight_exceeded(2_400),
        Rejection(
            -1006, "An unexpected response was received from the message bus. Execution status unknown.", status=503
        ),
        Rejection(
            -1007,
            "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
            status=408,
        ),
        Rejection(
            -1008,
            "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. "
            "Please try again.",
            status=503,
        ),
        refusals.orders_exceeded(300, "10 SECOND"),
        refusals.timestamp_late(),
        errors.unable_to_fill(),
        errors.unknown_order(),
        errors.order_does_not_exist(),
        errors.margin_insufficient(),
        errors.would_immediately_trigger(),
        errors.reduce_only_rejected(),
        errors.position_limit_exceeded(),
        errors.close_position_exists(),
        errors.close_position_without_position(),
        errors.post_only_rejected(),
        spot_errors.insufficient_balance(),
        spot_errors.market_closed(),
    )
}
BARE: Mapping[int, Rejection] = {  # what a status says that comes without a code of its own
    429: refusals.weight_exceeded(2_400),
    500: refusals.internal(),
    503: Rejection(-1000, UNKNOWN_ERROR, status=503),
}
PAGES: Mapping[int, str] = {  # what stands before the exchange answers in HTML
    403: "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>",
    502: "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>",
    504: "<html><head><title>504 Gateway Time-out</title></head><body><h1>504 Gateway Time-out</h1></body></html>",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...] = ()
    code: int = 0  # Binance's, where the body has one


def of_rejection(no: Rejection, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A refusal as it travels."""
    body = orjson.dumps({"code": no.code, "msg": no.message}).decode()
    return Answer(no.status, body, (("Content-Type", "application/json"), *headers), no.code)


def of_page(status: int, body: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A body as it is given: JSON where it looks like it, else a page."""
    kind = "application/json" if body.startswith(("{", "[")) else "text/html"
    return Answer(status, body, (("Content-Type", kind), *headers))
