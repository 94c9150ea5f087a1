"""What an answer tells about the limits: the exchange's own counts, and for how long it wants to hear nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

BANNED = 418
LIMITED = 429

_BANNED_UNTIL = re.compile(r"banned until (\d{13})\b")
_COUNT = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """None: it does not say."""

    weight: int | None = None  # used by this address in the running minute
    orders_10s: int | None = None  # by this account
    orders_1m: int | None = None
    is_turned_away: bool = False  # for the number of requests: too many, or banned
    is_banned: bool = False
    banned_until_ms: int | None = None  # exchange time
    retry_after_ms: int | None = None


def told_by(status: int, headers: Mapping[str, str], body: str) -> Told:
    """Read an answer: its HTTP status, its headers in any case, its text."""
    found = {name.lower(): value for name, value in headers.items()}
    is_turned_away = status in (BANNED, LIMITED)
    until = _BANNED_UNTIL.search(body) if is_turned_away else None
    seconds = _count(found.get("retry-after"))
    return Told(
        weight=_count(found.get("x-mbx-used-weight-1m")),
        orders_10s=_count(found.get("x-mbx-order-count-10s")),
        orders_1m=_count(found.get("x-mbx-order-count-1m")),
        is_turned_away=is_turned_away,
        is_banned=status == BANNED,
        banned_until_ms=int(until[1]) if until else None,
        retry_after_ms=seconds * 1_000 if is_turned_away and seconds is not None else None,
    )


def _count(value: str | None) -> int | None:
    return int(value) if value is not None and _COUNT.fullmatch(value) else None
