"""Listen keys: tickets to an account's user stream, good for an hour of the exchange clock."""

import secrets
import string
from dataclasses import dataclass, field

from localbinance.server import refusals

LISTEN_KEY_LENGTH = 64
LISTEN_KEY_MS = 3_600_000
_ALPHABET = string.ascii_letters + string.digits


@dataclass(slots=True)
class _Ticket:
    account: str
    expires_ms: int


@dataclass(slots=True)
class ListenKeys:
    """One living key an account at most, as Binance has it."""

    _tickets: dict[str, _Ticket] = field(default_factory=dict)  # by key
    _by_account: dict[str, str] = field(default_factory=dict)
    _next_expiry_ms: int = 2**62

    def open(self, account: str, now_ms: int) -> str:
        """A new key, or the living one with its hour begun anew."""
        key = self._by_account.get(account)
        if key is None or self._tickets[key].expires_ms <= now_ms:
            key = "".join(secrets.choice(_ALPHABET) for _ in range(LISTEN_KEY_LENGTH))
            self._by_account[account] = key
        self._tickets[key] = _Ticket(account, now_ms + LISTEN_KEY_MS)
        self._next_expiry_ms = min(self._next_expiry_ms, now_ms + LISTEN_KEY_MS)
        return key

    def extend(self, account: str, now_ms: int) -> str:
        """Begin the hour of the account's key anew. Raises: Rejection -1125 without a living one."""
        key = self._by_account.get(account)
        if key is None or self._tickets[key].expires_ms <= now_ms:
            raise refusals.unknown_listen_key()
        self._tickets[key].expires_ms = now_ms + LISTEN_KEY_MS
        return key

    def close(self, account: str) -> str | None:
        """End the account's key; returns it."""
        key = self._by_account.pop(account, None)
        if key is not None:
            del self._tickets[key]
        return key

    def key_of(self, account: str, now_ms: int) -> str | None:
        """The account's living key."""
        key = self._by_account.get(account)
        return key if key is not None and self._tickets[key].expires_ms > now_ms else None

    def account_of(self, key: str, now_ms: int) -> str | None:
        """Whose stream the key opens; None for a dead or unknown one."""
        ticket = self._tickets.get(key)
        return ticket.account if ticket is not None and ticket.expires_ms > now_ms else None

    def expire_all(self, now_ms: int) -> list[tuple[str, str]]:
        """Take out all keys, whose hour ends now: (key, account)."""
        for ticket in self._tickets.values():
            ticket.expires_ms = min(ticket.expires_ms, now_ms)
        self._next_expiry_ms = now_ms
        return self.expire(now_ms)

    def expire(self, now_ms: int) -> list[tuple[str, str]]:
        """Take out the keys whose hour is over: (key, account)."""
        if now_ms < self._next_expiry_ms:
            return []
        dead = [(key, ticket.account) for key, ticket in self._tickets.items() if ticket.expires_ms <= now_ms]
        for key, account in dead:
            del self._tickets[key]
            if self._by_account.get(account) == key:  # it may have opened a new one in the meantime
                del self._by_account[account]
        self._next_expiry_ms = min((ticket.expires_ms for ticket in self._tickets.values()), default=2**62)
        return dead
