"""Views of the results by hour and by day, for other tools. Sums are floats; exact ones: `ledger/aggregates.py`.

Whoever rebuilds a table that they read drops them before and makes them again after.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

LENGTHS_MS = {"results_by_hour": 3_600_000, "results_by_day": 86_400_000}

VIEW = """
CREATE VIEW {name} AS
WITH booked AS (
    SELECT at_ms, trade_id, CAST(realized_pnl AS REAL) AS other,
           CASE WHEN fee_asset = 'USDC' THEN CAST(fee AS REAL) ELSE 0.0 END AS fee, 0.0 AS funding FROM fills
    UNION ALL SELECT at_ms, trade_id, 0.0, 0.0, CAST(amount AS REAL) FROM funding
    UNION ALL SELECT at_ms, trade_id, CAST(amount AS REAL), 0.0, 0.0 FROM charges WHERE asset = 'USDC'
    UNION ALL SELECT at_ms, trade_id, CAST(amount AS REAL), 0.0, 0.0 FROM gaps WHERE asset = 'USDC'
), net_of AS (
    SELECT trade_id, ROUND(SUM(other - fee + funding), 8) AS net FROM booked GROUP BY trade_id
), happened AS (
    SELECT at_ms, 0 AS trades, 0 AS wins, other - fee + funding AS net, fee, funding, NULL AS naked_ms FROM booked
    UNION ALL SELECT closed_ms, 1, net > 0, 0.0, 0.0, 0.0, NULL FROM trades JOIN net_of ON net_of.trade_id = trades.id
        WHERE closed_ms IS NOT NULL AND id IN (SELECT trade_id FROM fills)
    UNION ALL SELECT opened_ms, 0, 0, 0.0, 0.0, 0.0, naked_ms FROM trades WHERE naked_ms IS NOT NULL
)
SELECT at_ms / {length_ms} * {length_ms} AS since_ms, SUM(trades) AS trades, SUM(wins) AS wins,
       ROUND(SUM(net), 8) AS net_pnl, ROUND(SUM(fee), 8) AS fees, ROUND(SUM(funding), 8) AS funding,
       MAX(naked_ms) AS naked_ms_max
FROM happened GROUP BY 1 ORDER BY 1
"""


def upgrade() -> None:
    """Make them."""
    for name, length_ms in LENGTHS_MS.items():
        op.execute(VIEW.format(name=name, length_ms=length_ms))
