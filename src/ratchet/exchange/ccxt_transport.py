"""The transport through ccxt, which signs requests and knows the addresses."""

import logging
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import ccxt.async_support

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.domain.clock import Clock
from ratchet.exchange.budget import Lane
from ratchet.exchange.outcome import Refused
from ratchet.exchange.signature import Sign, signing_with
from ratchet.exchange.told import Told, told_by

ERROR_STATUS = 400

_on_told: ContextVar[Callable[[Told], None]] = ContextVar("on_told")  # of the request that this task has sent


class CcxtTransport:
    """Each lane has connections of its own: what protects never stands behind what does not."""

    def __init__(self, settings: ExchangeSettings, clock: Clock) -> None:
        sign = signing_with(settings.api_secret)
        self._exchanges = {lane: _exchange(settings, clock, sign) for lane in Lane}

    async def ask(
        self, method: str, parameters: Mapping[str, object], lane: Lane, on_told: Callable[[Told], None]
    ) -> Any:
        """See `Transport`."""
        _on_told.set(on_told)
        return await getattr(self._exchanges[lane], method)(dict(parameters))

    async def close(self) -> None:
        """Close connections."""
        for exchange in self._exchanges.values():
            await exchange.close()


def _exchange(settings: ExchangeSettings, clock: Clock, sign: Sign) -> Any:
    exchange: Any = ccxt.async_support.binance(_configuration(settings))
    # Signed timestamps are of the one clock, which may be an accelerated exchange's.
    exchange.nonce = clock.now_ms
    # It would read a private key anew for every request: an RSA key takes it up to a third of a second.
    exchange.rsa = lambda text, *_: sign(text.encode())
    exchange.eddsa = lambda text, *_: sign(text)
    # It would log addresses with signatures, and headers with the key.
    exchange.logger = logging.Logger("silent", level=logging.CRITICAL + 1)
    _keep_answers(exchange)
    return exchange


def _configuration(settings: ExchangeSettings) -> dict[str, object]:
    """ccxt on linear contracts alone: it asks nothing of spot, margin or coin-margined markets."""
    configuration: dict[str, object] = {
        "apiKey": settings.api_key.get_secret_value(),
        "secret": settings.api_secret.get_secret_value(),
        "timeout": round(settings.reply_timeout_s * 1_000),
        "enableRateLimit": False,  # ccxt knows neither of lanes nor of other processes; the budget does
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
    """Have answers with an error status raised as they came: status and headers decide what may be done next. What any
    answer tells about the limits goes to the task that has asked."""
    judge = exchange.handle_errors

    def handle_errors(
        status: int, reason: str, url: str, method: str, headers: dict[str, str], body: str, *others: object
    ) -> Any:
        if (on_told := _on_told.get(None)) is not None:
            on_told(told_by(status, headers, body))
        if status >= ERROR_STATUS:
            raise Refused(status, headers, body)
        return judge(status, reason, url, method, headers, body, *others)

    exchange.handle_errors = handle_errors
