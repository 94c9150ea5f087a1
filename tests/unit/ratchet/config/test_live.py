"""Settings that change while it runs: as a whole, or not at all."""

import json
import os
import stat
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.bad_settings import BadSettings
from ratchet.config.live import LiveSettings, difference, leaves
from ratchet.config.runtime import SECTIONS, parse_runtime, write_tree
from ratchet.config.runtime_file import BYTES_MAX, read_content, write_content
from ratchet.config.settings import Settings, load_settings

SECRET = "private-secret-ijklmnop"
ENVIRON = {"RATCHET_EXCHANGE__API_KEY": "public-key-abcdefgh", "RATCHET_EXCHANGE__API_SECRET": SECRET}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def live(**environ: str) -> LiveSettings:
    everything = ENVIRON | {f"RATCHET_{name}": value for name, value in environ.items()}
    return LiveSettings(load_settings(environ=everything), environ=everything)


def written(tree: object) -> bytes:
    return json.dumps(tree).encode()


def test_a_file_that_appears_goes_over_environment_and_profile_and_one_that_goes_gives_them_back() -> None:
    it = live(RISK__LEVERAGE="4")
    assert it.weigh(written({"risk": {"leverage": 2}})).risk.leverage == 2
    assert it.weigh(None).risk.leverage == 4
    conservative = it.weigh(written({"profile": "conservative"}))
    assert conservative.bracket.stop_fraction == Decimal("0.015")
    assert conservative.risk.leverage == 4


def test_weighing_changes_nothing_and_putting_tells_the_settings_that_differ_and_no_others() -> None:
    it = live()
    start = it.now
    heavier = it.weigh(written({"risk": {"leverage": 2}, "bracket": {"stop_fraction": 0.02}}))
    assert it.now is start
    change = it.put(heavier)
    assert it.now is heavier
    assert (change.before, change.after) == ({"risk.leverage": 5}, {"risk.leverage": 2})
    assert not it.put(it.weigh(written({"risk": {"leverage": 2}})))


def test_what_cannot_change_while_it_runs_is_the_very_object_of_the_start() -> None:
    it = live()
    changed = it.weigh(written({"profile": "aggressive", "universe": {"symbols_max": 30}}))
    for name in set(Settings.model_fields) - SECTIONS:
        assert getattr(changed, name) is getattr(it.now, name), name


def bad(content: bytes) -> str:
    it = live()
    start = it.now
    with pytest.raises(BadSettings) as found:
        it.put(it.weigh(content))
    assert it.now is start
    assert found.value.__cause__ is None
    assert found.value.__suppress_context__ or found.value.__context__ is None
    return str(found.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "runtime.json: it is empty: {} is wanted where nothing is set, or no file"),
        (b' {"risk": {"lev', "runtime.json line 1: not JSON at column 12: unterminated string starting at"),
        (b"\xff\xfe{}", "runtime.json: byte 0 is not UTF-8, a text file in UTF-8 is wanted"),
        (b'{"risk": {"leverage": 500}}', "runtime.json: risk.leverage is 500, 50 or less is wanted"),
        (
            b'{"exchange": {"api_key": "x"}}',
            "runtime.json: exchange is not taken from here, set it in .env or the environment",
        ),
        (b'{"mode": "live"}', "runtime.json: mode is not taken from here, set it in .env or the environment"),
        (b'{"profile": "\\ud800"}', "runtime.json: half of a surrogate pair is in it, whole characters are wanted"),
        (
            written({"risk": {"leverage": 50}, "bracket": {"stop_fraction": 0.02}}),
            "runtime.json: bracket.stop_fraction is 0.02, at most 0.016 is wanted at leverage 50, or liquidation comes"
            " before the stop (risk.leverage stands in runtime.json)",
        ),
    ],
)
def test_what_cannot_be_in_force_is_one_line_and_changes_nothing(content: bytes, said: str) -> None:
    assert bad(content) == said


def test_a_key_that_was_pasted_into_the_wrong_place_is_not_shown() -> None:
    for content in (written({"profile": SECRET}), written({SECRET: 1}), written({"risk": {"leverage": SECRET}})):
        assert SECRET not in bad(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(SECTIONS)) | st.text(), inner),
    max_leaves=8,
)
NAMES = sorted(leaves(load_settings(environ=ENVIRON)))


def nested(chosen: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in chosen.items():
        section, _, key = name.partition(".")
        if not key:
            tree[section] = value
        elif isinstance(table := tree.setdefault(section, {}), dict):
            table[key] = value
    return tree


SETTINGS = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4).map(nested)
CONTENTS = st.binary(max_size=60) | (JSON | SETTINGS).map(written)


@given(content=CONTENTS, cut=st.none() | st.integers(0, 200))
def test_whatever_is_in_the_file_settings_stay_or_are_valid_as_a_whole_and_nothing_else_is_raised(
    content: bytes, cut: int | None
) -> None:
    it = live()
    start = it.now
    refusal, change = "", None
    try:
        change = it.put(it.weigh(content[:cut]))
    except BadSettings as error:
        refusal = str(error)
    if change is None:
        assert it.now is start
        assert refusal
        assert "\n" not in refusal
        return
    assert Settings.model_validate(it.now.model_dump()) == it.now
    assert it.now.exchange is start.exchange
    assert set(change.after) == {name for name, value in leaves(it.now).items() if leaves(start)[name] != value}
    json.dumps([change.before, change.after]).encode()


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False)


@given(tree=st.dictionaries(st.text(), NUMBERS | st.integers() | st.booleans() | st.text()))
def test_what_is_written_is_read_as_it_was(tree: dict[str, Any]) -> None:
    found = parse_runtime(write_tree(tree), Path("runtime.json"))
    assert set(found) == set(tree)
    for name, value in tree.items():
        assert found[name] == value or Decimal(found[name]) == value


def test_a_file_is_written_whole_or_not_at_all_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "runtime.json"
    assert write_content(file, "{}\n") == b"{}\n"
    assert read_content(file) == b"{}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    (tmp_path / "taken").mkdir()
    with pytest.raises(BadSettings, match="taken: cannot be written: "):
        write_content(tmp_path / "taken", "{}\n")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["runtime.json", "taken"]


def test_what_is_no_file_of_settings_is_never_waited_for() -> None:
    with tempfile.TemporaryDirectory() as folder:
        pipe, large = Path(folder) / "pipe", Path(folder) / "large"
        os.mkfifo(pipe)
        large.write_bytes(b" " * (BYTES_MAX + 1))
        for file, said in ((pipe, "not a file"), (Path(folder), "cannot be read"), (large, "more than 1000000 bytes")):
            with pytest.raises(BadSettings, match=said):
                read_content(file)
        assert read_content(Path(folder) / "missing") is None


def test_the_same_settings_do_not_differ() -> None:
    assert not difference(live().now, live().now)
