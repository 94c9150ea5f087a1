"""The outcome: what every kind of answer, or silence, says about a request. One table; nobody else reads codes.

| what came back | what is known | what happens next |
| --- | --- | --- |
| an answer without error | it was taken | go by what it says |
| a code that is in none of the rows below | `Rejected`: refused, nothing happened | by its `Meaning` |
| -4116; on spot -2010 "Duplicate order sent." | `Rejected` DUPLICATE: taken before | ask by the client id |
| -1021; no connection made; 503 "Service Unavailable" | `NotSent`: not taken | send again; the clock is set anew |
| -1003, -1008, -1015; HTTP 429, 418; 403 of the firewall | `RateLimited`: not taken | send again, not before it says |
| -1000, -1001, -1006, -1007; any other 5xx; HTML | `OutcomeUnknown` | ask by the client id, never send again blind |
| no answer in time, a line that broke after the bytes left | `OutcomeUnknown` | the same |
| an answer that is not understood | `OutcomeUnknown` (`BadReply` for questions) | the same |

An order that is not found (-2013) is asked for until the receive window has passed for certain.
A stop is the exception that may be sent again under its name at once: a second reduce-only stop does no harm.
"""

import re
from collections.abc import Mapping

import aiohttp
import ccxt

from ratchet.exchange.errors import ExchangeError, Meaning, NotSent, OutcomeUnknown, RateLimited, Rejected

_ANSWER = re.compile(r'\{"code":\s*(-?\d+)\s*,\s*"msg":\s*"((?:[^"\\]|\\.)*)"')

TIMESTAMP_REFUSED = -1021
TAKEN_OR_NOT = frozenset({-1000, -1001, -1006, -1007})  # internal errors and timeouts behind Binance's front
TOO_MUCH = frozenset({-1003, -1008, -1015})  # refused at the front
MEANINGS = {
    -4116: Meaning.DUPLICATE,
    -2013: Meaning.NOT_FOUND,
    -2011: Meaning.NOT_OPEN,
    -4117: Meaning.TRIGGERING,
    -2021: Meaning.WOULD_TRIGGER,
    -4142: Meaning.WOULD_TRIGGER,
    -5022: Meaning.WOULD_TAKE,
    -2022: Meaning.NOTHING_TO_REDUCE,
    -4118: Meaning.NOTHING_TO_REDUCE,
    -4140: Meaning.NOT_TRADING,
    -4141: Meaning.NOT_TRADING,
    -4046: Meaning.UNCHANGED,
    -4059: Meaning.UNCHANGED,
    -1125: Meaning.KEY_DEAD,
    -1022: Meaning.KEY_REFUSED,
    -2014: Meaning.KEY_REFUSED,
    -2015: Meaning.KEY_REFUSED,
}
TEXTS = {  # of spot's codes, which mean one thing or another by their text
    (-2010, "Duplicate order sent."): Meaning.DUPLICATE,
    (-2010, "Account has insufficient balance for requested action."): Meaning.NO_BALANCE,
    (-2010, "Market is closed."): Meaning.NOT_TRADING,
    (-1013, "Market is closed."): Meaning.NOT_TRADING,
}
FILTER_REFUSED, FILTER_TEXT = -1013, "Filter failure: "

BROKEN = 500  # from this HTTP status on, an answer does not say that nothing happened
UNAVAILABLE = "Service Unavailable"  # the one 503 that says so
AT_THE_FRONT = frozenset({403, 418, 429})  # firewall, ban, limit


class Refused(ccxt.BaseError):  # type: ignore[misc]  # ccxt's types stop at its own modules
    """An answer with an error status, as it came: `str()` is its body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: str) -> None:
        super().__init__(body)
        self.status = status
        self.headers = headers


def outcome_of(error: BaseException, what: str) -> ExchangeError:
    """Translate.

    Args: error, what was raised; what, the request in a few words for the message ("POST order").
    """
    found = _ANSWER.search(str(error))
    if isinstance(error, Refused):
        return _of_answer(error, found, what)
    if found is not None:
        return _of_code(int(found[1]), found[2], what, None, is_broken=False)
    if isinstance(error.__cause__, aiohttp.ClientConnectorError):
        return NotSent(f"{what}: no connection to the exchange")
    if isinstance(error, (ccxt.DDoSProtection, ccxt.RateLimitExceeded)):
        return RateLimited(f"{what}: too many requests")
    if isinstance(error, ccxt.RequestTimeout | TimeoutError):
        return OutcomeUnknown(f"{what}: no answer in time")
    if isinstance(error, ccxt.NetworkError):
        return OutcomeUnknown(f"{what}: the connection was lost")
    return OutcomeUnknown(f"{what}: an answer that is none ({type(error).__name__})")


def _of_answer(answer: Refused, found: re.Match[str] | None, what: str) -> ExchangeError:
    is_broken = answer.status >= BROKEN
    if is_broken and (found[2] if found else str(answer)).strip().rstrip(".") == UNAVAILABLE:
        return NotSent(f"{what}: HTTP {answer.status} {UNAVAILABLE}")
    if found is not None:
        return _of_code(int(found[1]), found[2], what, answer.headers, is_broken=is_broken)
    if answer.status in AT_THE_FRONT:
        return RateLimited(f"{what}: turned away (HTTP {answer.status})", _retry_after_ms(answer.headers))
    return OutcomeUnknown(f"{what}: HTTP {answer.status} without a word of the exchange")


def _of_code(
    code: int, message: str, what: str, headers: Mapping[str, str] | None, *, is_broken: bool
) -> ExchangeError:
    if code in TOO_MUCH:
        return RateLimited(f"{what}: {code} {message}", _retry_after_ms(headers))
    if code in TAKEN_OR_NOT or is_broken:
        return OutcomeUnknown(f"{what}: {code} {message}")
    if code == TIMESTAMP_REFUSED:
        return NotSent(f"{what}: {code} {message}")
    return Rejected(code, message, _meaning(code, message))


def _meaning(code: int, message: str) -> Meaning:
    if code == FILTER_REFUSED and message.startswith(FILTER_TEXT):
        return Meaning.FILTER
    return TEXTS.get((code, message)) or MEANINGS.get(code, Meaning.OTHER)


def _retry_after_ms(headers: Mapping[str, str] | None) -> int | None:
    seconds = next((value for name, value in (headers or {}).items() if name.lower() == "retry-after"), "")
    return int(seconds) * 1_000 if seconds.isdigit() else None
