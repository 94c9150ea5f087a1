"""A running localbinance for the end-to-end tests. It limits nobody: tests look at it again and again."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.wire.conftest import Venue, running


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    """One localbinance for a module's tests."""
    with asyncio.Runner() as runner:
        context = running("--no-rate-limits")
        it = runner.run(context.__aenter__())
        try:
            yield it
        finally:
            runner.run(context.__aexit__(None, None, None))
