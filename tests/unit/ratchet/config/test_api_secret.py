"""The secret of a key: what Binance takes is taken, however it was written; else one line says what is wanted."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pydantic import SecretStr

from ratchet.config.api_secret import private_key
from ratchet.config.bad_settings import BadSettings
from ratchet.config.settings import Settings, load_settings
from ratchet.guardian.handover import read, written
from tests.private_keys import private_ed25519, private_pem, private_rsa, public_pem

PEM = private_pem(private_ed25519())
SECRET, SECRET_FILE = "RATCHET_EXCHANGE__API_SECRET", "RATCHET_EXCHANGE__API_SECRET_FILE"


def settings_of(env_file: Path | str = "none.env", **variables: str) -> Settings:
    return load_settings(
        env_file=env_file, runtime_file="none.json", environ={"RATCHET_EXCHANGE__API_KEY": "key", **variables}
    )


def complaint(**variables: str) -> str:
    with pytest.raises(BadSettings) as error:
        settings_of(**variables)
    return str(error.value)


def held(secret: SecretStr) -> bytes:
    """The key itself, whatever it was written as."""
    key = private_key(secret)
    assert key is not None
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "text",
    [
        PEM,
        PEM.strip(),
        f"\n{PEM}\n",
        PEM.replace("\n", "\r\n"),
        PEM.replace("\n", "\\n"),
        PEM.replace("\n", "\\r\\n"),
        PEM.replace("\n", " "),
    ],
    ids=["openssl", "bare", "padded", "windows", "escaped", "windows, escaped", "one line"],
)
def test_a_private_key_may_be_written_in_many_ways_and_is_held_in_one(text: str) -> None:
    assert settings_of(**{SECRET: text}).exchange.api_secret.get_secret_value() == PEM.strip()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_rsa_key_is_taken_in_both_of_openssls_forms(form: PrivateFormat) -> None:
    text = private_rsa().private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    secret = settings_of(**{SECRET: text}).exchange.api_secret
    assert isinstance(private_key(secret), RSAPrivateKey)
    assert secret.get_secret_value() == private_pem(private_rsa()).strip()


def test_an_env_file_may_hold_it_on_many_lines(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text(f'{SECRET}="{PEM}"\nRATCHET_EXCHANGE__RECV_WINDOW_MS=4000\n')
    exchange = settings_of(env_file).exchange
    assert held(exchange.api_secret) == held(SecretStr(PEM))
    assert exchange.recv_window_ms == 4_000


@pytest.mark.parametrize("section", ["exchange", "guard"])
def test_it_may_stand_in_a_file_of_its_own(tmp_path: Path, section: str) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    variables = {SECRET: "text", "RATCHET_GUARD__API_KEY": "key"} if section == "guard" else {}
    settings = settings_of(**variables, **{f"RATCHET_{section.upper()}__API_SECRET_FILE": str(file)})
    assert PEM.strip() in settings.secrets()
    assert getattr(settings, section).api_secret.get_secret_value() == PEM.strip()
    assert getattr(settings, section).api_secret_file is None, "read, and not needed by anybody else"


def test_a_file_may_hold_an_hmac_secret_with_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hmac-secret\n")
    assert settings_of(**{SECRET_FILE: str(file)}).exchange.api_secret.get_secret_value() == "hmac-secret"


def test_a_guardian_is_handed_the_same_key(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    line = written(settings_of(**{SECRET_FILE: str(file)}))
    file.unlink()
    for environ in ({}, {SECRET_FILE: str(file)}):
        theirs = load_settings(env_file="none.env", runtime_file="none.json", environ=environ, overrides=read(line))
        assert theirs.exchange.api_secret.get_secret_value() == PEM.strip()


def test_of_a_secret_and_a_file_the_one_from_the_stronger_place_counts(tmp_path: Path) -> None:
    file, env_file = tmp_path / "key.pem", tmp_path / ".env"
    file.write_text(PEM)
    env_file.write_text(f"{SECRET}=of-the-env-file\n")
    assert settings_of(env_file, **{SECRET_FILE: str(file)}).exchange.api_secret.get_secret_value() == PEM.strip()
    env_file.write_text(f"{SECRET_FILE}={file}\n")
    assert settings_of(env_file, **{SECRET: "text"}).exchange.api_secret.get_secret_value() == "text"
    nowhere = {"exchange": {"api_key": "none", "api_secret": "none"}}
    for place, wanted in (("overrides", "none"), ("defaults", PEM.strip())):
        settings = load_settings(env_file=env_file, runtime_file="none.json", environ={}, **{place: nowhere})
        assert settings.exchange.api_secret.get_secret_value() == wanted


def bad_keys() -> dict[str, tuple[str, str]]:
    own = private_ed25519()
    locked = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")).decode()
    elliptic = private_pem_of_curve()
    return {
        "public": (public_pem(own).decode(), "the private key is wanted, this is the public one"),
        "locked": (locked, "a private key without a passphrase is wanted: openssl pkey"),
        "cut": (PEM[:70], "a whole private key in PEM is wanted"),
        "garbled": (PEM.replace("MC4", "MC5"), "a whole private key in PEM is wanted"),
        "elliptic": (elliptic, "an Ed25519 or RSA key is wanted"),
        "body": (PEM.splitlines()[1] + " ", "a key as Binance shows it is wanted"),
    }


def private_pem_of_curve() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("kind", bad_keys())
def test_a_bad_key_gets_one_line_that_does_not_show_it(kind: str, tmp_path: Path) -> None:
    text, wanted = bad_keys()[kind]
    told = complaint(**{SECRET: text})
    assert told.startswith(f"environment: {SECRET} is not usable, {wanted}")
    assert "\n" not in told
    assert not any(line[:20] in told for line in text.splitlines() if "-----" not in line)
    if kind != "body":
        file = tmp_path / "key.pem"
        file.write_text(text)
        told = complaint(**{SECRET_FILE: str(file)})
        assert told.startswith(f"environment: {SECRET_FILE} is {json.dumps(str(file))[:40]}")
        assert wanted in told
        assert not any(line[:20] in told for line in text.splitlines() if "-----" not in line)


def test_a_file_that_cannot_be_read_gets_one_line(tmp_path: Path) -> None:
    assert "a file is wanted that is there" in complaint(**{SECRET_FILE: str(tmp_path / "none")})
    assert "cannot be read: Is a directory" in complaint(**{SECRET_FILE: str(tmp_path)})
    (tmp_path / "empty").write_text("")
    assert "a key as Binance shows it is wanted" in complaint(**{SECRET_FILE: str(tmp_path / "empty")})
    (tmp_path / "bytes").write_bytes(b"\xff")
    assert "byte 0 is not UTF-8" in complaint(**{SECRET_FILE: str(tmp_path / "bytes")})


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize(
    ("mode", "is_exposed"),
    [(0o600, False), (0o400, False), (0o622, False), (0o640, True), (0o604, True), (0o644, True)],
)
@pytest.mark.parametrize("section", ["exchange", "guard"])
def test_a_file_that_others_may_read_is_said_with_how_to_mend_it(
    tmp_path: Path, section: str, mode: int, is_exposed: bool
) -> None:
    file = tmp_path / "my key.pem"
    file.write_text(PEM)
    file.chmod(mode)
    variables = {SECRET: "text", "RATCHET_GUARD__API_KEY": "key"} if section == "guard" else {}
    warnings = settings_of(**variables, **{f"RATCHET_{section.upper()}__API_SECRET_FILE": str(file)}).warnings
    told = f"{section}.api_secret_file is {file}: its mode lets other users of this machine read it: chmod 600 '{file}'"
    assert warnings == ((told,) if is_exposed else ())


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_of_somebody_else_may_be_read_by_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    owner = file.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    file.chmod(0o640)
    assert settings_of(**{SECRET_FILE: str(file)}).warnings == ()
    file.chmod(0o644)
    [told] = settings_of(**{SECRET_FILE: str(file)}).warnings
    assert told.endswith(f"chmod o-r {file}"), "its mode alone would lock us out"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_of_a_file_that_is_not_read_nothing_is_said(tmp_path: Path) -> None:
    file, env_file = tmp_path / "key.pem", tmp_path / ".env"
    file.write_text(PEM)
    file.chmod(0o644)
    env_file.write_text(f"{SECRET_FILE}={file}\n")
    assert settings_of(env_file).warnings
    assert settings_of(env_file, **{SECRET: "text"}).warnings == ()


def test_a_secret_and_a_file_with_one_are_one_too_many(tmp_path: Path) -> None:
    told = complaint(**{SECRET: "text", SECRET_FILE: str(tmp_path / "key.pem")})
    assert (
        "one of both is wanted: api_secret is set as well (RATCHET_EXCHANGE__API_SECRET stands in environment)" in told
    )


@pytest.mark.parametrize("key", [PEM, "a1B2" * 16], ids=["PEM", "HMAC"])
def test_a_key_in_the_wrong_place_is_not_shown_in_part_either(key: str) -> None:
    told = complaint(**{SECRET: key, "RATCHET_EXCHANGE__HTTP_URL": key})
    assert "RATCHET_EXCHANGE__HTTP_URL is" in told
    assert not any(line[:20] in told for line in key.splitlines() if "-----" not in line)


def test_an_hmac_secret_is_no_private_key() -> None:
    assert private_key(SecretStr("hmac-secret")) is None
    assert isinstance(private_key(SecretStr(PEM)), Ed25519PrivateKey)
