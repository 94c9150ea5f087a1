"""What the simulations share: settings as they come, without anybody's keys."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from ratchet.config.settings import Settings, load_settings
from ratchet.drill.drill import NOBODYS, DrillOptions


def settings(exchange_own: Mapping[str, object] | None = None, **overrides: object) -> Settings:
    """The balanced profile, and what is said. Args: exchange_own, of the exchange's section."""
    none = Path("there-is-no-such-file")
    exchange = {**NOBODYS, **(exchange_own or {})}
    return load_settings(env_file=none, runtime_file=none, environ={}, overrides={"exchange": exchange, **overrides})


@pytest.fixture
def options() -> DrillOptions:
    """Runs of a quarter of an hour."""
    return DrillOptions(settings=settings(), minutes=15.0)
