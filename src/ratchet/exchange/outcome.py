"""The outcome: what an error of ccxt says about whether a request was taken. One table, no exceptions to it."""

import re
from collections.abc import Mapping

import aiohttp
import ccxt

from ratchet.exchange.errors import ExchangeError, NotSent, OutcomeUnknown, RateLimited, Rejected

_ANSWER = re.compile(r'\{"code":\s*(-?\d+)\s*,\s*"msg":\s*"((?:[^"\\]|\\.)*)"')

TIMESTAMP_REFUSED = -1021
TAKEN_OR_NOT = frozenset({-1000, -1001, -1006, -1007})  # internal errors and timeouts behind Binance's front
BROKEN = 500  # from this HTTP status on, an answer does not say that nothing happened
BANS = frozenset({418, 429})
TOO_MUCH = frozenset({-1003, -1008, -1015})  # refused at the front


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
    status, headers = (error.status, error.headers) if isinstance(error, Refused) else (None, None)
    is_broken = status is not None and status >= BROKEN
    found = _ANSWER.search(str(error))
    if found is not None:
        return _of_code(int(found[1]), found[2], what, headers, is_broken=is_broken)
    if status in BANS:
        return RateLimited(f"{what}: too many requests (HTTP {status})", _retry_after_ms(headers))
    if status is not None:
        return OutcomeUnknown(f"{what}: HTTP {status} without a word of the exchange")
    if isinstance(error.__cause__, aiohttp.ClientConnectorError):
        return NotSent(f"{what}: no connection to the exchange")
    if isinstance(error, (ccxt.DDoSProtection, ccxt.RateLimitExceeded)):
        return RateLimited(f"{what}: too many requests")
    if isinstance(error, ccxt.RequestTimeout | TimeoutError):
        return OutcomeUnknown(f"{what}: no answer in time")
    if isinstance(error, ccxt.NetworkError):
        return OutcomeUnknown(f"{what}: the connection was lost")
    return OutcomeUnknown(f"{what}: an answer that is none ({type(error).__name__})")


def _of_code(
    code: int, message: str, what: str, headers: Mapping[str, str] | None, *, is_broken: bool
) -> ExchangeError:
    if code in TOO_MUCH:
        return RateLimited(f"{what}: {code} {message}", _retry_after_ms(headers))
    if code in TAKEN_OR_NOT or is_broken:
        return OutcomeUnknown(f"{what}: {code} {message}")
    if code == TIMESTAMP_REFUSED:
        return NotSent(f"{what}: {code} {message}")
    return Rejected(code, message)


def _retry_after_ms(headers: Mapping[str, str] | None) -> int | None:
    seconds = next((value for name, value in (headers or {}).items() if name.lower() == "retry-after"), "")
    return int(seconds) * 1_000 if seconds.isdigit() else None
