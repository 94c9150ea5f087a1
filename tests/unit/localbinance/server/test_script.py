"""Scripts of faults and acts: read, or refused with one line; played at their times."""

import json
import re
from typing import Any

import pytest

from localbinance.core.act import Liquidate
from localbinance.server.fault import LoseReply
from localbinance.server.script import BadScript, Entry, Script, read_script


def test_entries_come_at_their_times_in_the_order_of_the_file() -> None:
    found: list[dict[str, Any]] = [
        {"fault": "lose_reply", "name": "late", "at_ms": 500},
        {"act": "liquidate", "at_ms": 500},
        {"fault": "lose_reply", "name": "first"},
    ]
    script = Script(read_script(json.dumps(found).encode()), start_ms=10_000)
    assert script.due(10_000) == [LoseReply(name="first")]
    assert script.due(10_499) == []
    assert script.due(10_500) == [LoseReply(name="late"), Liquidate()]
    assert script.due(99_999) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[", "no JSON: "),
        ("{}", "a list of faults and acts is wanted"),
        ("[5]", "entry 1: an object with either a fault or an act is wanted"),
        ('[{"fault": "cut", "act": "liquidate"}]', "entry 1: an object with either a fault or an act"),
        ('[{"act": "liquidate"}, {"fault": "latency"}]', "entry 2: fault latency, ms: Field required"),
        ('[{"act": "gap"}]', "entry 1: act gap, symbol: Field required"),
        ('[{"act": "liquidate", "at_ms": -1}]', "entry 1: at_ms is -1; milliseconds after the start are wanted"),
        ('[{"act": "liquidate", "at_ms": true}]', "entry 1: at_ms is True; milliseconds"),
        ('[{"act": "liquidate", "at_ms": 1.5}]', "entry 1: at_ms is 1.5; milliseconds"),
    ],
)
def test_what_is_no_script_is_refused_with_one_line(text: str, complaint: str) -> None:
    with pytest.raises(BadScript, match=re.escape(complaint)) as refusal:
        read_script(text.encode())
    assert len(str(refusal.value).splitlines()) == 1


def test_an_entry_without_a_time_is_of_the_start() -> None:
    assert read_script(b'[{"act": "liquidate"}]') == (Entry(0, Liquidate()),)
