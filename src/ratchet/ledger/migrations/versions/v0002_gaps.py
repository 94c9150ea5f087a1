"""Gaps: changes of positions without a known execution, booked as such."""

import sqlalchemy as sa
from alembic import op

from ratchet.ledger.tables import Exact

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "gaps",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("trade_id", sa.Integer, sa.ForeignKey("trades.id"), nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("quantity", Exact, nullable=False),
        sa.Column("price", Exact, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("gaps_by_trade", "gaps", ["trade_id"])
