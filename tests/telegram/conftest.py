"""The server of a test."""

from collections.abc import AsyncIterator

import pytest

from tests.telegram.server import BotApi, bot_api


@pytest.fixture
async def api() -> AsyncIterator[BotApi]:
    async with bot_api() as it:
        yield it
