"""The budget file: shared, private, and never a reason not to trade."""

import os
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from ratchet.exchange.budget import Counts, Window
from ratchet.exchange.budget_file import SIZE_MAX, BudgetFile, Busy


def one_more(counts: Counts) -> tuple[Counts, int]:
    used = counts.weight.used + 1
    return Counts(weight=Window(counts.weight.start_ms, used)), used


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "of" / "ours" / "budget.json"


def test_what_one_has_counted_the_other_sees(path: Path) -> None:
    ours, theirs = BudgetFile(path), BudgetFile(path)
    assert [ours.update(one_more), theirs.update(one_more), ours.update(one_more)] == [1, 2, 3]
    ours.close()
    assert BudgetFile(path).update(one_more) == 4


def test_the_file_is_this_users_alone(path: Path) -> None:
    BudgetFile(path).update(one_more)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_who_finds_it_taken_is_told_at_once(path: Path) -> None:
    ours, theirs = BudgetFile(path), BudgetFile(path)

    def meanwhile(counts: Counts) -> tuple[Counts, None]:
        with pytest.raises(Busy):
            theirs.update(one_more)
        return counts, None

    ours.update(meanwhile)
    assert theirs.update(one_more) == 1


@pytest.mark.parametrize(
    "content",
    [
        b'{"weight":{"start_ms":0,"us',
        b"\x00" * 300,
        b'{"weight":{"start_ms":0,"used":-5}}',
        b'{"weight":7}',
        b"[]",
        b" " * (SIZE_MAX + 100) + b"{}",
    ],
    ids=["truncated", "zeros", "impossible", "of another shape", "a list", "endless"],
)
def test_content_that_makes_no_sense_is_begun_anew_and_told_once(path: Path, content: bytes) -> None:
    file = BudgetFile(path)
    file.update(one_more)
    with capture_logs() as logs:
        for _ in range(2):
            path.write_bytes(content)
            assert file.update(one_more) == 1
        assert file.update(one_more) == 2
    assert [entry["event"] for entry in logs] == ["budget_file_begun_anew"]


def test_an_empty_file_is_nothing_to_speak_of(path: Path) -> None:
    file = BudgetFile(path)
    file.update(one_more)
    path.write_bytes(b"")
    with capture_logs() as logs:
        assert file.update(one_more) == 1
    assert not logs


def test_shorter_content_leaves_nothing_of_the_longer(path: Path) -> None:
    file = BudgetFile(path)
    file.update(lambda counts: (Counts(weight=Window(10**14, 10**14)), None))
    file.update(lambda counts: (Counts(), None))
    assert BudgetFile(path).update(one_more) == 1


def test_a_file_that_was_swept_away_is_shared_again(path: Path) -> None:
    ours = BudgetFile(path)
    ours.update(one_more)
    path.unlink()
    assert BudgetFile(path).update(one_more) == 1
    assert ours.update(one_more) == 2


@pytest.mark.skipif(os.name == "nt", reason="folders have no owner's mode there")
def test_a_folder_that_others_can_write_to_is_not_used_and_the_process_counts_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.parent.chmod(0o777)
    file = BudgetFile(path)
    with capture_logs() as logs:
        assert [file.update(one_more), file.update(one_more)] == [1, 2]
    assert not path.exists()
    [entry] = logs
    assert entry["event"] == "budget_not_shared"
    assert "exchange.budget_folder" in entry["error"]


def test_where_no_folder_can_be_the_process_counts_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    file = BudgetFile(tmp_path / "file" / "budget.json")
    assert [file.update(one_more), file.update(one_more)] == [1, 2]
