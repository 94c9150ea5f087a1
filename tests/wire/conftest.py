"""A running localbinance for the wire tests: a process of its own, on a free port, for the whole module."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest

from ratchet.cli.local_exchange import LocalExchange, local_exchange


@dataclass(frozen=True, slots=True)
class Venue:
    """Where it is and who may trade there."""

    http: str
    ws: str
    key: str
    secret: str


def venue_of(exchange: LocalExchange) -> Venue:
    ready = exchange.ready
    return Venue(ready.http, ready.ws, ready.api_key.get_secret_value(), ready.api_secret.get_secret_value())


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[Venue]:
    """A localbinance of one's own. In real time unless the arguments say otherwise."""
    usual = ("--market=synthetic", "--speed=1", "--port=0", "--seed=7", "--balance=10000", "--history-days=2")
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


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    """One localbinance for a module's tests."""
    with serving() as it:
        yield it


@pytest.fixture(scope="module")
def spot_venue() -> Iterator[Venue]:
    """The same with coins in the spot wallet."""
    with serving("--spot-balance=USDC=10000", "--spot-balance=TRUMP=50") as it:
        yield it
