"""Redaction: takes secrets out of whatever is about to be logged, stored or told."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

from structlog.typing import EventDict, WrappedLogger

HIDDEN = "***"
SECRET_LENGTH_MIN = 6  # taking out shorter ones would blot out half of the words
# Of a long secret a piece is hidden as well, as it is left where somebody cut a text. Shorter secrets are no keys of an
# exchange, and pieces of them may be words.
CUT_LENGTH_MIN = 32
PIECE_LENGTH = 10

_NAME = r"(?:api[-_]?key|api[-_]?secret|secret|signature|listen[-_]?key|x-mbx-apikey|password|passphrase|authorization)"
_SECRET_NAME = re.compile(rf"{_NAME}|^(?:\w+_)?token$", re.IGNORECASE)
# signature=…, "listenKey": "…", api_key='…', signature%3D…
_NAMED_VALUE = re.compile(
    rf"(\b\w*{_NAME}\w*\\*[\"']?\s*(?:[=:]|%3[AD])\s*\\*[\"']?)(?!\*\*\*)([^\s&\"'\\,;)}}\]]+)", re.IGNORECASE
)
# Binance's keys, listen keys and signatures are 64 characters; nothing else that is logged is one word of such length.
_LONG_TOKEN = re.compile(r"[A-Za-z0-9]{60,}")
# Whole or cut off, on one line or many: to its end, or to the next hyphen, of which base64 has none.
_PRIVATE_KEY = re.compile(r"-----BEGIN[^-]*PRIVATE[^-]*-----[^-]*(?:-----END[^-]*-----)?")
_BOT_TOKEN = re.compile(r"\d{5,}(?::|%3[Aa])[A-Za-z0-9_-]{30,}")  # Telegram has it in the path of every request


class Redaction:
    """A structlog processor. Hides what a secret's name names, the given values anywhere, and long tokens."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = [part for one in secrets for part in _parts(one) if len(part) >= SECRET_LENGTH_MIN]
        # The longest first: one may be a part of another.
        self._secrets = sorted({form for one in known for form in _forms(one)}, key=len, reverse=True)
        self._pieces = {
            form[start : start + PIECE_LENGTH]
            for one in known
            if len(one) >= CUT_LENGTH_MIN
            for form in _forms(one)
            for start in range(len(form) - PIECE_LENGTH + 1)
        }

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Redact one event, whatever is nested in it."""
        return {key: self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Redact a line of text."""
        text = _PRIVATE_KEY.sub(HIDDEN, text)
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _NAMED_VALUE.sub(rf"\1{HIDDEN}", text)
        return self._without_pieces(_LONG_TOKEN.sub(HIDDEN, _BOT_TOKEN.sub(HIDDEN, text)))

    def _without_pieces(self, text: str) -> str:
        if not self._pieces:
            return text
        starts = [at for at in range(len(text) - PIECE_LENGTH + 1) if text[at : at + PIECE_LENGTH] in self._pieces]
        kept, end = [], 0
        for start in starts:
            if start >= end:
                kept += [text[end:start], HIDDEN]
            end = start + PIECE_LENGTH
        return "".join([*kept, text[end:]])

    def _value(self, name: str, value: Any) -> Any:
        if _SECRET_NAME.search(name) and value is not None:
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes | bytearray):
            return self.text(value.decode("utf-8", "replace"))
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._value(str(key), one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", one) for one in value]
        return value


def _parts(secret: str) -> Iterator[str]:
    """What of it is secret: of a private key in PEM its lines, each by itself and all of them as one."""
    if "PRIVATE KEY-----" not in secret:
        yield secret
        return
    lines = [line for line in secret.splitlines() if not line.startswith("-----")]
    yield "".join(lines)
    yield from lines


def _forms(secret: str) -> Iterator[str]:
    """As it is, and as URLs, JSON and representations write it."""
    yield secret
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield encoded
        yield re.sub(r"%[0-9A-F]{2}", lambda escape: escape.group().lower(), encoded)
    represented = repr(secret)[1:-1]
    for written in (secret, represented):
        yield json.dumps(written)[1:-1]
    yield represented
