"""Where what belongs to a user is kept."""

from pathlib import Path

import pytest

from ratchet.config.state_folder import state_folder


def test_the_folder_is_the_users_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert state_folder({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "ratchet"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert state_folder({}) == tmp_path / ".local" / "state" / "ratchet"
