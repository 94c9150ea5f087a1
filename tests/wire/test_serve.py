"""`localbinance serve` as its users start it."""

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.wire.conftest import ED25519_KEY, RSA_KEY, public_keys_in

LIMIT_S = 60


async def serve(*arguments: str) -> tuple[int, str, str]:
    """Run it to its own end."""
    process = await start(*arguments)
    async with asyncio.timeout(LIMIT_S):
        out, error = await process.communicate()
    return process.returncode or 0, out.decode(), error.decode()


async def start(*arguments: str, hold_stdin: bool = False) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "localbinance",
        "serve",
        *arguments,
        stdin=asyncio.subprocess.PIPE if hold_stdin else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--market", "nowhere"), "nowhere: there is no such file or folder"),
        (("--speed", "0"), "--speed is '0'"),
        (("--host", "0.0.0.0"), "only this machine itself is served"),
        (("--balance", "-5"), "--balance is '-5'"),
        (("--balance", "NaN"), "--balance is 'NaN'"),
        (("--spot-balance", "TRUMP"), "--spot-balance is 'TRUMP'; ASSET=AMOUNT is wanted"),
        (("--spot-balance", "TRUMP=-1"), "--spot-balance TRUMP is '-1'"),
        (("--public-key", "mine"), "--public-key is 'mine'; KEY=FILE is wanted"),
        (("--public-key", "mine=nowhere.pem"), "--public-key mine: nowhere.pem: No such file or directory"),
        (("--public-key", "mine=README.md"), "--public-key mine: README.md: a public key in PEM is wanted"),
        (("--public-key", "local-key=README.md"), "there is such an API key already"),
        (("--from", "yesterday", "--market", "x"), "--from is 'yesterday'"),
        (("--market", "synthetic", "--market", "x"), "synthetic or recorded, not both"),
    ],
)
async def test_bad_input_gets_one_line(arguments: tuple[str, ...], complaint: str) -> None:
    code, out, error = await serve(*arguments)
    assert (code, out) == (2, "")
    assert complaint in error
    assert error.startswith("localbinance: ")
    assert len(error.strip().splitlines()) == 1


async def test_a_port_in_use_gets_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        code, _, error = await serve("--port", str(port), "--speed", "max")
    assert code == 2
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in error.splitlines()[-1]
    assert "Traceback" not in error


async def test_it_says_how_to_connect_and_ends_when_told_to() -> None:
    process = await start("--port", "0", "--speed", "max")
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        said = (await process.stdout.read(2_000)).decode()
        process.send_signal(signal.SIGTERM)
        await process.wait()
    assert process.returncode == 0
    assert all(word in said for word in ("listening on http://127.0.0.1:", "ccxt", "python-binance", "FUTURES_URL"))


async def test_it_says_which_other_keys_the_account_has(tmp_path: Path) -> None:
    process = await start(*public_keys_in(tmp_path), "--port", "0", "--speed", "max", "--ready-json")
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        ready = json.loads(await process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        await process.wait()
    assert ready["publicKeys"] == {ED25519_KEY: "Ed25519", RSA_KEY: "RSA"}


async def test_it_ends_with_its_parent() -> None:
    process = await start("--port", "0", "--speed", "max", "--ready-json", "--exit-with-stdin", hold_stdin=True)
    assert process.stdout is not None
    assert process.stdin is not None
    async with asyncio.timeout(LIMIT_S):
        ready = json.loads(await process.stdout.readline())
        assert ready["symbols"] == 37
        process.stdin.close()
        assert await process.wait() == 0
