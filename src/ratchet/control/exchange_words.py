"""Questions to the exchange for an operator's answer: bounded, for an operator does not wait."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from ratchet.exchange.errors import ExchangeError

ASK_TIMEOUT_S = 0.7  # real time; the rest of the second is for everything else

Result = TypeVar("Result")


async def asked(question: Awaitable[Result]) -> Result | str:
    """What the exchange says; or why it says nothing, for a note."""
    try:
        async with asyncio.timeout(ASK_TIMEOUT_S):
            return await question
    except TimeoutError:
        return f"the exchange did not answer within {ASK_TIMEOUT_S:g} s"
    except ExchangeError as error:
        return f"the exchange could not be asked: {error}"
