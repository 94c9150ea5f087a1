"""What the exchange holds of a key, and whose signatures it takes for it."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from localbinance.server.api_key import BadPublicKey, Ed25519Key, HmacKey, read_public_key
from tests.private_keys import (
    ed25519_signature,
    private_ed25519,
    private_rsa,
    public_pem,
    rsa_signature,
)

PAYLOAD = b"symbol=BTCUSDC&timestamp=1750000000000"


def test_each_kind_takes_its_owners_signature_and_no_other() -> None:
    ed25519, rsa = read_public_key(public_pem(private_ed25519())), read_public_key(public_pem(private_rsa()))
    assert (ed25519.kind, rsa.kind) == ("Ed25519", "RSA")
    assert ed25519.accepts(ed25519_signature(PAYLOAD), PAYLOAD)
    assert rsa.accepts(rsa_signature(PAYLOAD), PAYLOAD)
    for key in (ed25519, rsa):
        for wrong in (
            ed25519_signature(PAYLOAD + b"0") if key is ed25519 else rsa_signature(PAYLOAD + b"0"),
            ed25519_signature(PAYLOAD) if key is rsa else rsa_signature(PAYLOAD),
            ed25519_signature(PAYLOAD) + " " if key is ed25519 else rsa_signature(PAYLOAD) + " ",
            "",
            "no base64!",
            "ä",
            "f" * 64,
        ):
            assert not key.accepts(wrong, PAYLOAD)
    assert not Ed25519Key(Ed25519PrivateKey.generate().public_key()).accepts(ed25519_signature(PAYLOAD), PAYLOAD)
    assert not HmacKey(b"secret").accepts(ed25519_signature(PAYLOAD), PAYLOAD)


def test_a_key_of_binances_documentation_is_read() -> None:
    body = b"MCowBQYDK2VwAyEAgmDRTtj2FA+wzJUIlAL9ly1eovjLBu7uXUFR+jFULmg="
    pem = b"-----BEGIN PUBLIC KEY-----\n" + body + b"\n-----END PUBLIC KEY-----"
    assert isinstance(read_public_key(pem), Ed25519Key)


@pytest.mark.parametrize(
    ("pem", "complaint"),
    [
        (b"", "a public key in PEM is wanted"),
        (b"\xff", "a public key in PEM is wanted"),
        (b"-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----", "a public key in PEM is wanted"),
        (
            Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            "the public key is wanted, this is the private one",
        ),
        (
            ec.generate_private_key(ec.SECP256R1())
            .public_key()
            .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "an Ed25519 key is wanted, or an RSA key of 2048 to 4096 bits",
        ),
        (public_pem(generate_private_key(public_exponent=65_537, key_size=1_024)), "of 2048 to 4096 bits"),  # noqa: S505 - refused
    ],
    ids=["nothing", "bytes", "cut", "private", "elliptic", "short"],
)
def test_what_cannot_be_registered_is_refused_with_what_is_wanted(pem: bytes, complaint: str) -> None:
    with pytest.raises(BadPublicKey, match=complaint):
        read_public_key(pem)


def test_no_key_prints_a_secret() -> None:
    assert "hush" not in repr(HmacKey(b"hush"))
