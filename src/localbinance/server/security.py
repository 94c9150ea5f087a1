"""Security of a request: the API key, the HMAC signature over what was sent, the time window."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from localbinance.rules import errors
from localbinance.server import refusals
from localbinance.server.parameters import Parameters

RECV_WINDOW_MS = 5_000
RECV_WINDOW_MS_MAX = 60_000
AHEAD_MS_MAX = 1_000


class Security(Enum):
    """What an endpoint asks for."""

    NONE = auto()
    KEY = auto()  # the key in the header
    SIGNED = auto()  # and timestamp and signature


@dataclass(frozen=True, slots=True)
class Account:
    """One customer of the exchange as the server is told of it."""

    secret: str = field(repr=False)
    balances: Mapping[str, Decimal]  # of futures
    spot: Mapping[str, Decimal] = field(default_factory=dict)


def signed_bytes(query: str, form: str) -> bytes:
    """What the signature covers: the query directly followed by the form, as received, the signature taken out."""
    # Bytes that are no UTF-8 travel through text as surrogates: what was signed is the bytes.
    return (_without_signature(query) + _without_signature(form)).encode("utf-8", "surrogateescape")


def _without_signature(text: str) -> str:
    if "signature=" not in text:
        return text
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def sign(secret: str, payload: bytes) -> str:
    """HMAC SHA-256 in lower-case hexadecimal."""
    return hmac.digest(secret.encode(), payload, "sha256").hex()


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets a request in, or refuses it. `time_scale` stretches both time allowances: at a speed of X, X seconds of the
    exchange pass while a request travels for one."""

    secrets: Mapping[str, bytes]  # by API key
    time_scale: float = 1.0
    time_checked: bool = True

    def known_key(self, api_key: str | None) -> str:
        """The key, when it is one of ours. Raises: Rejection -2014, -2015."""
        if not api_key:
            raise refusals.key_format()
        if api_key not in self.secrets:
            raise errors.key_unknown()
        return api_key

    def admit(self, api_key: str | None, parameters: Parameters, query: str, form: str, now_ms: int) -> str:
        """The account that signed the request.

        Raises: Rejection -2014, -2015, -1102, -1022, -1021, -1131.
        """
        key = self.known_key(api_key)
        if parameters.integer("timestamp") is None:
            raise errors.missing("timestamp")
        signature = parameters.required("signature")
        expected = hmac.digest(self.secrets[key], signed_bytes(query, form), "sha256").hex()
        if not hmac.compare_digest(expected.encode(), signature.lower().encode(errors="replace")):
            raise refusals.signature_wrong()
        self.check_time(parameters, now_ms)
        return key

    def check_time(self, parameters: Parameters, now_ms: int) -> None:
        """Whether the request is of now. Raises: Rejection -1021, -1102, -1131."""
        timestamp_ms, window_ms = parameters.integer("timestamp"), parameters.number("recvwindow")
        if timestamp_ms is None:
            raise errors.missing("timestamp")
        window_ms = Decimal(RECV_WINDOW_MS) if window_ms is None else window_ms
        if window_ms > RECV_WINDOW_MS_MAX:
            raise refusals.window_too_long()
        if not self.time_checked:
            return
        if timestamp_ms >= now_ms + AHEAD_MS_MAX * self.time_scale:
            raise refusals.timestamp_early()
        if now_ms - timestamp_ms > float(window_ms) * self.time_scale:
            raise refusals.timestamp_late()
