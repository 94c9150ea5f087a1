from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.ratchet.control.companion.scene import Scene, a_scene


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.chdir(tmp_path)
    async with a_scene(tmp_path) as it:
        yield it
