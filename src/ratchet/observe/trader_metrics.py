"""The metrics of a trader."""

from collections.abc import Iterable

from prometheus_client import Histogram
from prometheus_client.core import Metric

from ratchet.observe.metrics import Metrics, gauges, stream_ages
from ratchet.observe.vitals import Vitals

NAKED_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DECISION_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)


class TraderMetrics(Metrics[Vitals]):
    """Of one process that trades."""

    def __init__(self) -> None:
        super().__init__("trading", "Whether a trader runs.", _samples)
        self._naked = Histogram(
            "ratchet_naked_seconds",
            "How long a trade stood without a confirmed stop.",
            buckets=NAKED_S,
            registry=self.registry,
        )
        self._decisions = Histogram(
            "ratchet_decision_seconds",
            "From a known closed candle to its decision.",
            buckets=DECISION_S,
            registry=self.registry,
        )

    def on_naked(self, naked_ms: float) -> None:
        """A trade is over that stood so long without a confirmed stop."""
        self._naked.observe(naked_ms / 1_000)

    def on_scanned(self, decided_s: float) -> None:
        """A candle was decided on, so long after it was known."""
        self._decisions.observe(decided_s)


def _samples(vitals: Vitals) -> Iterable[Metric]:
    yield from gauges(
        ("equity_usdc", "Wallet and open result.", float(vitals.equity)),
        ("available_usdc", "What may be used as margin.", float(vitals.available)),
        ("pnl_open_usdc", "Open result.", float(vitals.pnl_open)),
        ("pnl_day_usdc", "Change of the equity since 00:00 UTC.", float(vitals.pnl_day)),
        ("open_positions", "Open trades.", vitals.positions),
        ("trades_closed", "Trades that have ended since the trader began.", vitals.trades_closed),
        ("entries_halted", "1 while no entries are made.", bool(vitals.entries_halted)),
        ("naked_max_seconds", "The longest that a trade stood without a stop.", _seconds(vitals.naked_ms_max)),
        ("unrest_seconds", "For how long something held has not been covered.", vitals.unrest_s),
    )
    yield stream_ages({"user": vitals.user_stream_age_s, "market": vitals.market_stream_age_s})


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1_000
