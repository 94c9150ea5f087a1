"""Figures: what all runs of a drill came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ratchet.domain.money import ZERO, plain
from ratchet.drill.judge import Verdict
from ratchet.observe.percentile import nearest_rank

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Of many lengths of time, virtual ms. None without any."""

    p50: float | None
    p99: float | None
    max: float | None
    count: int

    def as_json(self) -> dict[str, float | int | None]:
        """For machines."""
        return {"p50": _rounded(self.p50), "p99": _rounded(self.p99), "max": _rounded(self.max), "count": self.count}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One run that broke a promise."""

    seed: int
    violations: tuple[str, ...]
    troubles: tuple[str, ...]  # the fewest under which it still fails
    replay: str  # the command


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of a whole drill."""

    seeds: int
    simulated_days: float
    wall_seconds: float
    latency_ms: float  # of one way, before jitter
    naked_ms: Spread  # spells without cover that no trouble excuses
    naked_in_trouble_ms: Spread  # the others: the process was dead, or the exchange out of reach
    restart_to_protected_ms: Spread  # in quiet: from the start of a process until all is covered
    guarded_naked_ms: Spread  # the trader dead or frozen, a guardian alive, the exchange within its reach
    guardian_stops: int  # placed
    guardian_closes: int  # sent
    trades: int
    orders: int
    kills: int
    duplicate_orders: int
    lost_fills: int
    unexplained_pnl: Decimal  # USDC, in absolute amounts
    violations: int
    failures: tuple[Failure, ...]

    @property
    def has_passed(self) -> bool:
        """Whether every promise was kept."""
        return self.violations == 0

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "passed": self.has_passed,
            "seeds": self.seeds,
            "simulated_days": round(self.simulated_days, 3),
            "wall_seconds": round(self.wall_seconds, 1),
            "latency_ms": self.latency_ms,
            "naked_ms": self.naked_ms.as_json(),
            "naked_in_trouble_ms": self.naked_in_trouble_ms.as_json(),
            "restart_to_protected_ms": self.restart_to_protected_ms.as_json(),
            "guarded_naked_ms": self.guarded_naked_ms.as_json(),
            "guardian_stops": self.guardian_stops,
            "guardian_closes": self.guardian_closes,
            "trades": self.trades,
            "orders": self.orders,
            "kills": self.kills,
            "duplicate_orders": self.duplicate_orders,
            "lost_fills": self.lost_fills,
            "unexplained_pnl": plain(self.unexplained_pnl),
            "violations": self.violations,
            "failures": [
                {
                    "seed": each.seed,
                    "violations": list(each.violations),
                    "troubles": list(each.troubles),
                    "replay": each.replay,
                }
                for each in self.failures
            ],
        }


def figures_of(
    verdicts: Sequence[Verdict], failures: Sequence[Failure], *, latency_ms: float, wall_seconds: float
) -> Figures:
    """Add the runs up."""
    return Figures(
        seeds=len(verdicts),
        simulated_days=sum(each.simulated_ms for each in verdicts) / DAY_MS,
        wall_seconds=wall_seconds,
        latency_ms=latency_ms,
        naked_ms=_spread([ms for each in verdicts for ms in each.naked_ms]),
        naked_in_trouble_ms=_spread([ms for each in verdicts for ms in each.naked_in_trouble_ms]),
        restart_to_protected_ms=_spread([ms for each in verdicts for ms in each.restarts_ms]),
        guarded_naked_ms=_spread([ms for each in verdicts for ms in each.guardian.naked_ms]),
        guardian_stops=sum(each.guardian.stops_placed for each in verdicts),
        guardian_closes=sum(each.guardian.closes_sent for each in verdicts),
        trades=sum(each.trades for each in verdicts),
        orders=sum(each.orders for each in verdicts),
        kills=sum(each.kills for each in verdicts),
        duplicate_orders=sum(each.duplicate_orders for each in verdicts),
        lost_fills=sum(each.lost_fills for each in verdicts),
        unexplained_pnl=sum((abs(each.unexplained_pnl) for each in verdicts), ZERO),
        violations=sum(len(each.violations) for each in verdicts),
        failures=tuple(failures),
    )


def _spread(values: Sequence[float]) -> Spread:
    ordered = sorted(values)
    if not ordered:
        return Spread(p50=None, p99=None, max=None, count=0)
    return Spread(p50=nearest_rank(ordered, 0.50), p99=nearest_rank(ordered, 0.99), max=ordered[-1], count=len(ordered))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
