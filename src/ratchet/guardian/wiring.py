"""Wiring: a guardian and its watch, put together from the settings."""

from ratchet.config.settings import Settings
from ratchet.domain.clock import Clock
from ratchet.exchange.certainty import LAG_MS
from ratchet.exchange.client import BinanceClient
from ratchet.guardian.case import Patience
from ratchet.guardian.guardian import Guardian
from ratchet.guardian.order_names import OrderNames
from ratchet.guardian.watch import Watch
from ratchet.observe.systemd import Systemd


def watch_over(
    settings: Settings, client: BinanceClient, clock: Clock, systemd: Systemd, names: OrderNames | None = None
) -> Watch:
    """A watch over the client's account. Args: names, of its orders, drawn unless given."""
    patience = Patience(
        grace_ms=settings.guard.grace_s * 1_000,
        trigger_ms=settings.guard.trigger_patience_s * 1_000,
        lag_ms=LAG_MS,
        stop_fraction=settings.bracket.stop_fraction,
    )
    guardian = Guardian(client, clock, patience, settings.guard.interval_s, names)
    return Watch(guardian, clock, systemd, settings.guard.idle_end_minutes * 60_000)
