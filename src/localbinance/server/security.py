"""Security of a request: the API key, the signature over what was sent, the time window."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, auto

from localbinance.rules import errors
from localbinance.server import refusals
from localbinance.server.api_key import ApiKey, Ed25519Key, HmacKey, PublicKey
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
    """One customer of the exchange as the server is told of it. Its HMAC key is its name."""

    secret: str = field(repr=False)
    balances: Mapping[str, Decimal]  # of futures
    spot: Mapping[str, Decimal] = field(default_factory=dict)
    public_keys: Mapping[str, PublicKey] = field(default_factory=dict)  # its other keys, by API key


@dataclass(frozen=True, slots=True)
class Registered:
    """An API key and whose it is."""

    account: str
    key: ApiKey


def registered(accounts: Mapping[str, Account]) -> dict[str, Registered]:
    """All keys of all accounts, by API key. Args: accounts, by their names."""
    keys: dict[str, Registered] = {}
    for name, account in accounts.items():
        keys[name] = Registered(name, HmacKey(account.secret.encode()))
        keys |= {api_key: Registered(name, key) for api_key, key in account.public_keys.items()}
    return keys


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

    keys: Mapping[str, Registered]  # by API key
    time_scale: float = 1.0
    time_checked: bool = True

    def account_of(self, api_key: str | None) -> str:
        """Whose key it is. Raises: Rejection -2014, -2015."""
        return self._known(api_key).account

    def admit(self, api_key: str | None, parameters: Parameters, query: str, form: str, now_ms: int) -> str:
        """The account that signed the request.

        Raises: Rejection -2014, -2015, -1102, -1022, -1021, -1131.
        """
        return self._signer(api_key, parameters, query, form, now_ms).account

    def log_on(self, api_key: str | None, parameters: Parameters, query: str, now_ms: int) -> str:
        """The account that signed a request for a session, which Ed25519 keys alone may have.

        Raises: Rejection as `admit`, and -2028.
        """
        signer = self._signer(api_key, parameters, query, "", now_ms)
        if not isinstance(signer.key, Ed25519Key):
            raise refusals.key_without_session(signer.key.kind)
        return signer.account

    def _known(self, api_key: str | None) -> Registered:
        if not api_key:
            raise refusals.key_format()
        if api_key not in self.keys:
            raise errors.key_unknown()
        return self.keys[api_key]

    def _signer(self, api_key: str | None, parameters: Parameters, query: str, form: str, now_ms: int) -> Registered:
        known = self._known(api_key)
        if parameters.integer("timestamp") is None:
            raise errors.missing("timestamp")
        signature = parameters.required("signature")
        if not known.key.accepts(signature, signed_bytes(query, form)):
            raise refusals.signature_wrong()
        self.check_time(parameters, now_ms)
        return known

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
