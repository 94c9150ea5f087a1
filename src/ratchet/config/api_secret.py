"""The secret of an API key: the text that Binance made up (HMAC), or one's own private key in PEM (Ed25519, RSA)."""

import os
import shlex
import stat
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from ratchet.config.bad_settings import BadSettings
from ratchet.config.sections import conflict
from ratchet.config.text_file import read_text

SECRET, SECRET_FILE = "api_secret", "api_secret_file"
ALTERNATIVES = {SECRET: SECRET_FILE, SECRET_FILE: SECRET}
BEGINNING = "-----BEGIN"
PASSPHRASE = "a private key without a passphrase is wanted: openssl pkey -in FILE takes it off"  # noqa: S105 - no secret
INCOMPLETE = "a whole private key in PEM is wanted, from -----BEGIN to -----END, with its line ends or \\n for them"


def usable_key(value: SecretStr) -> SecretStr:
    """Check that it can be a key at all: it goes into a header as it is. Raises: PydanticCustomError."""
    text = value.get_secret_value()
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise PydanticCustomError("key", "a key as Binance shows it is wanted: letters and digits, nothing around them")
    return value


def usable_secret(value: SecretStr) -> SecretStr:
    """Check that one can sign with it. A private key comes back in one form, however it was written.

    Raises: PydanticCustomError.
    """
    text = value.get_secret_value()
    if not text.lstrip().startswith(BEGINNING):
        return usable_key(value)
    key = _loaded(text)
    return SecretStr(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip())


def private_key(secret: SecretStr) -> Ed25519PrivateKey | RSAPrivateKey | None:
    """The private key that a usable secret is; None: it is an HMAC secret."""
    text = secret.get_secret_value()
    return _loaded(text) if text.startswith(BEGINNING) else None


def with_secret_read(section: Any) -> Any:
    """A section in which `api_secret_file` has been read into `api_secret`, so that no one else needs the file.

    Raises: PydanticCustomError.
    """
    if not isinstance(section, dict) or section.get(SECRET_FILE) is None:
        return section
    name = str(section[SECRET_FILE])
    if section.get(SECRET) is not None:
        raise conflict(SECRET_FILE, name, f"one of both is wanted: {SECRET} is set as well", SECRET)
    return {**section, SECRET: _read(name), SECRET_FILE: None}


def exposure(file: Path) -> str:
    """Who may read a file with a secret and should not, and how to mend it; empty: nobody, as far as its mode says.

    A group is only held against a file of our own: of another's, root's for one, it may be how we read it.
    """
    if os.name != "posix":  # elsewhere modes say nothing
        return ""
    try:
        found = file.stat()
    except OSError:
        return ""
    is_ours = found.st_uid == os.getuid()
    if not found.st_mode & (stat.S_IROTH | (stat.S_IRGRP if is_ours else 0)):
        return ""
    mend = "chmod 600" if is_ours else "chmod o-r"
    return f"its mode lets other users of this machine read it: {mend} {shlex.quote(str(file))}"


def _read(name: str) -> SecretStr:
    try:
        text = read_text(Path(name))
        if text is None:
            raise conflict(SECRET_FILE, name, "a file is wanted that is there")
        return usable_secret(SecretStr(text.strip()))
    except BadSettings as error:
        raise conflict(SECRET_FILE, name, str(error).removeprefix(f"{error.where}: ")) from None
    except PydanticCustomError as error:
        if error.type == "conflict":
            raise
        wanted = error.message()
    raise conflict(SECRET_FILE, name, wanted)


def _loaded(text: str) -> Ed25519PrivateKey | RSAPrivateKey:
    if "PUBLIC KEY-----" in text:
        raise PydanticCustomError("key", "the private key is wanted, this is the public one")
    plain = text.replace("\\r", "").replace("\\n", "\n")  # in a variable a PEM is often one line
    try:
        key = load_pem_private_key(plain.encode(), password=None)
    except TypeError:
        raise PydanticCustomError("key", PASSPHRASE) from None
    except (ValueError, UnsupportedAlgorithm):
        raise PydanticCustomError("key", INCOMPLETE) from None
    if isinstance(key, Ed25519PrivateKey | RSAPrivateKey):
        return key
    raise PydanticCustomError("key", "an Ed25519 or RSA key is wanted, Binance takes no other")
