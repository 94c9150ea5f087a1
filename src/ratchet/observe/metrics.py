"""Metrics for Prometheus: read from a trader's vitals when they are asked for, and counted where something happens."""

from collections.abc import Callable, Iterable
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ratchet.observe.notices import Kind, Notice
from ratchet.observe.vitals import Vitals

NAKED_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DECISION_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0)


class Metrics:
    """Of one process. There is nothing global: two of them know nothing of each other."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._snapshot = _Snapshot()
        self._registry.register(self._snapshot)
        self._notices = Counter("ratchet_notices", "What operators were told.", ["kind"], registry=self._registry)
        for kind in Kind:  # one that has not happened yet is 0, and can be waited for
            self._notices.labels(kind.value)
        self._unhandled = Counter(
            "ratchet_unhandled_exceptions", "Exceptions that nobody caught.", registry=self._registry
        )
        self._naked = Histogram(
            "ratchet_naked_seconds",
            "How long a trade stood without a confirmed stop.",
            buckets=NAKED_S,
            registry=self._registry,
        )
        self._decisions = Histogram(
            "ratchet_decision_seconds",
            "From a known closed candle to its decision.",
            buckets=DECISION_S,
            registry=self._registry,
        )

    def watch(self, look: Callable[[], Vitals] | None) -> None:
        """Where the vitals are asked for from now on; none while nobody trades."""
        self._snapshot.look = look

    def on_notice(self, notice: Notice) -> None:
        """Count one."""
        self._notices.labels(notice.kind.value).inc()

    def on_unhandled(self) -> None:
        """Count one."""
        self._unhandled.inc()

    def on_naked(self, naked_ms: float) -> None:
        """A trade is over that stood so long without a confirmed stop."""
        self._naked.observe(naked_ms / 1_000)

    def on_scanned(self, decided_s: float) -> None:
        """A candle was decided on, so long after it was known."""
        self._decisions.observe(decided_s)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self._registry)


class _Snapshot(Collector):
    def __init__(self) -> None:
        self.look: Callable[[], Vitals] | None = None

    def collect(self) -> Iterable[Metric]:
        build = GaugeMetricFamily("ratchet_build_info", "Which version this is.", labels=["version"])
        build.add_metric([version("ratchet")], 1)
        yield build
        yield GaugeMetricFamily("ratchet_trading", "Whether a trader runs.", value=self.look is not None)
        if self.look is not None:
            yield from _gauges(self.look())

    def describe(self) -> Iterable[Metric]:
        """Nobody is asked while it is being registered."""
        return []


def _gauges(vitals: Vitals) -> Iterable[Metric]:
    """What is not known yet is left out: 0 would be a lie."""
    known: tuple[tuple[str, str, float | None], ...] = (
        ("uptime_seconds", "Real time since the trader began.", vitals.uptime_s),
        ("equity_usdc", "Wallet and open result.", float(vitals.equity)),
        ("available_usdc", "What may be used as margin.", float(vitals.available)),
        ("pnl_open_usdc", "Open result.", float(vitals.pnl_open)),
        ("pnl_day_usdc", "Change of the equity since 00:00 UTC.", float(vitals.pnl_day)),
        ("open_positions", "Open trades.", vitals.positions),
        ("trades_closed", "Trades that have ended since the trader began.", vitals.trades_closed),
        ("entries_halted", "1 while no entries are made.", bool(vitals.entries_halted)),
        ("naked_max_seconds", "The longest that a trade stood without a stop.", _seconds(vitals.naked_ms_max)),
        ("account_age_seconds", "Since the exchange told what is held.", vitals.account_age_s),
        ("request_weight_used", "Of the exchange's limits, in the running minute.", vitals.weight_used),
        ("request_weight_max", "The limit of it.", vitals.weight_max),
        ("ledger_notes_waiting", "What is to be written into the ledger.", vitals.notes_waiting),
        ("ledger_writable", "0 while the ledger cannot be written.", not vitals.ledger_trouble),
        ("unrest_seconds", "For how long something held has not been covered.", vitals.unrest_s),
    )
    for name, meaning, value in known:
        if value is not None:
            yield GaugeMetricFamily(f"ratchet_{name}", meaning, value=float(value))
    ages = GaugeMetricFamily("ratchet_stream_age_seconds", "Since the last word of a stream.", labels=["stream"])
    for stream, age_s in (("user", vitals.user_stream_age_s), ("market", vitals.market_stream_age_s)):
        if age_s is not None:
            ages.add_metric([stream], age_s)
    yield ages


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1_000
