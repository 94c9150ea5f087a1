"""What an audit needs: the asset of a fee, charges, and gaps in money."""

import sqlalchemy as sa
from alembic import op

from ratchet.ledger.tables import Exact

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add them."""
    op.add_column("fills", sa.Column("fee_asset", sa.String(16), nullable=False, server_default="USDC"))
    op.create_index("fills_by_time", "fills", ["at_ms"])
    with op.batch_alter_table("gaps") as gaps:
        gaps.alter_column("trade_id", existing_type=sa.Integer, nullable=True)
        gaps.alter_column("symbol", existing_type=sa.String(32), nullable=True)
        gaps.add_column(sa.Column("income_name", sa.String(40)))
        gaps.add_column(sa.Column("income_id", sa.BigInteger))
        gaps.add_column(sa.Column("asset", sa.String(16), nullable=False, server_default="USDC"))
        gaps.add_column(sa.Column("amount", Exact, nullable=False, server_default="0"))
    op.create_table(
        "charges",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("income_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("trade_id", sa.Integer, sa.ForeignKey("trades.id")),
        sa.Column("symbol", sa.String(32)),
        sa.Column("asset", sa.String(16), nullable=False),
        sa.Column("amount", Exact, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
