from decimal import Decimal

import pytest

from ratchet.cli.demo_report import ExchangeOrders, NakedTime, Report, naked_time
from ratchet.ledger.performance import max_drawdown


def a_report(**changes: object) -> Report:
    values: dict[str, object] = {
        "trades": 4,
        "closed_trades": 4,
        "win_rate": 0.5,
        "net_pnl": Decimal("-1.20000000"),
        "fees": Decimal("0.64"),
        "funding": Decimal(0),
        "max_drawdown": 0.0123456789,
        "start_balance": Decimal(400),
        "end_balance": Decimal("398.8"),
        "symbols": 34,
        "signals": 9,
        "naked_ms": NakedTime(p50=3.14159, p99=4.0, max=4.0),
        "unexplained_pnl": Decimal("0E-8"),
        "unprotected_positions": 0,
        "exchange_orders": ExchangeOrders(placed=20, cancelled=8, rejected=0),
        "simulated_hours": 6.0,
        "wall_seconds": 21.987,
    }
    return Report(**(values | changes))  # type: ignore[arg-type]  # the test names what it is about, the rest is default


def test_machines_get_money_as_text_without_exponents_and_rates_as_fractions() -> None:
    answer = a_report().as_json()
    assert (answer["net_pnl"], answer["unexplained_pnl"], answer["start_balance"]) == ("-1.2", "0", "400")
    assert answer["win_rate"] == 0.5
    assert answer["naked_ms"] == {"p50": 3.142, "p99": 4.0, "max": 4.0}
    assert answer["exchange_orders"] == {"placed": 20, "cancelled": 8, "rejected": 0}


def test_a_run_without_trades_has_no_rates_rather_than_invented_ones() -> None:
    answer = a_report(win_rate=None, naked_ms=naked_time([])).as_json()
    assert answer["win_rate"] is None
    assert answer["naked_ms"] == {"p50": None, "p99": None, "max": None}


@pytest.mark.parametrize(
    ("spells", "p50", "p99", "longest"),
    [([5.0], 5.0, 5.0, 5.0), ([float(n) for n in range(1, 101)], 50.0, 99.0, 100.0), ([9.0, 1.0], 1.0, 9.0, 9.0)],
)
def test_percentiles_are_figures_that_were_measured(
    spells: list[float], p50: float, p99: float, longest: float
) -> None:
    assert naked_time(spells) == NakedTime(p50=p50, p99=p99, max=longest)


def test_drawdown_is_measured_from_the_highest_equity_before_it() -> None:
    assert max_drawdown([Decimal(n) for n in (100, 80, 200, 150, 190)]) == pytest.approx(0.25)
    assert max_drawdown([]) == 0.0
