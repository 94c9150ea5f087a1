"""What the simulations share: settings as they come, without anybody's keys."""

from pathlib import Path

import pytest

from ratchet.config.settings import Settings, load_settings
from ratchet.drill.drill import NOWHERE, NOWHERE_WS, DrillOptions
from ratchet.drill.venue import ACCOUNT


def settings(**overrides: object) -> Settings:
    """The balanced profile, and what is said."""
    exchange = {"http_url": NOWHERE, "ws_url": NOWHERE_WS, "api_key": ACCOUNT, "api_secret": ACCOUNT}
    none = Path("there-is-no-such-file")
    return load_settings(env_file=none, runtime_file=none, environ={}, overrides={"exchange": exchange, **overrides})


@pytest.fixture
def options() -> DrillOptions:
    """Runs of a quarter of an hour."""
    return DrillOptions(settings=settings(), minutes=15.0)
