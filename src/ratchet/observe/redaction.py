"""Redaction: takes secrets out of whatever is about to be logged."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from structlog.typing import EventDict, WrappedLogger

HIDDEN = "***"
SECRET_LENGTH_MIN = 6  # taking out shorter ones would blot out half of the words

_NAME = r"(?:api[-_]?key|api[-_]?secret|secret|signature|listen[-_]?key|x-mbx-apikey|password|passphrase|authorization)"
_SECRET_NAME = re.compile(_NAME, re.IGNORECASE)
# signature=…, "listenKey": "…", api_key='…'
_NAMED_VALUE = re.compile(
    rf"(\b\w*{_NAME}\w*\\?[\"']?\s*[=:]\s*\\?[\"']?)(?!\*\*\*)([^\s&\"'\\,;)}}\]]+)", re.IGNORECASE
)
# Binance's keys, listen keys and signatures are 64 characters; nothing else that is logged is one word of such length.
_LONG_TOKEN = re.compile(r"\b[A-Za-z0-9]{60,}\b")


class Redaction:
    """A structlog processor. Hides what a secret's name names, the given values anywhere, and long tokens."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        # The longest first: one may be a part of another.
        self._secrets = sorted({one for one in secrets if len(one) >= SECRET_LENGTH_MIN}, key=len, reverse=True)

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Redact one event, whatever is nested in it."""
        return {key: self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Redact a line of text."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _LONG_TOKEN.sub(HIDDEN, _NAMED_VALUE.sub(rf"\1{HIDDEN}", text))

    def _value(self, name: str, value: Any) -> Any:
        if _SECRET_NAME.search(name) and value is not None:
            return HIDDEN
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.text(value.decode("utf-8", "replace"))
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._value(str(key), one) for key, one in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", one) for one in value]
        return value
