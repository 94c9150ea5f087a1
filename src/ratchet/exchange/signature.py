"""Signatures: what proves to Binance that a request is the key's owner's, of every kind of key."""

import hmac
from base64 import b64encode
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from pydantic import SecretStr

from ratchet.config.api_secret import private_key

Sign = Callable[[bytes], str]


def signing_with(secret: SecretStr) -> Sign:
    """What signs with a usable secret: HMAC in hexadecimal, Ed25519 and RSA in base64, not yet escaped for an address.

    The key is read here, once: for RSA that takes longer than a request.
    """
    match private_key(secret):
        case Ed25519PrivateKey() as ed25519:
            return lambda text: b64encode(ed25519.sign(text)).decode()
        case RSAPrivateKey() as rsa:
            return lambda text: b64encode(rsa.sign(text, PKCS1v15(), SHA256())).decode()
        case None:
            shared = secret.get_secret_value().encode()
            return lambda text: hmac.digest(shared, text, "sha256").hex()
