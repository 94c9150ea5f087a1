"""What operators are told, also when the exchange says nothing."""

import json
from decimal import Decimal

import pytest

from ratchet.control import ask_log, exchange_words
from ratchet.control.commands import COMMANDS
from ratchet.control.desk import CommandHelp
from ratchet.domain.identity import TradeId
from ratchet.exchange.errors import NotSent
from ratchet.risk.record import Close, Record
from tests.unit.ratchet.control.clock import NOON_MS
from tests.unit.ratchet.control.desk_parts import BTC, ETH, Scene, line, position, stop

QUESTIONS = [each for each in COMMANDS if not each.is_dangerous and each.name not in ("pause", "why", "report", "logs")]


@pytest.mark.parametrize("command", QUESTIONS, ids=lambda each: each.name)
@pytest.mark.parametrize("is_silent", [False, True])
async def test_every_question_has_an_answer_that_json_can_tell(
    scene: Scene, command: CommandHelp, is_silent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange_words, "ASK_TIMEOUT_S", 0.01)
    scene.exchange.is_silent = is_silent
    scene.lines = [line(BTC)]
    answer = await scene.ask(command.name)
    json.dumps(answer.data)
    assert answer.facts or answer.table or answer.notes
    if answer.table is not None:
        assert {len(row) for row in answer.table.rows} <= {len(answer.table.headings)}
    assert "is too much" in await scene.refusal(f"{command.name} 5 6") or command.name in ("universe", "orders", "help")


async def test_positions_have_marks_and_those_of_no_trade_are_told(scene: Scene) -> None:
    scene.lines = [line(BTC)]
    scene.exchange.positions = [position(BTC), position(ETH)]
    answer = await scene.ask("positions")
    assert answer.table is not None
    assert answer.table.rows[0] == ("BTCUSDC", "long", "0.5", "100", "101", "98", "+0.50", "1 min 5 s")
    assert answer.table.rows[1][0] == "ETHUSDC"
    assert answer.notes == ("No trade of ours: ETHUSDC.",)


async def test_what_the_exchange_does_not_say_is_left_out_and_told(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.lines = [line(BTC)]
    scene.exchange.error = NotSent("no way out")
    why = "the exchange could not be asked: no way out"
    assert (await scene.ask("positions")).notes == (f"Without marks: {why}.",)
    assert (await scene.ask("orders")).notes == (f"Without orders: {why}.", f"Without stops: {why}.")
    balance = await scene.ask("balance")
    assert (balance.notes, balance.data["is_of_now"]) == ((f"As it was known last: {why}.",), False)
    scene.exchange.error, scene.exchange.is_silent = None, True
    monkeypatch.setattr(exchange_words, "ASK_TIMEOUT_S", 0.01)
    assert (await scene.ask("balance")).notes == ("As it was known last: the exchange did not answer within 0.01 s.",)


async def test_orders_are_those_of_the_exchange(scene: Scene) -> None:
    scene.exchange.stops = [stop(BTC), stop(ETH, "by-hand")]
    answer = await scene.ask("orders eth")
    assert answer.table is not None
    assert answer.table.rows == (("ETHUSDC", "stop", "SELL", "0.5", "98", "by-hand"),)
    scene.exchange.stops = []
    assert (await scene.ask("orders eth")).notes == ("Nothing rests on the exchange for ETHUSDC.",)


async def test_status_tells_why_entries_are_off_and_that_the_file_is_not_taken(scene: Scene) -> None:
    scene.halted, scene.keeper.complaint, scene.notes_waiting = "paused by cli", "runtime.json: not JSON", 2
    answer = await scene.ask("status")
    facts = dict(answer.facts)
    assert (facts["entries"], facts["today"], facts["up"]) == ("off: paused by cli", "+10.50 USDC", "1 h 1 min")
    assert answer.notes == ("2 notes wait for the ledger.", "The runtime file is not taken: runtime.json: not JSON.")


async def test_risk_tells_how_much_of_each_limit_is_used_and_what_is_reached(scene: Scene) -> None:
    scene.lines = [line(BTC)]
    closes = tuple(
        Close(trade_id=TradeId(number), symbol=ETH, at_ms=NOON_MS - 60_000, reason="stop", net=Decimal(-1))
        for number in range(3)
    )
    scene.record = Record(closes=closes)
    answer = await scene.ask("risk")
    assert answer.table is not None
    used = {row[0]: row[1:3] for row in answer.table.rows}
    assert used["positions"] == ("1", "3")
    assert used["exposure"] == ("0.12 × equity", "3.00 × equity")
    assert used["stop losses in a row"] == ("3", "3")
    assert answer.notes == (
        "3 stop losses in a row, no entries until 12:59 UTC.",
        "ETHUSDC cools down until 2025-06-16 12:14:00.",
    )


async def test_the_log_s_last_lines_are_told_whatever_is_in_them(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await scene.refusal("logs")).startswith("logs: ")
    told = [json.dumps({"event": f"e{number}", "timestamp": "2025-06-16T12:00:00Z"}) for number in range(300)]
    scene.log_file.write_text("\n".join([*told, "not JSON \N{PILE OF POO}", "[1]"]) + "\n")
    answer = await scene.ask("logs 3")
    assert answer.table is not None
    assert [row[2] for row in answer.table.rows] == ["e299", "not JSON \N{PILE OF POO}", "[1]"]
    monkeypatch.setattr(ask_log, "BYTES_READ_MAX", 100)
    answer = await scene.ask("logs 200")
    assert answer.table is not None
    assert answer.table.rows[0][2].startswith("e2")
