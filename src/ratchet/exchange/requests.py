"""Requests: one guarded call of the exchange through ccxt: signed, in time, its failure told by its outcome."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import ccxt.async_support
import structlog

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.clock import Clock
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import ExchangeError, NotSent, OutcomeUnknown, RateLimited
from ratchet.exchange.outcome import Refused, outcome_of

READ_ATTEMPTS_MAX = 4
ERROR_STATUS = 400
PAUSE_FIRST_S = 0.2  # doubled each time, of real time
PAUSE_MAX_S = 5.0

log = structlog.get_logger(__name__)


class Requests:
    """Sends requests. ccxt signs them, keeps the rate limit and knows the addresses; numbers stay the text they are."""

    def __init__(self, settings: ExchangeSettings, clock: Clock) -> None:
        self._clock = clock
        self._timeout_s = settings.reply_timeout_s
        self._ccxt: Any = ccxt.async_support.binance(_configuration(settings))
        # Signed timestamps are of the one clock, which may be an accelerated exchange's.
        self._ccxt.nonce = clock.now_ms
        # It would log addresses with signatures, and headers with the key.
        self._ccxt.logger = logging.Logger("silent", level=logging.CRITICAL + 1)
        _keep_answers(self._ccxt)

    async def close(self) -> None:
        """Close connections."""
        await self._ccxt.close()

    async def read(self, method: str, parameters: Mapping[str, object] | None = None) -> Any:
        """A request that changes nothing, or nothing twice: tried again when it failed for reasons that may pass.

        Args: method, ccxt's name of the endpoint ("fapiPublicGetKlines").
        Raises: ExchangeError.
        """
        with self._clock.working():
            for attempt in range(READ_ATTEMPTS_MAX):
                try:
                    return await self.send(method, parameters)
                except (NotSent, OutcomeUnknown, RateLimited) as error:
                    if attempt == READ_ATTEMPTS_MAX - 1:
                        raise
                    log.warning("request_repeated", error=str(error), attempt=attempt + 1)
                    await asyncio.sleep(_pause_s(error, attempt))
        raise AssertionError("the loop returns or raises")

    async def send(self, method: str, parameters: Mapping[str, object] | None = None) -> Any:
        """One request, once. Exchange time is held until its outcome is known.

        Raises: ExchangeError.
        """
        what = words(method)
        with self._clock.working():
            try:
                async with asyncio.timeout(self._timeout_s + 1):
                    return await getattr(self._ccxt, method)(dict(parameters or {}))
            except (ccxt.BaseError, TimeoutError) as error:
                outcome = outcome_of(error, what)
        # Raised outside of the handler: ccxt's own error holds the address with its signature.
        if isinstance(outcome, NotSent):
            await self._set_clock()
        raise outcome

    async def _set_clock(self) -> None:
        """A refused timestamp, or a lost connection, may mean that this machine's clock is off."""
        if not isinstance(self._clock, SystemClock):
            return
        asked_ms = self._clock.now_ms()
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._ccxt.fapiPublicGetTime()
        except (ccxt.BaseError, TimeoutError):
            return
        self._clock.set_by(int(answer["serverTime"]), asked_ms, self._clock.now_ms())


def _configuration(settings: ExchangeSettings) -> dict[str, object]:
    """ccxt on linear contracts alone: it asks nothing of spot, margin or coin-margined markets."""
    configuration: dict[str, object] = {
        "apiKey": settings.api_key.get_secret_value(),
        "secret": settings.api_secret.get_secret_value(),
        "timeout": round(settings.reply_timeout_s * 1_000),
        "enableRateLimit": settings.rate_limit,
        "options": {
            "defaultType": "swap",
            "fetchMarkets": {"types": ["linear"]},
            "fetchCurrencies": False,
            "fetchMargins": False,
            "recvWindow": settings.recv_window_ms,
        },
    }
    if settings.http_url is not None:
        base = settings.http_url
        versions = {"": "v1", "V2": "v2", "V3": "v3"}
        addresses = {
            f"fapi{access}{suffix}": f"{base}/fapi/{version}"
            for access in ("Public", "Private")
            for suffix, version in versions.items()
        }
        # No address of Binance itself is left: a request that goes astray must not leave this machine.
        addresses |= dict.fromkeys(("sapi", "sapiV2", "sapiV3", "sapiV4"), f"{base}/sapi/v1")
        addresses |= dict.fromkeys(("public", "private", "v1"), f"{base}/api/v3")
        addresses |= dict.fromkeys(("dapiPublic", "dapiPrivate", "dapiPrivateV2"), f"{base}/dapi/v1")
        configuration["urls"] = {"api": addresses}
    return configuration


def _keep_answers(exchange: Any) -> None:
    """Have answers with an error status raised as they came: status and headers decide what may be done next."""
    judge = exchange.handle_errors

    def handle_errors(
        status: int, reason: str, url: str, method: str, headers: dict[str, str], body: str, *others: object
    ) -> Any:
        if status >= ERROR_STATUS:
            raise Refused(status, headers, body)
        return judge(status, reason, url, method, headers, body, *others)

    exchange.handle_errors = handle_errors


def words(method: str) -> str:
    """ "fapiPrivatePostAlgoOrder" as "POST algoOrder"."""
    for verb in ("Get", "Post", "Put", "Delete"):
        _, found, endpoint = method.partition(verb)
        if found:
            return f"{verb.upper()} {endpoint[:1].lower()}{endpoint[1:]}"
    return method


def _pause_s(error: ExchangeError, attempt: int) -> float:
    if isinstance(error, RateLimited) and error.retry_after_ms is not None:
        return min(error.retry_after_ms / 1_000, PAUSE_MAX_S)
    pause_s: float = PAUSE_FIRST_S * 2**attempt
    return min(pause_s, PAUSE_MAX_S)
