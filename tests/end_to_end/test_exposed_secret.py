"""Whatever is started with a secret that other users may read says so, once."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

START_S = 30.0
NOWHERE = "127.0.0.1:9"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("command", ["trade", "rebound", "guard"])
async def test_a_start_says_that_others_may_read_its_secret(tmp_path: Path, command: str) -> None:
    file = tmp_path / "key.pem"
    file.write_text("a-secret\n")
    file.chmod(0o644)
    settings = {
        "EXCHANGE__HTTP_URL": f"http://{NOWHERE}",
        "EXCHANGE__WS_URL": f"ws://{NOWHERE}",
        "EXCHANGE__API_KEY": "a-key",
        "EXCHANGE__API_SECRET_FILE": str(file),
        "LOG_DIR": str(tmp_path),
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RATCHET_")}
    ours = {f"RATCHET_{name}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ratchet", command),
        cwd=tmp_path,
        env=kept | ours | {"XDG_STATE_HOME": str(tmp_path), "COLUMNS": "400"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(START_S):
            while f"chmod 600 {file}" not in said:
                line = await process.stdout.readline()
                assert line, f"it ended; it said {said}"
                said += line.decode()
    finally:
        process.terminate()
        rest, _ = await asyncio.wait_for(process.communicate(), START_S)
    assert (said + rest.decode()).count("chmod 600") == 1
    assert "a-secret" not in said
