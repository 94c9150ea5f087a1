"""Where recorded market data lies. It is never part of the project: tests that need it are skipped without it."""

import os
from pathlib import Path

import pytest

RECORDED = Path(os.environ.get("RATCHET_RECORDED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))

needs_recorded = pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"no recorded data at {RECORDED}; set RATCHET_RECORDED_DATA to a folder that has it"
)
