"""The exchange's section of the settings: where it is and who asks."""

from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from ratchet.config.api_secret import usable_key, usable_secret, with_secret_read
from ratchet.config.sections import Section, conflict, number


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(value: str, kind: str) -> str:
    """Check a base address: encrypted, unless it is on this machine."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host, parts = None, urlsplit("")
    if not host or parts.scheme not in {kind, f"{kind}s"} or parts.username is not None:
        raise PydanticCustomError("address", f"an address like {kind}s://host or {kind}://127.0.0.1:8080 is wanted")
    if parts.scheme == kind and not _is_loopback(host):
        raise PydanticCustomError("address", f"{kind}s:// is wanted: {kind}:// only goes to this machine")
    return value.rstrip("/")


def http_address(value: str) -> str:
    """Check a base address of HTTP: encrypted, unless it is on this machine. Raises: PydanticCustomError."""
    return _address(value, "http")


def _http(value: str | None) -> str | None:
    return value if value is None else http_address(value)


def _ws(value: str | None) -> str | None:
    return value if value is None else _address(value, "ws")


class ExchangeSettings(Section):
    """Address and key of one account. Without addresses it is Binance itself."""

    http_url: Annotated[str | None, AfterValidator(_http)] = Field(default=None, description="of REST; none: Binance")
    ws_url: Annotated[str | None, AfterValidator(_ws)] = Field(default=None, description="of streams; none: Binance")
    api_key: Annotated[SecretStr, AfterValidator(usable_key)]
    api_secret: Annotated[SecretStr, AfterValidator(usable_secret)] = Field(
        description="an HMAC key's, or of an Ed25519 or RSA key the private key in PEM"
    )
    api_secret_file: Path | None = Field(default=None, description="a file to read api_secret from, at the start")
    recv_window_ms: Annotated[int, BeforeValidator(number)] = Field(
        default=5_000, ge=1, le=60_000, description="how old a signed request may be on arrival"
    )
    reply_timeout_s: Annotated[float, BeforeValidator(number)] = Field(default=10.0, gt=0, le=120)
    rate_limit: bool = Field(default=True, description="keep below the exchange's request limits")
    budget_reserve_fraction: Annotated[Decimal, BeforeValidator(number)] = Field(
        default=Decimal("0.25"), ge=Decimal("0.05"), le=Decimal("0.9"), description="of the limits, kept for protection"
    )
    budget_wait_s: Annotated[float, BeforeValidator(number)] = Field(
        default=10.0, ge=0, le=120, description="how long a request that protects nothing waits for its share"
    )
    budget_folder: Path | None = Field(
        default=None, description="where this user's processes share their counts; none: the state folder"
    )

    _read_secret = model_validator(mode="before")(with_secret_read)

    @model_validator(mode="after")
    def _one_exchange(self) -> Self:
        if (self.http_url is None) != (self.ws_url is None):
            key, other = ("ws_url", "http_url") if self.ws_url is None else ("http_url", "ws_url")
            raise conflict(key, None, f"both addresses or none are wanted: {key} and {other} are one exchange", other)
        return self

    @property
    def is_on_this_machine(self) -> bool:
        """Whether no order can leave it. Without an address it is Binance."""
        return all(
            url is not None and _is_loopback(urlsplit(url).hostname or "") for url in (self.http_url, self.ws_url)
        )

    @property
    def hosts(self) -> frozenset[str]:
        """Whom it names; empty without addresses."""
        return frozenset(urlsplit(url).hostname or "" for url in (self.http_url, self.ws_url) if url is not None)
