"""The question for risk: every limit of the account, how much of it is used, and what is reached."""

from decimal import Decimal

from ratchet.config.sections import RiskLimits
from ratchet.control.answer import Answer, Table
from ratchet.control.desk import Asker
from ratchet.control.parts import DeskParts
from ratchet.control.request import Commands, Request
from ratchet.control.shape import at, money, percent
from ratchet.control.words import Words
from ratchet.domain.money import ZERO, plain
from ratchet.domain.symbol import Symbol
from ratchet.risk.account_verdict import judge_account, stop_streak
from ratchet.risk.cool_down import cool_down_until
from ratchet.risk.day import day_of
from ratchet.risk.record import Record


class RiskQuestion:
    """risk."""

    def __init__(self, parts: DeskParts) -> None:
        self._parts = parts

    def commands(self) -> Commands:
        """By name."""
        return {"risk": self._risk}

    async def _risk(self, words: Words) -> Request:
        words.end()
        return Request(self._tell)

    async def _tell(self, _asker: Asker) -> Answer:
        status, limits, record = self._parts.status(), self._parts.settings.now.risk, self._parts.record()
        verdicts = judge_account(record, limits, status.now_ms)
        notional = sum((line.quantity * line.price_entry for line in status.positions), ZERO)
        exposure = notional / status.balance.equity if status.balance.equity > 0 else ZERO
        loss, drawdown = _of_today(record, status.now_ms)
        most_drawdown = percent(limits.day_drawdown_fraction_max)
        cooling = _cooling(record, limits, status.now_ms)
        used = (
            ("positions", "open_positions_max", str(len(status.positions)), str(limits.open_positions_max)),
            ("exposure", "exposure_fraction_max", _times(exposure), _times(limits.exposure_fraction_max)),
            ("loss of the day", "day_loss_fraction_max", percent(loss), percent(limits.day_loss_fraction_max)),
            ("drawdown of the day", "day_drawdown_fraction_max", percent(drawdown), most_drawdown),
            ("stop losses in a row", "stop_streak_max", str(stop_streak(record)), str(limits.stop_streak_max)),
        )
        return Answer(
            title="Risk",
            facts=(
                ("entries", f"off: {status.entries_halted}" if status.entries_halted else "on"),
                ("profile", self._parts.settings.now.profile),
                ("risk per trade", f"{percent(limits.risk_per_trade_fraction)} of the balance"),
                ("leverage", f"{limits.leverage_min} to {limits.leverage}"),
                ("held", f"{money(notional)} USDC at entry"),
            ),
            table=Table(
                headings=("limit", "used", "at most", "setting"),
                rows=tuple((name, now, most, f"risk.{key}") for name, key, now, most in used),
                numeric=frozenset({1, 2}),
            ),
            notes=(
                *(f"{verdict.detail[:1].upper()}{verdict.detail[1:]}." for verdict in verdicts),
                *(f"{symbol} cools down until {at(until_ms)}." for symbol, until_ms in cooling.items()),
            ),
            data={
                "entries_halted": status.entries_halted,
                "notional": plain(notional),
                "limits": {key: {"used": now, "most": most} for _, key, now, most in used},
                "reached": [
                    {"reason": verdict.reason.value, "until_ms": verdict.until_ms, "detail": verdict.detail}
                    for verdict in verdicts
                ],
                "cooling_down": {str(symbol): until_ms for symbol, until_ms in cooling.items()},
            },
        )


def _of_today(record: Record, now_ms: int) -> tuple[Decimal, Decimal]:
    """The worst loss and the worst drawdown of the day so far."""
    if record.day is None or record.day.number != day_of(now_ms):
        return ZERO, ZERO
    return record.day.loss_fraction, record.day.drawdown_fraction


def _cooling(record: Record, limits: RiskLimits, now_ms: int) -> dict[Symbol, int]:
    """Until when symbols are left alone."""
    recent = sorted({close.symbol for close in record.closes})
    ends = {symbol: cool_down_until(symbol, record.closes, limits) for symbol in recent}
    return {symbol: until_ms for symbol, until_ms in ends.items() if until_ms is not None and until_ms > now_ms}


def _times(fraction: Decimal) -> str:
    return f"{fraction:.2f} × equity"
