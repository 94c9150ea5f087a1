"""Metrics for Prometheus: read from the vitals when they are asked for, and counted where something happens."""

from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ratchet.observe.notices import Kind, Notice
from ratchet.observe.vitals import ProcessVitals

V = TypeVar("V", bound=ProcessVitals)


class Metrics(Generic[V]):
    """Of one process. There is nothing global: two of them know nothing of each other."""

    def __init__(self, running: str, meaning: str, samples: Callable[[V], Iterable[Metric]]) -> None:
        """Args: running, the name of the gauge that is 1 while there are vitals, with its meaning; samples, of them."""
        self.registry = CollectorRegistry()
        self._snapshot = _Snapshot(running, meaning, samples)
        self.registry.register(self._snapshot)
        self._notices = Counter("ratchet_notices", "What operators were told.", ["kind"], registry=self.registry)
        for kind in Kind:  # one that has not happened yet is 0, and can be waited for
            self._notices.labels(kind.value)
        self._unhandled = Counter(
            "ratchet_unhandled_exceptions", "Exceptions that nobody caught.", registry=self.registry
        )

    def watch(self, look: Callable[[], V] | None) -> None:
        """Where the vitals are asked for from now on; none while there are none."""
        self._snapshot.look = look

    def on_notice(self, notice: Notice) -> None:
        """Count one."""
        self._notices.labels(notice.kind.value).inc()

    def on_unhandled(self) -> None:
        """Count one."""
        self._unhandled.inc()

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)


class _Snapshot(Collector, Generic[V]):
    def __init__(self, running: str, meaning: str, samples: Callable[[V], Iterable[Metric]]) -> None:
        self.look: Callable[[], V] | None = None
        self._running = running
        self._meaning = meaning
        self._samples = samples

    def collect(self) -> Iterable[Metric]:
        build = GaugeMetricFamily("ratchet_build_info", "Which version this is.", labels=["version"])
        build.add_metric([version("ratchet")], 1)
        yield build
        yield GaugeMetricFamily(f"ratchet_{self._running}", self._meaning, value=self.look is not None)
        if self.look is not None:
            vitals = self.look()
            yield from _of_any_process(vitals)
            yield from self._samples(vitals)

    def describe(self) -> Iterable[Metric]:
        """Nobody is asked while it is being registered."""
        return []


def gauges(*known: tuple[str, str, float | None]) -> Iterable[Metric]:
    """Args: known, each a name without `ratchet_`, its meaning, and its value. What is not known yet is left out: 0
    would be a lie."""
    for name, meaning, value in known:
        if value is not None:
            yield GaugeMetricFamily(f"ratchet_{name}", meaning, value=float(value))


def stream_ages(ages_s: dict[str, float | None]) -> Metric:
    """Since the last word of each stream, by its name."""
    ages = GaugeMetricFamily("ratchet_stream_age_seconds", "Since the last word of a stream.", labels=["stream"])
    for stream, age_s in ages_s.items():
        if age_s is not None:
            ages.add_metric([stream], age_s)
    return ages


def counted(
    name: str, meaning: str, labels: Sequence[str], counts: Iterable[tuple[Sequence[str], int]]
) -> CounterMetricFamily:
    """What happened since the process began. Args: name, without `ratchet_`; counts, each after its labels' values."""
    family = CounterMetricFamily(f"ratchet_{name}", meaning, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family


def _of_any_process(vitals: ProcessVitals) -> Iterable[Metric]:
    return gauges(
        ("uptime_seconds", "Real time since it began.", vitals.uptime_s),
        ("account_age_seconds", "Since the exchange told how the account stands.", vitals.account_age_s),
        ("request_weight_used", "Of the exchange's limits, in the running minute.", vitals.weight_used),
        ("request_weight_max", "The limit of it.", vitals.weight_max),
        ("ledger_notes_waiting", "What is to be written into the ledger.", vitals.notes_waiting),
        ("ledger_writable", "0 while the ledger cannot be written.", not vitals.ledger_trouble),
    )
