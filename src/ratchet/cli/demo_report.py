"""What a demo came to: the one object that machines get, and the table that people get."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

from ratchet.domain.money import plain
from ratchet.observe.percentile import nearest_rank


@dataclass(frozen=True, slots=True, kw_only=True)
class NakedTime:
    """Entry fill known → stop confirmed, milliseconds of real time, over all trades; None without any trade."""

    p50: float | None
    p99: float | None
    max: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeOrders:
    """What the exchange counted of this account's orders, conditional ones included."""

    placed: int
    cancelled: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLine:
    """One closed trade, for the table."""

    symbol: str
    side: str
    opened_ms: int
    hold_ms: int
    quantity: Decimal
    price_entry: Decimal
    price_exit: Decimal
    net_pnl: Decimal
    naked_ms: float | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run came to. Money in USDC, rates as fractions."""

    trades: int
    closed_trades: int
    win_rate: float | None  # of the closed trades
    net_pnl: Decimal
    fees: Decimal
    funding: Decimal
    max_drawdown: float  # fraction of the highest equity before it
    start_balance: Decimal
    end_balance: Decimal
    symbols: int  # in play
    signals: int
    naked_ms: NakedTime
    unexplained_pnl: Decimal  # the exchange's income history less the ledger
    unprotected_positions: int  # by the exchange's own account
    exchange_orders: ExchangeOrders
    simulated_hours: float
    wall_seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object of `--json`: money as strings, rates as fractions."""
        return {
            "trades": self.trades,
            "closed_trades": self.closed_trades,
            "win_rate": self.win_rate,
            "net_pnl": plain(self.net_pnl),
            "fees": plain(self.fees),
            "funding": plain(self.funding),
            "max_drawdown": round(self.max_drawdown, 6),
            "start_balance": plain(self.start_balance),
            "end_balance": plain(self.end_balance),
            "symbols": self.symbols,
            "signals": self.signals,
            "naked_ms": {
                "p50": _rounded(self.naked_ms.p50),
                "p99": _rounded(self.naked_ms.p99),
                "max": _rounded(self.naked_ms.max),
            },
            "unexplained_pnl": plain(self.unexplained_pnl),
            "unprotected_positions": self.unprotected_positions,
            "exchange_orders": {
                "placed": self.exchange_orders.placed,
                "cancelled": self.exchange_orders.cancelled,
                "rejected": self.exchange_orders.rejected,
            },
            "simulated_hours": round(self.simulated_hours, 4),
            "wall_seconds": round(self.wall_seconds, 2),
        }


def naked_time(spells_ms: Sequence[float]) -> NakedTime:
    """How long, half of the time, in 99 of 100 cases, and at most."""
    if not spells_ms:
        return NakedTime(p50=None, p99=None, max=None)
    ordered = sorted(spells_ms)
    return NakedTime(p50=nearest_rank(ordered, 0.50), p99=nearest_rank(ordered, 0.99), max=ordered[-1])


def print_report(report: Report, trades: Sequence[TradeLine], console: Console) -> None:
    """The report as tables: the closed trades, newest last, then the sums."""
    if trades:
        console.print(_trades_table(trades))
    sums = Table(title="Result", show_header=False)
    sums.add_column(style="bold")
    sums.add_column(justify="right")
    cost = report.fees / report.closed_trades if report.closed_trades else Decimal(0)
    for name, value in (
        ("simulated / real time", f"{report.simulated_hours:.2f} h / {report.wall_seconds:.1f} s"),
        (
            "symbols, signals, trades",
            f"{report.symbols}, {report.signals}, {report.trades} ({report.closed_trades} closed)",
        ),
        ("win rate", "-" if report.win_rate is None else f"{report.win_rate:.1%}"),
        (
            "net result",
            f"{plain(report.net_pnl)} USDC, of it fees {plain(-report.fees)}, funding {plain(report.funding)}",
        ),
        ("fees per closed trade", f"{cost:.4f} USDC"),
        ("balance", f"{plain(report.start_balance)} → {plain(report.end_balance)} USDC"),
        ("largest drawdown", f"{report.max_drawdown:.2%}"),
        ("naked time p50 / p99 / max", _naked_text(report.naked_ms)),
        ("positions without a stop", str(report.unprotected_positions)),
        ("not explained by the exchange's income", f"{plain(report.unexplained_pnl)} USDC"),
        (
            "orders placed / cancelled / rejected",
            f"{report.exchange_orders.placed} / {report.exchange_orders.cancelled} / {report.exchange_orders.rejected}",
        ),
    ):
        sums.add_row(name, value)
    console.print(sums)


def _trades_table(trades: Sequence[TradeLine], most: int = 20) -> Table:
    shown = list(trades)[-most:]
    title = f"Closed trades (the last {len(shown)} of {len(trades)})" if len(trades) > most else "Closed trades"
    table = Table(title=title)
    for name in ("symbol", "side", "held", "quantity", "entry", "exit", "net USDC", "naked ms", "ended by"):
        table.add_column(name, justify="left" if name in ("symbol", "side", "ended by") else "right")
    for trade in shown:
        table.add_row(
            trade.symbol,
            "long" if trade.side == "BUY" else "short",
            f"{trade.hold_ms / 60_000:.1f} min",
            plain(trade.quantity),
            f"{trade.price_entry:.6g}",
            f"{trade.price_exit:.6g}",
            f"[{'green' if trade.net_pnl > 0 else 'red'}]{trade.net_pnl:.4f}[/]",
            "-" if trade.naked_ms is None else f"{trade.naked_ms:.1f}",
            trade.reason,
        )
    return table


def _naked_text(naked: NakedTime) -> str:
    if naked.p50 is None or naked.p99 is None or naked.max is None:
        return "-"
    return f"{naked.p50:.1f} / {naked.p99:.1f} / {naked.max:.1f} ms"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
