"""What Prometheus reads of a spot companion."""

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from ratchet.observe.companion_metrics import CompanionMetrics
from ratchet.observe.companion_vitals import CompanionVitals
from ratchet.observe.notices import Kind, Notice
from tests.unit.ratchet.observe.companion_vital import companion_vitals, with_symbol
from tests.unit.ratchet.observe.test_beacon import value


def scraped(vitals: CompanionVitals) -> dict[str, Metric]:
    metrics = CompanionMetrics()
    metrics.watch(lambda: vitals)
    return families_of(metrics)


def families_of(metrics: CompanionMetrics) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(metrics.text().decode())}


def test_a_scrape_has_the_state_of_the_companion() -> None:
    families = scraped(companion_vitals(placing_halted="paused"))
    assert value(families, "ratchet_rebound_watching") == 1
    assert value(families, "ratchet_rebound_cases", stage="selling") == 4
    assert value(families, "ratchet_rebound_cases", stage="to_sell") == 1
    assert value(families, "ratchet_rebound_cases_closed") == 7
    assert value(families, "ratchet_rebound_buys_waiting", symbol="TRUMPUSDC") == 2
    assert value(families, "ratchet_rebound_wait_seconds", symbol="TRUMPUSDC") == 12.5
    assert value(families, "ratchet_rebound_profit_usdc", symbol="TRUMPUSDC") == 1.25
    assert value(families, "ratchet_rebound_placing_halted") == 1
    assert value(families, "ratchet_rebound_books_disagree") == 0
    orders = "ratchet_rebound_orders"
    assert value(families, orders, f"{orders}_total", role="sell", what="placed") == 9
    assert value(families, orders, f"{orders}_total", role="sell", what="refused") == 0
    reconnects = "ratchet_stream_reconnects"
    assert value(families, reconnects, f"{reconnects}_total", stream="user") == 2


def test_what_every_process_has_bears_the_same_name_as_the_traders() -> None:
    families = scraped(companion_vitals(ledger_trouble="the disk is full"))
    assert value(families, "ratchet_uptime_seconds") == 3_661
    assert value(families, "ratchet_account_age_seconds") == 20
    assert value(families, "ratchet_stream_age_seconds", stream="user") == 600
    assert value(families, "ratchet_request_weight_used") == 120
    assert value(families, "ratchet_request_weight_max") == 6_000
    assert value(families, "ratchet_ledger_notes_waiting") == 3
    assert value(families, "ratchet_ledger_writable") == 0
    assert families["ratchet_build_info"].samples[0].labels["version"]


def test_notices_and_exceptions_are_counted() -> None:
    metrics = CompanionMetrics()
    metrics.on_notice(Notice(kind=Kind.CASE, at_ms=0, text=""))
    metrics.on_unhandled()
    families = families_of(metrics)
    assert value(families, "ratchet_notices", "ratchet_notices_total", kind="case") == 1
    assert value(families, "ratchet_unhandled_exceptions", "ratchet_unhandled_exceptions_total") == 1
    assert value(families, "ratchet_rebound_watching") == 0


def test_what_is_not_known_yet_is_left_out() -> None:
    assert scraped(with_symbol(profit=None))["ratchet_rebound_profit_usdc"].samples == []
