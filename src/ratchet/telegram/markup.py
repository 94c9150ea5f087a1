"""Text for Telegram's HTML: nothing in a name or a reason can be taken for markup, and nothing is too long."""

from collections.abc import Iterator
from html import escape as escape_html
from unicodedata import category, east_asian_width


def clean(text: str) -> str:
    """One line of what can be shown: control characters are blanks, halves of characters are question marks."""
    plain = "".join(" " if category(char) in {"Cc", "Zl", "Zp"} else char for char in text)
    return plain.encode("utf-8", "replace").decode("utf-8")


def escape(text: str) -> str:
    """Cleaned and escaped."""
    return escape_html(clean(text), quote=False)


def units(text: str) -> int:
    """Its length as Telegram counts: in UTF-16 code units, without markup."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF)


def pieces(text: str, units_max: int) -> Iterator[str]:
    """Cut so that no piece is longer; at least one, though it be empty.

    Args: units_max, of UTF-16, at least 2.
    """
    start = length = 0
    for place, char in enumerate(text):
        width = units(char)
        if length + width > units_max:
            yield text[start:place]
            start, length = place, 0
        length += width
    yield text[start:]


def shortened(text: str, units_max: int) -> str:
    """Cut, with a sign that it was."""
    first = next(pieces(text, units_max))
    return text if first == text else f"{next(pieces(text, units_max - 1))}…"


def columns(text: str) -> int:
    """How many columns of a terminal it takes: wide characters take two."""
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)
