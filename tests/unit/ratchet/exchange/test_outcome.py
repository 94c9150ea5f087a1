"""What an error says about whether a request was taken: a wrong guess here doubles a position or loses one."""

import aiohttp
import ccxt
import pytest

from ratchet.exchange.errors import ExchangeError, Meaning, NotSent, OutcomeUnknown, RateLimited, Rejected
from ratchet.exchange.outcome import Refused, outcome_of


def answered(code: int, message: str = "text", kind: type[Exception] = ccxt.ExchangeError) -> Exception:
    return kind(f'binance {{"code":{code},"msg":"{message}"}}')


def refused_connection() -> Exception:
    error: Exception = ccxt.ExchangeNotAvailable("binance POST http://127.0.0.1:1/fapi/v1/order?signature=secret")
    error.__cause__ = aiohttp.ClientConnectorError.__new__(aiohttp.ClientConnectorError)
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answered(-2019, kind=ccxt.InsufficientFunds), Rejected),
        (answered(-2021, kind=ccxt.OrderImmediatelyFillable), Rejected),
        (answered(-4130), Rejected),
        (answered(-2013, kind=ccxt.OrderNotFound), Rejected),
        (answered(-1022, kind=ccxt.AuthenticationError), Rejected),
        (answered(-1006, kind=ccxt.OperationFailed), OutcomeUnknown),
        (answered(-1007, kind=ccxt.RequestTimeout), OutcomeUnknown),
        (answered(-1000, kind=ccxt.OperationFailed), OutcomeUnknown),
        (answered(-1001, kind=ccxt.OperationFailed), OutcomeUnknown),
        (answered(-1003, kind=ccxt.DDoSProtection), RateLimited),
        (answered(-1015, kind=ccxt.RateLimitExceeded), RateLimited),
        (answered(-1008, kind=ccxt.OperationFailed), RateLimited),
        (answered(-1021, kind=ccxt.InvalidNonce), NotSent),
        (refused_connection(), NotSent),
        (ccxt.RequestTimeout("binance POST http://x/order"), OutcomeUnknown),
        (TimeoutError(), OutcomeUnknown),
        (ccxt.ExchangeNotAvailable("binance 503 Service Unavailable <html>"), OutcomeUnknown),
        (ccxt.ExchangeError("connection closed in the middle"), OutcomeUnknown),
        (ccxt.BadResponse("no JSON"), OutcomeUnknown),
        (ccxt.DDoSProtection("binance 418 I'm a teapot"), RateLimited),
    ],
)
def test_every_failure_has_its_outcome(error: Exception, kind: type[ExchangeError]) -> None:
    assert type(outcome_of(error, "POST order")) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"code":-2019,"msg":"Margin is insufficient."}', Rejected),
        (503, '{"code":-2019,"msg":"Margin is insufficient."}', OutcomeUnknown),
        (503, '{"code":-1008,"msg":"throttled"}', RateLimited),
        (408, '{"code":-1007,"msg":"Timeout waiting for response"}', OutcomeUnknown),
        (504, "<html>", OutcomeUnknown),
        (503, '{"code":-1,"msg":"Service Unavailable."}', NotSent),
        (503, "Service Unavailable", NotSent),
        (503, "<html>Service Unavailable</html>", OutcomeUnknown),
        (503, '{"code":-1,"msg":"Unknown error, please check your request or try again later."}', OutcomeUnknown),
        (403, "<html>firewall</html>", RateLimited),
        (429, "<html>", RateLimited),
        (418, "", RateLimited),
    ],
)
def test_the_status_of_an_answer_counts_with_its_code(status: int, body: str, kind: type[ExchangeError]) -> None:
    assert type(outcome_of(Refused(status, {}, body), "POST order")) is kind


@pytest.mark.parametrize(
    ("code", "text", "meaning"),
    [
        (-2010, "Duplicate order sent.", Meaning.DUPLICATE),
        (-2010, "Account has insufficient balance for requested action.", Meaning.NO_BALANCE),
        (-2010, "Order would immediately match and take.", Meaning.OTHER),
        (-1013, "Market is closed.", Meaning.NOT_TRADING),
        (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", Meaning.FILTER),
        (-1013, "Invalid price.", Meaning.OTHER),
    ],
)
def test_spots_codes_mean_what_their_text_says(code: int, text: str, meaning: Meaning) -> None:
    error = outcome_of(answered(code, text), "POST order")
    assert isinstance(error, Rejected)
    assert error.meaning is meaning


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (-4116, Meaning.DUPLICATE),  # it was taken before: anything else would send a second one
        (-2013, Meaning.NOT_FOUND),
        (-2011, Meaning.NOT_OPEN),
        (-4117, Meaning.TRIGGERING),
        (-2021, Meaning.WOULD_TRIGGER),  # close at market: anything else would try the same stop again
        (-4142, Meaning.WOULD_TRIGGER),
        (-5022, Meaning.WOULD_TAKE),
        (-2022, Meaning.NOTHING_TO_REDUCE),
        (-4118, Meaning.NOTHING_TO_REDUCE),
        (-1125, Meaning.KEY_DEAD),
        (-2019, Meaning.OTHER),
        (-4120, Meaning.OTHER),
        (-4130, Meaning.OTHER),
        (-4509, Meaning.OTHER),
        (-9999, Meaning.OTHER),
    ],
)
def test_a_no_says_what_it_means(code: int, meaning: Meaning) -> None:
    no = outcome_of(answered(code), "POST order")
    assert isinstance(no, Rejected)
    assert (no.code, no.meaning) == (code, meaning)


def test_what_is_not_known_is_never_taken_for_a_no() -> None:
    """Any error of ccxt without an answer of Binance in it leaves the outcome open."""
    for name in dir(ccxt):
        kind = getattr(ccxt, name)
        if isinstance(kind, type) and issubclass(kind, ccxt.BaseError):
            outcome = outcome_of(kind("something"), "POST order")
            assert isinstance(outcome, (OutcomeUnknown, RateLimited)), name


def test_retry_after_is_read_and_codes_are_kept() -> None:
    limited = outcome_of(Refused(429, {"retry-after": "7"}, '{"code":-1003,"msg":"text"}'), "GET klines")
    assert isinstance(limited, RateLimited)
    assert limited.retry_after_ms == 7_000
    no = outcome_of(answered(-2022, "ReduceOnly Order is rejected."), "POST order")
    assert isinstance(no, Rejected)
    assert (no.code, no.message) == (-2022, "ReduceOnly Order is rejected.")


def test_no_message_holds_an_address_or_a_signature() -> None:
    for error in (refused_connection(), ccxt.RequestTimeout("GET http://x/?signature=secret&apiKey=k")):
        text = str(outcome_of(error, "POST order"))
        assert "secret" not in text
        assert "http" not in text
