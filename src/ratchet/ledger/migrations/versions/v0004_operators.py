"""What operators do and hear, where each decision ended, and the leverage of a trade."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add them."""
    op.add_column("trades", sa.Column("leverage", sa.Integer))
    op.add_column("signals", sa.Column("stage", sa.String(12), nullable=False, server_default=""))
    op.create_table(
        "universe",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("is_traded", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
    )
    op.create_index("universe_by_symbol", "universe", ["symbol", "at_ms"])
    op.create_table(
        "operator_events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("detail", sa.String(400), nullable=False, server_default=""),
        sa.Column("before", sa.JSON),
        sa.Column("after", sa.JSON),
    )
    op.create_index("operator_events_by_time", "operator_events", ["at_ms"])
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("weight", sa.String(8), nullable=False),
        sa.Column("symbol", sa.String(32)),
        sa.Column("text", sa.String(400), nullable=False),
    )
    op.create_index("notices_by_time", "notices", ["at_ms"])
