"""A running localbinance for the wire tests: a process of its own, on a free port, for the whole module."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from ratchet.cli.local_exchange import LocalExchange, local_exchange
from tests.private_keys import private_ed25519, private_pem, private_rsa, public_pem

ED25519_KEY, RSA_KEY = "ed25519-key", "rsa-key"


@dataclass(frozen=True, slots=True)
class Venue:
    """Where it is and who may trade there."""

    http: str
    ws: str
    key: str
    secret: str = field(repr=False)

    def with_ed25519(self) -> "Venue":
        """The same account by its Ed25519 key."""
        return replace(self, key=ED25519_KEY, secret=private_pem(private_ed25519()))

    def with_rsa(self) -> "Venue":
        """The same account by its RSA key."""
        return replace(self, key=RSA_KEY, secret=private_pem(private_rsa()))


def venue_of(exchange: LocalExchange) -> Venue:
    ready = exchange.ready
    return Venue(ready.http, ready.ws, ready.api_key.get_secret_value(), ready.api_secret.get_secret_value())


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[Venue]:
    """A localbinance of one's own. In real time unless the arguments say otherwise."""
    usual = ("--market=synthetic", "--speed=1", "--port=0", "--seed=7", "--balance=10000", "--history-days=1")
    async with local_exchange([*usual, *arguments]) as exchange:
        yield venue_of(exchange)


@contextmanager
def serving(*arguments: str) -> Iterator[Venue]:
    """The same beyond a test's own event loop: for many of them."""
    with asyncio.Runner() as runner:
        context = running(*arguments)
        it = runner.run(context.__aenter__())
        try:
            yield it
        finally:
            runner.run(context.__aexit__(None, None, None))


def public_keys_in(folder: Path) -> tuple[str, ...]:
    """The options that register the account's keys that are not HMAC ones."""
    options = []
    for name, key in ((ED25519_KEY, private_ed25519()), (RSA_KEY, private_rsa())):
        (folder / name).write_bytes(public_pem(key))
        options.append(f"--public-key={name}={folder / name}")
    return tuple(options)


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """One localbinance for a module's tests."""
    with serving(*public_keys_in(tmp_path_factory.mktemp("keys"))) as it:
        yield it


@pytest.fixture(scope="module")
def spot_venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """The same with coins in the spot wallet."""
    keys = public_keys_in(tmp_path_factory.mktemp("keys"))
    with serving("--spot-balance=USDC=10000", "--spot-balance=TRUMP=50", *keys) as it:
        yield it
