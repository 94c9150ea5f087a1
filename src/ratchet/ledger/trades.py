"""Trades as the ledger keeps them: what becomes of one that was written down."""

from sqlalchemy import Connection, bindparam, select, update

from ratchet.domain.identity import TradeId
from ratchet.domain.order import OrderStatus
from ratchet.ledger.errors import LedgerError
from ratchet.ledger.orders import ORDERS
from ratchet.ledger.tables import TradeRow

TRADES = TradeRow.metadata.tables[TradeRow.__tablename__]
REASON_LENGTH_MAX = 200
# Columns, not rows, as in `orders`.

_OPEN = TRADES.c.closed_ms.is_(None)
_OF = TRADES.c.id == bindparam("trade")
_IS_OPEN = select(_OPEN).where(_OF)
_NAKED = update(TRADES).where(_OF).values(naked_ms=bindparam("naked_ms"))
_END = update(TRADES).where(_OF).values(closed_ms=bindparam("closed_ms"), reason=bindparam("reason"))
_CANCEL_UNSENT = (
    update(ORDERS)
    .where(ORDERS.c.trade_id == bindparam("trade"), ORDERS.c.status == OrderStatus.INTENDED.value)
    .values(status=OrderStatus.CANCELED.value, reason="never sent", updated_ms=bindparam("updated_ms"))
)


def note_naked(connection: Connection, trade_id: TradeId, naked_ms: float) -> None:
    """How long it has stood without a confirmed stop so far, real ms. Raises: LedgerError."""
    if not connection.execute(_NAKED, {"trade": trade_id, "naked_ms": naked_ms}).rowcount:
        raise _unknown(trade_id)


def close_trade(connection: Connection, trade_id: TradeId, reason: str, at_ms: int) -> None:
    """It is over, once. Orders of it that were never sent are cancelled. Raises: LedgerError."""
    is_open = connection.execute(_IS_OPEN, {"trade": trade_id}).scalar()
    if is_open is None:
        raise _unknown(trade_id)
    if is_open:
        connection.execute(_END, {"trade": trade_id, "closed_ms": at_ms, "reason": reason[:REASON_LENGTH_MAX]})
        connection.execute(_CANCEL_UNSENT, {"trade": trade_id, "updated_ms": at_ms})


def reopen_trade(connection: Connection, trade_id: TradeId) -> None:
    """It was taken to be over and is not. Raises: LedgerError."""
    if not connection.execute(_END, {"trade": trade_id, "closed_ms": None, "reason": ""}).rowcount:
        raise _unknown(trade_id)


def _unknown(trade_id: TradeId) -> LedgerError:
    return LedgerError(f"trade {trade_id} is not in the ledger")
