"""Ownership: whose an order is, by its number in the ledger, else by the name that the exchange knows it by."""

from dataclasses import dataclass

from ratchet.domain.fill import Fill
from ratchet.domain.identity import ClientOrderId, TradeId, trade_of
from ratchet.exchange.budget import Lane
from ratchet.exchange.certainty import LAG_MS
from ratchet.exchange.client import BinanceClient
from ratchet.ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Owner:
    """The trade of ours that an order belongs to, None for another hand's; the order's name, if it was asked for."""

    trade_id: TradeId | None
    name: ClientOrderId | None = None
    is_known: bool = True  # False: the exchange does not know the order, or not yet

    def may_turn_up(self, fill: Fill, now_ms: int) -> bool:
        """Whether its order may only be behind an execution of a moment ago: nothing is to be concluded yet."""
        return not self.is_known and fill.at_ms > now_ms - LAG_MS


async def owner_of_fill(client: BinanceClient, ledger: Ledger, fill: Fill, lane: Lane = Lane.PROTECTIVE) -> Owner:
    """Whose order was filled. What a stop became carries the stop's name. Raises: LedgerError, ExchangeError."""
    if (trade_id := await ledger.trade_of_order(fill.symbol, fill.order_id)) is not None:
        return Owner(trade_id)
    report = await client.fetch_order_by_number(fill.symbol, fill.order_id, lane=lane)
    if report is None:
        return Owner(None, is_known=False)
    return Owner(await owner_of_name(ledger, report.client_order_id), report.client_order_id)


async def owner_of_name(ledger: Ledger, name: ClientOrderId) -> TradeId | None:
    """The trade that a name tells of, if the ledger has it. Raises: LedgerError."""
    trade_id = trade_of(ledger.run, name)
    return None if trade_id is None or await ledger.trade(trade_id) is None else trade_id
