"""Signatures of all kinds of keys, and ccxt's requests with them."""

import hashlib
import hmac
import sys
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import SecretStr

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.exchange.ccxt_transport import CcxtTransport
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.signature import signing_with
from tests.private_keys import private_ed25519, private_pem, private_rsa

TEXT = b"symbol=BTCUSDC&timestamp=1750000000000"


def verify(secret: str, signature: str, text: bytes) -> None:
    """As Binance does. Raises: InvalidSignature, AssertionError."""
    if secret == private_pem(private_ed25519()):
        private_ed25519().public_key().verify(b64decode(signature), text)
    elif secret == private_pem(private_rsa()):
        private_rsa().public_key().verify(b64decode(signature), text, PKCS1v15(), SHA256())
    else:
        assert signature == hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


@pytest.fixture(params=["HMAC", "Ed25519", "RSA"])
def secret(request: pytest.FixtureRequest) -> str:
    if request.param == "HMAC":
        return "hmac-secret"
    return private_pem(private_rsa() if request.param == "RSA" else private_ed25519())


def test_what_is_signed_is_the_owners(secret: str) -> None:
    verify(secret, signing_with(SecretStr(secret))(TEXT), TEXT)


async def test_ccxt_signs_without_reading_the_key_again(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ExchangeSettings(api_key="key", api_secret=SecretStr(secret))
    transport = CcxtTransport(settings, SystemClock())

    def read(*_: Any) -> None:
        raise AssertionError("an RSA key takes long to read")

    monkeypatch.setattr(sys.modules["ccxt.base.exchange"], "load_pem_private_key", read)
    try:
        for exchange in transport._exchanges.values():
            for kind in ("fapiPrivateV3", "private", "sapi"):
                request = exchange.sign("account", [kind], "GET", {"symbol": "BTCUSDC"})
                text, _, signature = request["url"].partition("?")[2].partition("&signature=")
                verify(secret, parse_qs(f"signature={signature}")["signature"][0], text.encode())
    finally:
        await transport.close()
