"""Private keys of customers, made once a run, and what is signed with them as Binance wants it."""

from base64 import b64encode
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat


@cache
def private_ed25519() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@cache
def private_rsa() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=2_048)


def ed25519_signature(payload: bytes) -> str:
    return b64encode(private_ed25519().sign(payload)).decode()


def rsa_signature(payload: bytes) -> str:
    return b64encode(private_rsa().sign(payload, PKCS1v15(), SHA256())).decode()


def public_pem(key: Ed25519PrivateKey | RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def private_pem(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    """As openssl writes it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
