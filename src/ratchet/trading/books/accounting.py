"""Accounting: what the exchange booked without an order, and the ledger's sum held against its income history."""

from collections.abc import Callable
from decimal import Decimal

import structlog

from ratchet.domain.clock import Clock
from ratchet.domain.identity import TradeId
from ratchet.domain.money import QUOTE, ZERO
from ratchet.domain.position import IncomeKind
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.ledger import Ledger

EARLIER_MS = 1_000  # by which a row's time may lie before that of the event which tells of it

log = structlog.get_logger(__name__)


class Accountant:
    """Books what is told of at once. What it misses, because it is not to be had yet, the audit finds."""

    def __init__(
        self, client: BinanceClient, ledger: Ledger, clock: Clock, trade_of: Callable[[Symbol], TradeId | None]
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self._trade_of = trade_of
        self._since_ms = clock.now_ms()
        self._asked_ms = 0

    async def book_income(self, at_ms: int) -> None:
        """Book funding and charges from an instant on, to the trades that hold the symbols. Raises: LedgerError."""
        if at_ms < self._asked_ms:
            return  # many symbols pay at once: the answer to the first event had the rows of the others
        asked_ms = self._clock.now_ms()
        try:
            rows = await self._client.fetch_income(since_ms=at_ms - EARLIER_MS)
        except ExchangeError as error:
            log.warning("income_not_fetched", error=str(error))
            return
        for row in rows:
            trade_id = None if row.symbol is None else self._trade_of(row.symbol)
            if row.kind is IncomeKind.FUNDING_FEE:
                await self._ledger.record_funding(row, trade_id)
            elif row.kind is IncomeKind.OTHER:
                await self._ledger.record_charge(row, trade_id)
        self._asked_ms = asked_ms

    async def unexplained_pnl(self) -> Decimal:
        """The exchange's income from the start of the run on less the ledger's, USDC. Nothing is mended.

        Raises: ExchangeError when the income history cannot be read.
        """
        rows = await self._client.fetch_income(since_ms=self._since_ms)
        income = (row.amount for row in rows if row.kind is not IncomeKind.TRANSFER and row.asset == QUOTE)
        summary = await self._ledger.summary(self._since_ms)
        return sum(income, ZERO) - summary.net_pnl
