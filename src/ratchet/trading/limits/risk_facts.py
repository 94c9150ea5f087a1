"""The risk facts: funding and margin brackets of all symbols, asked for again and again."""

from collections.abc import Mapping, Sequence

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.funding import Funding
from ratchet.domain.margin_bracket import MarginBracket
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError

FUNDING_INTERVAL_MS = 60_000
BRACKETS_AGE_MS_MAX = 3_600_000  # Binance changes them now and then, with days of notice
FUNDING_AGE_MS_MAX = 900_000  # a rate older than that is not known any more

log = structlog.get_logger(__name__)


class RiskFacts:
    """What was last heard. Where there is no answer for long, funding is not known any more; brackets stay."""

    def __init__(self, client: BinanceClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._funding: Mapping[Symbol, Funding] = {}
        self._funding_ms: int | None = None
        self._brackets_ms: int | None = None
        self.brackets: Mapping[Symbol, Sequence[MarginBracket]] = {}

    @property
    def funding(self) -> Mapping[Symbol, Funding]:
        """The next payment of each symbol of which it is known."""
        is_known = self._funding_ms is not None and self._clock.now_ms() - self._funding_ms <= FUNDING_AGE_MS_MAX
        return self._funding if is_known else {}

    async def run(self) -> None:
        """Ask every minute until cancelled."""
        while True:
            await self._clock.sleep_until((self._clock.now_ms() // FUNDING_INTERVAL_MS + 1) * FUNDING_INTERVAL_MS)
            with self._clock.working():
                await self.refresh()

    async def refresh(self) -> None:
        """Ask now for what is due. Where there is no answer, what was known stays."""
        now_ms = self._clock.now_ms()
        try:
            if self._brackets_ms is None or now_ms - self._brackets_ms > BRACKETS_AGE_MS_MAX:
                self.brackets = await self._client.fetch_margin_brackets()
                self._brackets_ms = now_ms
            self._funding = await self._client.fetch_funding()
            self._funding_ms = now_ms
        except ExchangeError as error:
            log.warning("risk_facts_not_refreshed", error=str(error))
