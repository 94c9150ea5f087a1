"""API keys: what the exchange holds of each to tell whether a signature is its owner's.

Of an HMAC key it holds the secret that both sides know. Of RSA and Ed25519 keys it holds the public half alone: the
private one never leaves its owner.
"""

import binascii
import hmac
from base64 import b64decode
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

RSA_BITS = range(2_048, 4_097)


class BadPublicKey(ValueError):
    """What is no public key that can be registered; the message says what is wanted."""


@dataclass(frozen=True, slots=True)
class HmacKey:
    """HMAC SHA-256 in hexadecimal, in letters of either size."""

    kind: ClassVar = "HMAC-SHA-256"
    secret: bytes = field(repr=False)

    def accepts(self, signature: str, payload: bytes) -> bool:
        """Whether this key signed it."""
        expected = hmac.digest(self.secret, payload, "sha256").hex()
        return hmac.compare_digest(expected.encode(), signature.lower().encode(errors="replace"))


@dataclass(frozen=True, slots=True)
class RsaKey:
    """RSASSA-PKCS1-v1_5 with SHA-256, in base64."""

    kind: ClassVar = "RSA"
    public: RSAPublicKey

    def accepts(self, signature: str, payload: bytes) -> bool:
        """Whether this key signed it."""
        try:
            self.public.verify(_decoded(signature), payload, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """Ed25519, in base64."""

    kind: ClassVar = "Ed25519"
    public: Ed25519PublicKey

    def accepts(self, signature: str, payload: bytes) -> bool:
        """Whether this key signed it."""
        try:
            self.public.verify(_decoded(signature), payload)
        except InvalidSignature:
            return False
        return True


PublicKey: TypeAlias = RsaKey | Ed25519Key
ApiKey: TypeAlias = HmacKey | PublicKey


def read_public_key(pem: bytes) -> PublicKey:
    """The key in a PEM file, as one registers it with Binance. Raises: BadPublicKey."""
    if b"PRIVATE KEY" in pem:
        raise BadPublicKey("the public key is wanted, this is the private one: keep it to yourself")
    try:
        public = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise BadPublicKey("a public key in PEM is wanted: -----BEGIN PUBLIC KEY-----") from None
    if isinstance(public, Ed25519PublicKey):
        return Ed25519Key(public)
    if isinstance(public, RSAPublicKey) and public.key_size in RSA_BITS:
        return RsaKey(public)
    raise BadPublicKey(f"an Ed25519 key is wanted, or an RSA key of {RSA_BITS[0]} to {RSA_BITS[-1]} bits")


def _decoded(signature: str) -> bytes:
    """Raises: InvalidSignature for what is no base64."""
    try:
        return b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSignature from None
