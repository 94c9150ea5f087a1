"""The account watch: what there is to trade with, asked for each minute and written down."""

from collections.abc import Callable
from decimal import Decimal

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.position import Balance
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.ledger import Ledger

INTERVAL_MS = 60_000

log = structlog.get_logger(__name__)


class AccountWatch:
    """Knows the balance of a minute ago at most."""

    def __init__(
        self, client: BinanceClient, ledger: Ledger, clock: Clock, on_equity: Callable[[int, Decimal], None]
    ) -> None:
        """`on_equity`: told of every equity, and when it was seen."""
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._on_equity = on_equity
        self.balance = Balance(wallet=Decimal(0), available=Decimal(0), unrealized_pnl=Decimal(0))
        self.start_balance = Decimal(0)  # wallet, USDC, once it has been asked for

    async def begin(self) -> None:
        """Ask for the first time. Raises: ExchangeError."""
        self.balance = await self._client.fetch_balance()
        self.start_balance = self.balance.wallet
        self._on_equity(self._clock.now_ms(), self.balance.equity)

    async def run(self) -> None:
        """Ask each minute until cancelled."""
        while True:
            await self._clock.sleep_until((self._clock.now_ms() // INTERVAL_MS + 1) * INTERVAL_MS)
            with self._clock.working():
                await self.refresh()

    async def refresh(self) -> None:
        """Ask now. Where there is no answer, what was known stays."""
        try:
            self.balance = await self._client.fetch_balance()
            now_ms = self._clock.now_ms()
            self._on_equity(now_ms, self.balance.equity)
            await self._ledger.record_equity(now_ms, self.balance.equity, self.balance.wallet)
        except (ExchangeError, LedgerError) as error:
            log.warning("account_not_refreshed", error=str(error))
