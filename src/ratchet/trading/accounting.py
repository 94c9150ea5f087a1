"""Accounting: funding booked to its trades, and the ledger held against the exchange's income history."""

from collections.abc import Callable
from decimal import Decimal

import structlog

from ratchet.domain.identity import TradeId
from ratchet.domain.money import ZERO
from ratchet.domain.position import IncomeKind
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError
from ratchet.ledger.ledger import Ledger

log = structlog.get_logger(__name__)

OF_TRADING = frozenset({IncomeKind.REALIZED_PNL, IncomeKind.COMMISSION, IncomeKind.FUNDING_FEE})


class Accountant:
    """Compares what the exchange booked with what the ledger knows, from the start of the run on."""

    def __init__(
        self,
        client: BinanceClient,
        ledger: Ledger,
        since_ms: int,
        trade_of: Callable[[Symbol], TradeId | None],
    ) -> None:
        self._client = client
        self._ledger = ledger
        self._since_ms = since_ms
        self._trade_of = trade_of

    async def book_funding(self) -> None:
        """Book every funding payment that the ledger does not know yet to the trade that holds the symbol."""
        try:
            rows = await self._client.fetch_income(since_ms=self._since_ms)
        except ExchangeError as error:
            log.warning("income_not_fetched", error=str(error))
            return
        for row in rows:
            if row.kind is IncomeKind.FUNDING_FEE:
                trade_id = None if row.symbol is None else self._trade_of(row.symbol)
                await self._ledger.record_funding(row, trade_id)

    async def unexplained_pnl(self) -> Decimal:
        """The exchange's income of trading less the ledger's, USDC. 0 when every payment is accounted for.

        Raises: ExchangeError when the income history cannot be read.
        """
        rows = await self._client.fetch_income(since_ms=self._since_ms)
        income = sum((row.amount for row in rows if row.kind in OF_TRADING), ZERO)
        summary = await self._ledger.summary(self._since_ms)
        return income - summary.net_pnl
