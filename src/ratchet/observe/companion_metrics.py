"""The metrics of a spot companion."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric

from ratchet.observe.companion_vitals import CompanionVitals, SymbolVitals
from ratchet.observe.metrics import Metrics, counted, gauges, stream_ages


class CompanionMetrics(Metrics[CompanionVitals]):
    """Of one process that sells what a person buys."""

    def __init__(self) -> None:
        super().__init__("rebound_watching", "Whether a spot companion runs.", _samples)


def _samples(vitals: CompanionVitals) -> Iterable[Metric]:
    yield from gauges(
        ("rebound_placing_halted", "1 while nothing new is placed.", bool(vitals.placing_halted)),
        ("rebound_cases_closed", "Cases that have ended since the companion began.", vitals.cases_closed),
        (
            "rebound_books_disagree",
            "1 while ledger and exchange tell of other executions.",
            bool(vitals.books_disagree),
        ),
    )
    cases = GaugeMetricFamily("ratchet_rebound_cases", "Open cases, by how far they are.", labels=["stage"])
    for stage, count in vitals.cases.items():
        cases.add_metric([stage], count)
    yield cases
    yield from _by_symbol(vitals.symbols)
    yield counted("rebound_orders", "What became of the companion's orders.", ("role", "what"), vitals.orders.items())
    reconnects = [(("user",), vitals.stream_reconnects)]
    yield counted("stream_reconnects", "Connections after the first.", ("stream",), reconnects)
    yield stream_ages({"user": vitals.user_stream_age_s})


def _by_symbol(symbols: Iterable[SymbolVitals]) -> Iterable[Metric]:
    waiting = GaugeMetricFamily(
        "ratchet_rebound_buys_waiting", "BUYs of a person whose SELL does not stand yet.", labels=["symbol"]
    )
    waits = GaugeMetricFamily("ratchet_rebound_wait_seconds", "Of the oldest of these BUYs.", labels=["symbol"])
    troubles = GaugeMetricFamily(
        "ratchet_rebound_trouble_seconds", "For how long turns have failed.", labels=["symbol"]
    )
    profits = GaugeMetricFamily(
        "ratchet_rebound_profit_usdc", "Of all that is in the ledger, before fees.", labels=["symbol"]
    )
    for each in symbols:
        waiting.add_metric([each.symbol], each.buys_waiting)
        waits.add_metric([each.symbol], each.wait_s)
        troubles.add_metric([each.symbol], each.trouble_s)
        if each.profit is not None:
            profits.add_metric([each.symbol], float(each.profit))
    return (waiting, waits, troubles, profits)
