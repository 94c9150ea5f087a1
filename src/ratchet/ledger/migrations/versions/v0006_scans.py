"""How long scans took; and where the decisions of before ended, as far as their text tells."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

STAGES_OF_BEFORE = """
UPDATE signals SET stage = CASE
    WHEN side IS NULL THEN 'votes'
    WHEN outcome = 'entry' THEN 'sent'
    WHEN outcome LIKE 'too late:%' THEN 'late'
    WHEN outcome LIKE 'entries halted:%' OR outcome = 'not running' THEN 'halted'
    ELSE 'risk' END
WHERE stage = ''
"""


def upgrade() -> None:
    """Make and mend them."""
    op.create_table(
        "scans",
        sa.Column("candle_close_ms", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("symbols", sa.Integer, nullable=False),
        sa.Column("missing", sa.Integer, nullable=False),
        sa.Column("decided_ms_max", sa.Float),
    )
    op.execute(STAGES_OF_BEFORE)
