"""What the simulations share: settings as they come, without anybody's keys."""

from pathlib import Path

import pytest

from ratchet.config.settings import Settings, load_settings
from ratchet.drill.drill import NOBODYS, DrillOptions


def settings(**overrides: object) -> Settings:
    """The balanced profile, and what is said."""
    none = Path("there-is-no-such-file")
    return load_settings(env_file=none, runtime_file=none, environ={}, overrides={"exchange": NOBODYS, **overrides})


@pytest.fixture
def options() -> DrillOptions:
    """Runs of a quarter of an hour."""
    return DrillOptions(settings=settings(), minutes=15.0)
