"""Each test has a state folder of its own: what one is told of limits is none of another's business."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
