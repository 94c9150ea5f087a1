"""`ratchet drill` as a process: the card, the object for machines, a failure with its command, bad input."""

import asyncio
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

LIMIT_S = 100


@dataclass(frozen=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str


async def ratchet(folder: Path, command: str, **environ: str) -> Ended:
    """Run the command line in a folder of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "ratchet",
        *shlex.split(command),
        cwd=folder,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def test_it_passes_and_says_so_to_machines(tmp_path: Path) -> None:
    ended = await ratchet(tmp_path, "drill --seeds 10 --minutes 8 --jobs 2 --json")
    assert (ended.code, [line for line in ended.err.splitlines() if not line.startswith("drill: ")]) == (0, [])
    found = orjson.loads(ended.out)
    assert found["passed"] is True
    assert found["seeds"] > 10  # the scenarios are runs as well
    for figure in ("naked_ms", "naked_in_trouble_ms", "restart_to_protected_ms", "guarded_naked_ms"):
        assert set(found[figure]) == {"p50", "p99", "max", "count"}
    for count in ("duplicate_orders", "lost_fills", "violations"):
        assert found[count] == 0
    assert found["unexplained_pnl"] == "0"
    assert found["simulated_days"] > 0
    assert found["wall_seconds"] > 0


async def test_a_promise_that_is_broken_is_told_with_the_command_that_shows_it_again(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RATCHET_PROTECTION__FOREIGN_POSITIONS=ignore\n")
    (tmp_path / "mine.json").write_text('{"risk": {"leverage": 4}}')
    ended = await ratchet(tmp_path, "drill --config mine.json --scenario position-of-another-hand --json")
    assert ended.code == 1
    [failure] = orjson.loads(ended.out)["failures"]
    assert any("without cover" in violation for violation in failure["violations"])
    assert failure["replay"].startswith("ratchet drill --config mine.json --scenario position-of-another-hand")
    again = await ratchet(tmp_path, failure["replay"].removeprefix("ratchet "))
    assert again.code == 1
    assert "FAILED" in again.out
    assert "foreign_position" in again.err


async def test_a_seed_is_replayed_with_its_log(tmp_path: Path) -> None:
    ended = await ratchet(tmp_path, "drill --seed 9 --minutes 8 --troubles 0 --log")
    assert ended.code == 0
    assert ended.err.count("trouble  ") == 1
    assert "PASSED" in ended.out


async def test_scenarios_are_listed(tmp_path: Path) -> None:
    ended = await ratchet(tmp_path, "drill --scenario list")
    assert "stop-refused" in ended.out


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("drill --scenario nothing", "there is no scenario 'nothing'"),
        ("drill --minutes 1", "--minutes is 1; from 5 to 1440 are wanted"),
        ("drill --seed 3 --troubles a,b", "--troubles is 'a,b'; numbers like 0,3 are wanted"),
        ("drill --troubles 1", "--troubles goes with --seed"),
        ("drill --seeds -1", "--seeds is 0 or more"),
        ("drill --config nowhere.json", "--config: there is no file nowhere.json"),
        ("drill --profile reckless", "reckless"),
    ],
)
async def test_bad_input_gets_one_line(tmp_path: Path, command: str, told: str) -> None:
    ended = await ratchet(tmp_path, command)
    assert ended.code == 2
    assert told in ended.err
    assert len(ended.err.strip().splitlines()) == 1


async def test_keys_of_the_operator_are_neither_needed_nor_used(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RATCHET_EXCHANGE__API_KEY=mine-and-secret\nRATCHET_EXCHANGE__API_SECRET=as-well\n")
    ended = await ratchet(
        tmp_path, "drill --scenario stop-refused --log --json", RATCHET_EXCHANGE__HTTP_URL="https://127.0.0.1:9"
    )
    assert ended.code == 0
    assert "secret" not in ended.out + ended.err
