"""The first schema."""

import sqlalchemy as sa
from alembic import op

from ratchet.ledger.tables import Exact

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "meta",
        sa.Column("key", sa.String(32), primary_key=True),
        sa.Column("value", sa.String(64), nullable=False),
    )
    op.create_table(
        "trades",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("quantity", Exact, nullable=False),
        sa.Column("price_entry", Exact, nullable=False),
        sa.Column("price_stop", Exact, nullable=False),
        sa.Column("rungs", sa.JSON, nullable=False),
        sa.Column("hold_ms_max", sa.BigInteger, nullable=False),
        sa.Column("strategy", sa.String(120), nullable=False),
        sa.Column("profile", sa.String(32), nullable=False),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
        sa.Column("closed_ms", sa.BigInteger),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("naked_ms", sa.Float),
    )
    op.create_table(
        "orders",
        sa.Column("client_order_id", sa.String(36), primary_key=True),
        sa.Column("trade_id", sa.Integer, sa.ForeignKey("trades.id")),
        sa.Column("origin", sa.String(8), nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("quantity", Exact, nullable=False),
        sa.Column("price", Exact),
        sa.Column("reduce_only", sa.Boolean, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("order_id", sa.BigInteger),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("intended_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("orders_by_trade", "orders", ["trade_id"])
    op.create_index("orders_by_order_id", "orders", ["symbol", "order_id"])
    op.create_table(
        "fills",
        sa.Column("symbol", sa.String(32), primary_key=True),
        sa.Column("fill_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("trade_id", sa.Integer, sa.ForeignKey("trades.id")),
        sa.Column("client_order_id", sa.String(36), sa.ForeignKey("orders.client_order_id"), nullable=False),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("price", Exact, nullable=False),
        sa.Column("quantity", Exact, nullable=False),
        sa.Column("fee", Exact, nullable=False),
        sa.Column("realized_pnl", Exact, nullable=False),
        sa.Column("is_maker", sa.Boolean, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("fills_by_trade", "fills", ["trade_id"])
    op.create_table(
        "funding",
        sa.Column("income_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("trade_id", sa.Integer, sa.ForeignKey("trades.id")),
        sa.Column("symbol", sa.String(32)),
        sa.Column("amount", Exact, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "signals",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("strategy", sa.String(120), nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("side", sa.String(4)),
        sa.Column("candle_close_ms", sa.BigInteger, nullable=False),
        sa.Column("price", Exact),
        sa.Column("breakdown", sa.JSON, nullable=False),
        sa.Column("outcome", sa.String(400), nullable=False),
    )
    op.create_index("signals_by_candle", "signals", ["candle_close_ms", "symbol"])
    op.create_table(
        "equity",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("equity", Exact, nullable=False),
        sa.Column("wallet", Exact, nullable=False),
    )


def downgrade() -> None:
    """There is nothing before the first version."""
    raise NotImplementedError("the first version of the ledger cannot be taken back; remove the file instead")
