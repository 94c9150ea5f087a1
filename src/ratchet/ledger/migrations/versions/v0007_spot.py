"""Spot: watched symbols, cases, orders and executions of its companion."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

EXACT = sa.String(64)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "spot_watches",
        sa.Column("symbol", sa.String(32), primary_key=True),
        sa.Column("start_id", sa.BigInteger, nullable=False),
        sa.Column("seen_id", sa.BigInteger, nullable=False),
        sa.Column("began_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_ms", sa.BigInteger),
    )
    op.create_table(
        "spot_cases",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("buy_order_id", sa.BigInteger, nullable=False),
        sa.Column("quantity", EXACT, nullable=False),
        sa.Column("quantity_bought", EXACT, nullable=False),
        sa.Column("quote", EXACT, nullable=False),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
        sa.Column("closed_ms", sa.BigInteger),
        sa.Column("reason", sa.String(400), nullable=False),
    )
    _make_orders()
    _make_fills()


def _make_orders() -> None:
    op.create_table(
        "spot_orders",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("client_order_id", sa.String(36), nullable=False),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("spot_cases.id")),
        sa.Column("origin", sa.String(8), nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("quantity", EXACT, nullable=False),
        sa.Column("price", EXACT),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("order_id", sa.BigInteger),
        sa.Column("quantity_filled", EXACT, nullable=False),
        sa.Column("price_average", EXACT, nullable=False),
        sa.Column("reason", sa.String(400), nullable=False),
        sa.Column("intended_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("spot_orders_by_name", "spot_orders", ["client_order_id"])
    op.create_index("spot_orders_by_order_id", "spot_orders", ["symbol", "order_id"])
    op.create_index("spot_orders_by_case", "spot_orders", ["case_id"])


def _make_fills() -> None:
    op.create_table(
        "spot_fills",
        sa.Column("symbol", sa.String(32), primary_key=True),
        sa.Column("fill_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("order_id", sa.BigInteger, nullable=False),
        sa.Column("client_order_id", sa.String(36), nullable=False),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("spot_cases.id")),
        sa.Column("origin", sa.String(8), nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("price", EXACT, nullable=False),
        sa.Column("quantity", EXACT, nullable=False),
        sa.Column("fee", EXACT, nullable=False),
        sa.Column("fee_asset", sa.String(16), nullable=False),
        sa.Column("is_maker", sa.Boolean, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("spot_fills_by_case", "spot_fills", ["case_id"])
