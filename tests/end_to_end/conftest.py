"""A running localbinance for the end-to-end tests. It limits nobody: tests look at it again and again."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.end_to_end.spot_hand import SpotHand, a_spot_hand
from tests.wire.conftest import Venue, serving


@pytest.fixture(scope="module")
def venue() -> Iterator[Venue]:
    """One localbinance for a module's tests."""
    with serving("--no-rate-limits") as it:
        yield it


@pytest.fixture
async def hand(venue: Venue) -> AsyncIterator[SpotHand]:
    """A person on spot, at the module's own localbinance."""
    async with a_spot_hand(venue) as it:
        yield it
