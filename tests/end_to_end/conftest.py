"""A running localbinance for the end-to-end tests. It limits nobody: tests look at it again and again."""

from collections.abc import Iterator

import pytest

from tests.wire.conftest import Venue, serving


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    """One localbinance for a module's tests."""
    with serving("--no-rate-limits") as it:
        yield it
