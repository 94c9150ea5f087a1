"""What pause, resume, close and panic ask first, have done, and say of it."""

from decimal import Decimal

import pytest

from ratchet.control import exchange_words
from ratchet.exchange.errors import NotSent
from ratchet.trading.operators.panic import Left
from tests.unit.ratchet.control.desk_parts import BTC, ETH, Scene, line, position


async def test_a_pause_is_made_at_once_and_says_when_a_restart_would_not_know_of_it(scene: Scene) -> None:
    assert (await scene.ask("pause")).notes == ()
    scene.operations.is_recorded = False
    assert (await scene.ask("pause")).notes == (
        "It was paused before.",
        "The ledger does not know it yet: after a restart entries may be on.",
    )
    assert scene.operations.done == [("pause", "cli")] * 2


async def test_a_resume_is_asked_back_only_after_a_panic_and_tells_what_else_keeps_entries_off(scene: Scene) -> None:
    scene.operations.is_paused = True
    scene.halted = "ledger: disk full"
    answer = await scene.ask("resume")
    assert (answer.title, answer.facts) == ("Resumed", (("entries", "still off: ledger: disk full"),))
    assert (await scene.ask("resume")).title == "Nothing was paused"
    scene.operations.is_in_emergency = True
    assert await scene.question("resume") == "There was a panic. Let entries in again?"
    assert (await scene.confirmed("resume")).title == "Resumed"


async def test_a_resume_that_could_not_be_written_is_none(scene: Scene) -> None:
    scene.operations.resume_fails = "nothing was resumed: disk full"
    assert await scene.refusal("resume") == "resume: nothing was resumed: disk full"


async def test_a_close_names_what_it_closes_and_is_done_once_it_is_confirmed(scene: Scene) -> None:
    scene.lines = [line(BTC), line(ETH)]
    assert await scene.question("close btc") == "Close BTCUSDC, long 0.5, at market?"
    assert await scene.question("close ALL") == "Close 2 positions at market: BTCUSDC, ETHUSDC?"
    assert scene.operations.done == []
    answer = await scene.confirmed("close all")
    assert answer.title == "Closed"
    assert scene.operations.done == [("close", BTC, "cli"), ("close", ETH, "cli")]


async def test_what_another_hand_holds_can_be_closed_as_well(scene: Scene) -> None:
    scene.exchange.positions = [position(ETH)]
    assert await scene.question("close eth") == "Close ETHUSDC at market?"


async def test_a_close_that_is_not_through_says_so(scene: Scene) -> None:
    scene.lines = [line(BTC), line(ETH)]
    scene.operations.left = {BTC: Decimal("0.2"), ETH: None}
    answer = await scene.confirmed("close all")
    assert (answer.title, answer.data["is_flat"]) == ("Not closed yet", False)
    assert answer.table is not None
    assert answer.table.rows[0] == ("BTCUSDC", "0.5", "0.2", "the exchange is slow")
    assert answer.table.rows[1][2] == "-"


async def test_where_nothing_is_held_there_is_nothing_to_close(scene: Scene) -> None:
    assert await scene.refusal("close all") == "close: nothing is held"
    scene.lines = [line(BTC)]
    assert await scene.refusal("close eth") == "close: nothing is held of ETHUSDC; held: BTCUSDC"
    assert await scene.refusal("close") == "close: SYMBOL is missing; ask: close SYMBOL|all"


@pytest.mark.parametrize("is_silent", [True, False])
async def test_an_exchange_that_does_not_answer_holds_up_no_close(
    scene: Scene, is_silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_words, "ASK_TIMEOUT_S", 0.01)
    scene.exchange.is_silent = is_silent
    scene.exchange.error = NotSent("no way out")
    scene.lines = [line(BTC)]
    assert await scene.question("close btc")


async def test_a_panic_shows_the_exchange_s_word(scene: Scene) -> None:
    answer = await scene.confirmed("panic")
    assert (answer.title, answer.data["is_flat"]) == ("Flat", True)
    assert answer.notes == ("Entries are off until a resume.",)
    assert answer.table is not None
    assert answer.table.rows == (("BTCUSDC", "position of 0.5", "closed"), ("BTCUSDC", "order rt-stop", "cancelled"))


async def test_a_panic_that_is_not_through_says_what_is_left_and_what_it_waits_for(scene: Scene) -> None:
    scene.operations.panic_left = (Left(symbol=ETH, what="position of 1", reason="banned"),)
    answer = await scene.confirmed("panic")
    assert (answer.title, answer.data["is_flat"]) == ("Not flat yet", False)
    assert "It waits for the exchange, and goes on." in answer.notes
    assert answer.table is not None
    assert answer.table.rows[-1] == ("ETHUSDC", "position of 1", "left: banned")
