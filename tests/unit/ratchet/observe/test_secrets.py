"""No secret is ever seen: not on the console, not in the file, not in the ledger, however somebody logs it."""

import asyncio
import io
import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, quote_plus, urlencode

import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pydantic import SecretStr

from ratchet.config.api_secret import usable_secret
from ratchet.config.settings import Settings, secret_paths
from ratchet.control.notice_record import NoticeRecord
from ratchet.exchange.clock import SystemClock
from ratchet.ledger.ledger import Ledger
from ratchet.ledger.notices import NoticeLine
from ratchet.observe.log import logging_to
from ratchet.observe.notices import Kind, Notice
from ratchet.observe.redaction import HIDDEN, PIECE_LENGTH, Redaction
from tests.private_keys import private_ed25519, private_pem, private_rsa
from tests.unit.ratchet.ledger.test_ledger import url_of
from tests.unit.ratchet.observe.secretive import Secretive, secretive

SIGNATURE = "Zx3bQ9" * 10  # as HMAC's hex and listen keys are: one long word
ED25519 = "qWeRtYuIoP+/asdfGHJK=="  # a signature that is no long word
LISTEN_KEY = "pqia91ma19a5s61cv6a8"  # a short one, known by its name alone
EVENT = "told"


@pytest.fixture
def hidden() -> Secretive:
    return secretive()


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hidden: Secretive) -> Iterator[Callable[[], str]]:
    """Everything that console and file have shown so far, logged at DEBUG."""
    console = io.StringIO()
    monkeypatch.setattr(sys, "stderr", console)
    with logging_to(tmp_path / "log", secrets=hidden.settings.secrets(), level="DEBUG") as file:
        for loud in ("aiohttp", "ccxt", "asyncio"):
            logging.getLogger(loud).setLevel(logging.DEBUG)
        yield lambda: console.getvalue() + file.read_text()


def test_every_setting_that_is_secret_is_set_and_known_to_be_secret(hidden: Secretive) -> None:
    assert len(hidden.secrets) == len(secret_paths(Settings)) >= 5
    assert set(hidden.settings.secrets()) == set(hidden.secrets)


def ways_to_show(secret: str) -> dict[str, object]:
    """What a value looks like that somebody logs without a thought."""
    return {
        "plain": secret,
        "sentence": f"the key {secret} is refused",
        "sentence_of_bytes": f"{secret.encode()!r}",
        "bytes": secret.encode(),
        "listed": [secret, (secret,), {secret}, frozenset((secret,))],
        "nested": {"a": {"b": [{"c": secret}]}},
        "as_a_key": {secret: {secret: 1}},
        "secret_of_pydantic": SecretStr(secret),
        "object": SimpleNamespace(key=secret),
        "objects": [SimpleNamespace(key=secret), {"x": SimpleNamespace(key=secret.encode())}],
        "an_exception": ValueError(f"bad key: {secret!r}"),
        "nested_repr": repr(repr(secret)),
        "encoded": quote(secret, safe=""),
        "encoded_in_small_letters": quote(secret, safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
        "encoded_as_form": quote_plus(secret),
        "query": urlencode({"apiKey": secret, "x": secret}),
        "headers": [("X-MBX-APIKEY", secret)],
        "header_text": f"X-MBX-APIKEY: {secret}",
        "first_part": secret[:20],
        "last_part": secret[-20:],
        "cut": f"{secret[:14]}…{secret[-14:]}",
    }


def test_a_secret_is_not_logged_in_whatever_way(hidden: Secretive, logged: Callable[[], str]) -> None:
    log = structlog.get_logger("ratchet.test")
    ways = 0
    for secret in hidden.secrets:
        for way, value in ways_to_show(secret).items():
            log.debug(EVENT, **{way: value})
            log.info(EVENT, value=value, params={"apiKey": value})
            log.warning(str(value))
            logging.getLogger("somebody.else").error("%s and %r", value, value)
            ways += 1
    text = logged()
    assert text.count(EVENT) >= 4 * ways  # of both, on console and in the file
    assert hidden.seen_in(text) == []


def test_settings_can_be_logged_as_they_are(hidden: Secretive, logged: Callable[[], str]) -> None:
    log, settings = structlog.get_logger("ratchet.test"), hidden.settings
    unmasked = {
        section: {name: _revealed(value) for name, value in getattr(settings, section)}
        for section in ("exchange", "guard", "telegram")
    }
    for shown in (settings, str(settings), repr(settings), settings.model_dump(), settings.model_dump_json(), unmasked):
        log.info(EVENT, settings=shown)
        logging.getLogger("somebody.else").info("settings %s", shown)
    assert hidden.seen_in(logged()) == []


def _revealed(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def test_a_traceback_shows_none(hidden: Secretive, logged: Callable[[], str]) -> None:
    log = structlog.get_logger("ratchet.test")
    for secret in hidden.secrets:
        try:
            try:
                raise KeyError(secret)  # noqa: TRY301 - a cause
            except KeyError as cause:
                error = ConnectionError(f"https://host/path?apiKey={quote(secret)}&x={secret}")
                error.add_note(f"with {secret}")
                raise error from cause
        except ConnectionError as failed:
            log.exception("failed")
            log.error("failed", error=failed, text=traceback.format_exc(), stack_info=True)
            logging.getLogger("asyncio").error("Task exception", exc_info=failed)
    assert hidden.seen_in(logged()) == []


def test_addresses_of_requests_and_streams_show_neither_key_signature_nor_token(
    hidden: Secretive, logged: Callable[[], str]
) -> None:
    token = hidden.settings.telegram.token
    assert token is not None
    foreign_token = "7654321:" + "Ab-_c" * 7  # of which the settings know nothing
    for name in ("aiohttp.client", "aiohttp.access", "ccxt.base.exchange", "somebody.else"):
        log = logging.getLogger(name)
        for signature in (SIGNATURE, ED25519, quote(ED25519)):
            log.debug("GET https://fapi.binance.com/fapi/v1/order?timestamp=1&signature=%s", signature)
            log.debug("POST %s", {"url": f"/fapi/v1/order?symbol=X&signature={signature}", "body": b"signature=" + b""})
            log.debug("retrying next=%s", quote(f"/fapi/v1/order?signature={signature}"))
        log.debug("wss://fstream.binance.com/private/ws?listenKey=%s", LISTEN_KEY)
        log.debug("wss://fstream.binance.com/ws/%s connected", SIGNATURE)
        log.debug("wss://fstream.binance.com/ws/_%s_ connected", SIGNATURE)
        log.debug('answer {"listenKey": "%s"}', LISTEN_KEY)
        for each in (token.get_secret_value(), foreign_token):
            log.debug("POST https://api.telegram.org/bot%s/sendMessage", each)
            log.debug("POST https://api.telegram.org/file/bot%s/x", quote(each, safe=""))
    text = logged()
    assert text.count("sendMessage") == 16
    for secret in (SIGNATURE, ED25519, quote(ED25519), LISTEN_KEY, foreign_token, quote(foreign_token, safe="")):
        assert secret not in text
    assert SIGNATURE[:10] not in text
    assert hidden.seen_in(text) == []


def test_a_line_that_cannot_be_written_is_not_shown_instead(hidden: Secretive, logged: Callable[[], str]) -> None:
    ours = [each for each in logging.getLogger().handlers if type(each).__module__ == "ratchet.observe.log"]
    shown = ""
    assert len(ours) == 2
    for secret in hidden.secrets:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "%s and %s", (secret,), None)
        with redirect_stderr(io.StringIO()) as console:
            for handler in ours:
                handler.handle(record)
        shown += console.getvalue()
    text = shown + logged()
    assert "a log line of test_secrets.py:" in text
    assert hidden.seen_in(text) == []


async def test_a_notice_in_the_ledger_shows_none(tmp_path: Path, hidden: Secretive) -> None:
    path = tmp_path / "ledger.db"
    ledger, clock = await Ledger.open(url_of(path)), SystemClock()
    record = NoticeRecord(ledger, clock, keep_days=7, redact=Redaction(hidden.settings.secrets()).text)
    for secret in hidden.secrets:
        for value in ways_to_show(secret).values():
            record.on_notice(Notice(kind=Kind.SETTINGS, at_ms=clock.now_ms(), text=f"{'x' * 350}{value}"))
            record.on_notice(Notice(kind=Kind.SETTINGS, at_ms=clock.now_ms(), text=f"{value}"))
    await _written(record)
    stored: list[NoticeLine] = await ledger.notices_since(0, 1_000)
    await ledger.close()
    assert len(stored) == 2 * sum(len(ways_to_show(secret)) for secret in hidden.secrets)
    assert hidden.seen_in("\n".join(each.text for each in stored)) == []
    assert hidden.seen_in(path.read_bytes().decode("latin-1")) == []


async def _written(record: NoticeRecord) -> None:
    task = asyncio.create_task(record.run())
    assert await record.written(20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_what_is_no_secret_stays_readable() -> None:
    redaction = Redaction(["short-key", "S" * 20 + "t" * 20])
    for text in (
        "BTCUSDC long 0.01 stop 98000.1 at 2026-01-01T00:00:00Z",
        "order rt-ab12-17-entry-0 of 9223372036854775807",
        "keys were read from .env; the secretary keeps short words",
        f"sha {'a1' * 20}",
    ):
        assert redaction.text(text) == text


@pytest.mark.parametrize("cut", ["Ab3De6Gh9J", "xx Ab3De6Gh9Jk", "k1Mn4Pq7Rs0Tu"])
def test_a_piece_of_a_long_secret_is_hidden(cut: str) -> None:
    text = Redaction(["Ab3De6Gh9Jk1Mn4Pq7Rs0Tu3Wx6Za9Bc2"]).text(f"<{cut}>")
    assert text in (f"<{HIDDEN}>", f"<xx {HIDDEN}>")


def of_owner(key: Ed25519PrivateKey | RSAPrivateKey) -> str:
    """The PEM as the settings hold it."""
    return usable_secret(SecretStr(private_pem(key))).get_secret_value()


@pytest.mark.parametrize("key", [private_ed25519(), private_rsa()], ids=["Ed25519", "RSA"])
def test_a_private_key_is_hidden_whole_line_by_line_and_cut(key: Ed25519PrivateKey | RSAPrivateKey) -> None:
    pem = of_owner(key)
    lines = pem.splitlines()[1:-1]
    redaction = Redaction([pem])
    shown = [
        *ways_to_show(pem).values(),
        *lines,
        "".join(lines),
        pem.replace("\n", "\\n"),
        lines[0][-30:],
        "".join(lines)[59:69],
    ]
    for value in shown:
        text = redaction.text(f"{value} {value!r}")
        for line in (*lines, "".join(lines)):
            pieces = {line[at : at + PIECE_LENGTH] for at in range(len(line) - PIECE_LENGTH + 1)}
            assert not any(piece in text for piece in pieces)
    assert redaction.text("no PRIVATE KEY there") == "no PRIVATE KEY there"


def test_a_private_key_of_which_nobody_knows_is_hidden() -> None:
    pem = private_pem(private_ed25519())
    for shown in (pem, repr(pem), quote(pem, safe=""), pem[:80], private_pem(private_rsa())):
        assert pem.splitlines()[1][25:35] not in Redaction().text(f"read {shown}")
    assert Redaction().text(f"read {pem}") == f"read {HIDDEN}\n"


def test_a_short_secret_is_hidden_in_every_writing() -> None:
    secret = 'k"/+=\\%x'
    redaction = Redaction([secret])
    encoded = quote(secret, safe="")
    for shown in (
        secret,
        encoded,
        re.sub(r"%[0-9A-F]{2}", lambda escape: escape.group().lower(), encoded),
        json.dumps(secret),
        repr(secret),
        repr(secret.encode()),
        json.dumps(repr(secret)),
    ):
        assert redaction.text(f"<{shown}>").strip("\"'<b>") == HIDDEN
