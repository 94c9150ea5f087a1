"""Status lines: what a trader that runs for long says of itself, for people or as JSON."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
from rich.console import Console

from ratchet.domain.money import plain
from ratchet.observe.vitals import Vitals
from ratchet.trading.status import Status

EVERY_S = 10.0  # and whenever something changed
LOOK_S = 0.25


class StatusLines:
    """Speaks on one console. As JSON, states go to stdout and all else to stderr."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._console = Console(stderr=as_json, soft_wrap=True, highlight=False, markup=False)

    def say(self, text: str) -> None:
        """A line for people."""
        self._console.print(text)

    async def tell(self, status: Callable[[], Status]) -> None:
        """A line every ten seconds and at every change, until cancelled."""
        loop = asyncio.get_running_loop()
        told: tuple[object, ...] = ()
        told_at = 0.0
        while True:
            now = status()
            news = (now.entries_halted, now.trades_closed, [(each.symbol, each.price_stop) for each in now.positions])
            if news != told or loop.time() - told_at >= EVERY_S:
                self._print(now)
                told, told_at = news, loop.time()
            await asyncio.sleep(LOOK_S)

    def tell_vitals(self, vitals: Vitals) -> None:
        """How it all goes, in one line for people."""
        self.say(line_of_vitals(vitals))

    def _print(self, status: Status) -> None:
        if self._as_json:
            print(orjson.dumps(as_json(status)).decode(), flush=True)
        else:
            self.say(line_of(status))


def line_of(status: Status) -> str:
    """One state in one line."""
    at = datetime.fromtimestamp(status.now_ms / 1_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    naked = "-" if status.naked_ms_max is None else f"{status.naked_ms_max:.1f} ms"
    held = ", ".join(
        f"{each.symbol} {'long' if each.side.sign > 0 else 'short'} {plain(each.quantity)} "
        + ("without a stop yet" if each.price_stop is None else f"stop {plain(each.price_stop)}")
        for each in status.positions
    )
    parts = [
        f"{at}  equity {status.balance.equity:.2f} USDC",
        f"{len(status.positions)} open{f' ({held})' if held else ''}",
        f"{status.trades_closed} closed",
        f"naked at most {naked}",
        f"no entries: {status.entries_halted}" if status.entries_halted else "entries on",
        *([f"the books disagree: {status.books_disagree}"] if status.books_disagree else []),
    ]
    return ", ".join(parts)


def line_of_vitals(vitals: Vitals) -> str:
    """What a state does not say: results, and how it stands with exchange and streams."""
    at = datetime.fromtimestamp(vitals.now_ms / 1_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    minutes, hours = int(vitals.uptime_s) // 60 % 60, int(vitals.uptime_s) // 3_600
    naked = "-" if vitals.naked_ms_max is None else f"{vitals.naked_ms_max:.1f} ms"
    parts = [
        f"{at}  up {hours}:{minutes:02} h",
        f"balance {vitals.equity:.2f} USDC, {vitals.available:.2f} of it free",
        f"day {vitals.pnl_day:+.2f}",
        f"open {vitals.pnl_open:+.2f} in {vitals.positions}",
        f"naked at most {naked}",
        f"last word of the user stream {_ago(vitals.user_stream_age_s, is_open=vitals.is_user_stream_open)}",
        f"of the market stream {_ago(vitals.market_stream_age_s)}",
        f"request weight {vitals.weight_used} of {vitals.weight_max}",
        *([f"{vitals.notes_waiting} notes wait for the ledger"] if vitals.notes_waiting else []),
    ]
    return ", ".join(parts)


def _ago(age_s: float | None, *, is_open: bool = True) -> str:
    if not is_open:
        return "none: not connected"
    return "none yet" if age_s is None else f"{age_s:.1f} s ago"


def as_json(status: Status) -> dict[str, object]:
    """One state. Money is text, times are ms since the epoch."""
    return {
        "now_ms": status.now_ms,
        "equity": plain(status.balance.equity),
        "available": plain(status.balance.available),
        "positions": [
            {
                "symbol": each.symbol,
                "side": each.side.value,
                "quantity": plain(each.quantity),
                "price_entry": plain(each.price_entry),
                "price_stop": None if each.price_stop is None else plain(each.price_stop),
                "opened_ms": each.opened_ms,
                "naked_ms": each.naked_ms,
            }
            for each in status.positions
        ],
        "trades_closed": status.trades_closed,
        "naked_ms_max": status.naked_ms_max,
        "entries_halted": status.entries_halted,
        "audited_ms": status.audited_ms,
        "books_disagree": status.books_disagree,
        "uptime_ms": status.uptime_ms,
        "pnl_day": plain(status.pnl_day),
        "account_age_ms": status.account_age_ms,
        "notes_waiting": status.notes_waiting,
    }
