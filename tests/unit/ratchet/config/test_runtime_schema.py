import json
from pathlib import Path
from typing import Any

from ratchet.config.live import changeable_paths
from ratchet.config.runtime_schema import runtime_schema

DOCUMENTED = Path(__file__).parents[4] / "docs" / "runtime.schema.json"


def described(schema: dict[str, Any]) -> dict[tuple[str, ...], dict[str, Any]]:
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    for section, part in schema["properties"].items():
        if "$ref" in part:
            table = schema["$defs"][part["$ref"].rpartition("/")[2]]
            found |= {(section, name): each for name, each in table["properties"].items()}
        else:
            found[section,] = part
    return found


def test_the_schema_in_the_documents_is_that_of_the_settings() -> None:
    assert json.loads(DOCUMENTED.read_text()) == runtime_schema(), "write it anew: ratchet config schema"


def test_it_has_every_setting_that_may_change_while_it_runs_with_what_it_means_and_no_other() -> None:
    found = described(runtime_schema())
    assert set(found) == changeable_paths()
    assert [path for path, part in found.items() if not part.get("description")] == []


def test_it_lets_nothing_in_that_is_no_setting_and_says_nothing_of_keys() -> None:
    schema = runtime_schema()
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values() if "properties" in part)
    assert "api_key" not in json.dumps(schema)
