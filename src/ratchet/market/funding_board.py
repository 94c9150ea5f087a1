"""The funding board: the next funding payment of every symbol, asked for again each minute."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.funding import Funding
from ratchet.domain.symbol import Symbol

INTERVAL_MS = 60_000
FETCH_TIMEOUT_S = 20.0

_logger = structlog.get_logger(__name__)


class FundingBoard:
    """What was last told, for as long as it says anything about the future."""

    def __init__(self, fetch: Callable[[], Awaitable[Mapping[Symbol, Funding]]], clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._fundings: Mapping[Symbol, Funding] = {}

    def of(self, symbol: Symbol) -> Funding | None:
        """The next payment of a symbol; None where it is not known."""
        funding = self._fundings.get(symbol)
        return funding if funding is not None and funding.next_ms > self._clock.now_ms() else None

    async def renew(self) -> None:
        """Ask now. Where no answer comes, what was known stays."""
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_S):
                self._fundings = await self._fetch()
        except Exception as error:  # the task's outer edge: what the exchange's client raises is not known here
            _logger.warning("funding_not_fetched", error=f"{type(error).__name__}: {error}")
            _logger.debug("funding_not_fetched", exc_info=True)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with self._clock.working():
                await self.renew()
            await self._clock.sleep_until(self._clock.now_ms() + INTERVAL_MS)
