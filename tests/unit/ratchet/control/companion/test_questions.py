"""What operators are told of the companion."""

import json
from decimal import Decimal
from typing import Any

import pytest

from ratchet.control.answer import Answer
from ratchet.control.companion.menu import MENU
from ratchet.control.desk import CommandHelp
from ratchet.domain.identity import ClientOrderId
from ratchet.domain.order import Origin, Side
from ratchet.domain.rebound import SpotFill, SpotRole
from ratchet.exchange.errors import NotSent
from ratchet.exchange.parse_spot import AssetBalance
from ratchet.strategy.moving_average import Heading
from tests.unit.ratchet.control.clock import NOON_MS
from tests.unit.ratchet.control.companion.scene import BTC, SOL, START_ID, TRUMP, Scene, fill, person, reading, standing

QUESTIONS = [each for each in MENU if not each.is_dangerous and each.name not in ("pause", "why", "logs")]
DAY_MS = 86_400_000


def as_json(answer: Answer) -> Any:
    return json.loads(json.dumps(answer.data))


@pytest.mark.parametrize("command", QUESTIONS, ids=lambda each: each.name)
async def test_every_question_has_an_answer_that_json_can_tell(scene: Scene, command: CommandHelp) -> None:
    case = await scene.buys(101, "5", "8")
    await scene.places(case, SpotRole.SELL, "8.08")
    scene.readings[TRUMP] = [reading(1)]
    for error in (None, NotSent("no way out")):
        scene.exchange.error = error
        answer = await scene.ask(command.name)
        json.dumps(answer.data)
        assert answer.facts or answer.table or answer.notes
        if answer.table is not None:
            assert {len(row) for row in answer.table.rows} <= {len(answer.table.headings)}
    assert await scene.refusal(f"{command.name} 5 6 7")


async def test_status_tells_why_nothing_is_placed_and_where_ma7_is_heading(scene: Scene) -> None:
    await scene.buys(101, "5", "8")
    scene.readings = {TRUMP: [reading(2), reading(1, heading=Heading.DOWN)], SOL: [reading(1, heading=Heading.FLAT)]}
    scene.gathered = Decimal("2.5")
    answer = await scene.ask("status")
    facts = dict(answer.facts)
    assert (facts["placing"], facts["open cases"], facts["mode"]) == ("on", "1", "paper, here")
    assert answer.table is not None
    assert [row[:6] for row in answer.table.rows] == [
        ("TRUMPUSDC", "1", "2.5", "8.1428571", "DOWN", "5 s ago"),
        ("SOLUSDC", "0", "2.5", "8.1428571", "FLAT", "5 s ago"),
    ]
    scene.held_back, scene.trouble = "paused by cli at 12:00", "no answer"
    scene.keeper.complaint = "runtime.json: not JSON"
    answer = await scene.ask("status")
    assert dict(answer.facts)["placing"] == "off: paused by cli at 12:00"
    assert answer.notes == (
        "TRUMPUSDC: the last turn failed: no answer.",
        "SOLUSDC: the last turn failed: no answer.",
        "The runtime file is not taken: runtime.json: not JSON.",
    )
    scene.sends = False
    assert dict((await scene.ask("status")).facts)["placing"] == "off: a dry run"


async def test_cases_tell_what_was_paid_what_is_asked_and_what_they_wait_for(scene: Scene) -> None:
    first = await scene.buys(101, "5", "8")
    await scene.places(first, SpotRole.SELL, "8.08")
    await scene.buys(7, "1", "150", symbol=SOL)
    scene.clock.at_ms += 65_000
    answer = await scene.ask("cases")
    assert answer.table is not None
    assert answer.table.rows == (
        ("1", "TRUMPUSDC", "5", "40.00", "8.08", "0", "its SELL is filled", "1 min 5 s"),
        ("2", "SOLUSDC", "1", "150.00", "-", "-", "its SELL is filled", "1 min 5 s"),
    )
    of_sol = await scene.ask("cases sol")
    assert [case["case"] for case in as_json(of_sol)["cases"]] == [2]
    assert "'btc' is not a symbol that is watched" in await scene.refusal("cases btc")
    scene.cases, scene.held_back = [], "paused by cli"
    assert (await scene.ask("cases trump")).notes == ("Nothing of TRUMPUSDC waits to be sold.",)


async def test_readings_are_the_last_minutes_of_one_symbol_or_of_all(scene: Scene) -> None:
    scene.readings = {TRUMP: [reading(3), reading(2), reading(1, "8.2", Heading.DOWN)], SOL: [reading(1)]}
    answer = await scene.ask("readings trump 2")
    assert answer.table is not None
    assert answer.table.rows == (
        ("TRUMPUSDC", "2025-06-16 11:58", "8.1", "8.1428571", "UP", "8.05123", "-", "0.0123"),
        ("TRUMPUSDC", "2025-06-16 11:59", "8.2", "8.1428571", "DOWN", "8.05123", "-", "0.0123"),
    )
    everything = await scene.ask("readings 1")
    assert everything.table is not None
    assert [row[0] for row in everything.table.rows] == ["TRUMPUSDC", "SOLUSDC"]
    assert "is not a symbol that is watched" in await scene.refusal("readings btc")
    assert "a whole number from 1 to 60 is wanted" in await scene.refusal("readings 100")


async def test_a_day_is_what_was_sold_for_more_than_it_cost_and_fees_are_told_by_asset(scene: Scene) -> None:
    yesterday_ms = NOON_MS - DAY_MS
    first = await scene.buys(101, "10", "8", yesterday_ms)
    sell = await scene.places(first, SpotRole.SELL, "8.1", yesterday_ms)
    await scene.fills(first, sell, 102, "4", yesterday_ms)
    await scene.fills(first, sell, 103, "5.99", NOON_MS)
    back = await scene.places(scene.cases[0], SpotRole.BACK, "8")
    await scene.fills(first, back, 104, "9.99", NOON_MS)
    await scene.closes(first, "sold and bought back", NOON_MS)
    await scene.buys(105, "1", "8")
    summary = await scene.ask("summary")
    assert dict(summary.facts) == {
        "cases closed": "1",
        "sold": "48.52 USDC",
        "profit before fees": "+0.60 USDC",
        "bought back": "79.92 USDC",
        "fees": "0.001 TRUMP, 0.1 USDC",
        "open cases": "1, bought for 8.00 USDC",
    }
    performance = await scene.ask("performance 3")
    assert performance.table is not None
    assert performance.table.rows == (
        ("2025-06-15", "0", "32.40", "+0.40", "0.00", "0.01 TRUMP, 0.05 USDC"),
        ("2025-06-16", "1", "48.52", "+0.60", "79.92", "0.001 TRUMP, 0.1 USDC"),
    )
    assert (performance.data["profit"], performance.data["fees"]) == ("0.999", {"TRUMP": "0.011", "USDC": "0.15"})


async def test_what_nobody_traded_is_said_to_be_nothing(scene: Scene) -> None:
    assert (await scene.ask("performance")).notes == ("Nothing was traded yet.",)
    assert dict((await scene.ask("summary")).facts)["fees"] == "-"


async def test_the_story_of_a_case_has_every_execution_and_order_with_its_origin(scene: Scene) -> None:
    case = await scene.buys(101, "10", "8")
    sell = await scene.places(case, SpotRole.SELL, "8.08", NOON_MS + 1_000)
    await scene.fills(case, sell, 102, "9.99", NOON_MS + 2_000)
    opened = await scene.ask("why 1")
    assert dict(opened.facts)["end"] == "open, waits for its SELL is filled"
    await scene.closes(case, "sold", NOON_MS + 3_000)
    answer = await scene.ask("why 1")
    facts = dict(answer.facts)
    assert facts["bought"] == "10 TRUMP for 80.00 USDC"
    assert facts["to be sold"] == "9.99 TRUMP, what fees left of it"
    assert facts["sold"] == "9.99 TRUMP for 80.72 USDC"
    assert facts["profit before fees"] == "+0.80 USDC"
    assert facts["end"] == "2025-06-16 12:00:03: sold"
    assert answer.table is not None
    assert [row[1:] for row in answer.table.rows] == [
        ("person", "BUY 10 seen first; FILLED, 10 filled, 2025-06-16 12:00:00", "web_1"),
        ("person", "BUY 10 at 8 filled, fee 0.01 TRUMP", "web_1"),
        ("companion", "SELL 9.99 at 8.08 intended; NEW, 0 filled, 2025-06-16 12:00:01", "rb-trump-101-sell"),
        ("companion", "SELL 9.99 at 8.08 filled, fee 0.05 USDC", "rb-trump-101-sell"),
    ]
    json.dumps(answer.data)
    assert "there is no case 7" in await scene.refusal("why 7")
    assert "CASE|SYMBOL" in await scene.refusal("why")


async def test_why_of_a_symbol_tells_its_last_cases_and_what_was_left_alone(scene: Scene) -> None:
    case = await scene.buys(101, "10", "8")
    await scene.closes(case, "its SELL was cancelled by hand: it is not placed again", NOON_MS)
    await scene.trades(person(fill(102, 2, Side.SELL, "3", "8.5")))
    traders = fill(103, 3, Side.BUY, "1", "8.4")
    await scene.trades(SpotFill(fill=traders, origin=Origin.SYSTEM, client_order_id=ClientOrderId("rt-abcd-1-entry0")))
    answer = await scene.ask("why trump")
    assert answer.table is not None
    assert [(row[0], row[-1]) for row in answer.table.rows] == [
        ("1", "its SELL was cancelled by hand: it is not placed again")
    ]
    assert answer.notes == (
        "Left alone at 2025-06-16 12:00:00: BUY 1 at 8.4 (the trader's).",
        "Left alone at 2025-06-16 12:00:00: SELL 3 at 8.5 (sold by hand).",
        f"Executions up to number {START_ID} are left alone: they are from before watching began"
        " (2025-06-16 11:00:00).",
    )
    assert (await scene.ask("why btc")).notes == ("There was no case yet.", "BTCUSDC was never watched.")


async def test_orders_say_whose_they_are(scene: Scene) -> None:
    case = await scene.buys(101, "5", "8")
    sell = await scene.places(case, SpotRole.SELL, "8.08")
    scene.exchange.orders = [
        standing(sell.name),
        standing("rb-trump-9-sell"),
        standing("rt-abcd-1-tp0", SOL),
        standing("web_2", SOL, Side.BUY),
    ]
    answer = await scene.ask("orders")
    assert answer.table is not None
    assert [row[5] for row in answer.table.rows] == [
        "the trader",
        "a person",
        "case 1, SELL",
        "a companion with another ledger",
    ]
    of_sol = await scene.ask("orders sol")
    assert of_sol.table is not None
    assert len(of_sol.table.rows) == 2
    assert (await scene.ask("orders btc")).notes == ("Nothing stands on spot for BTCUSDC.",)
    scene.exchange.error = NotSent("no way out")
    answer = await scene.ask("orders")
    assert answer.notes == ("Without orders: the exchange could not be asked: no way out.",)
    assert answer.data["is_whole"] is False


async def test_the_balance_is_of_now_what_counts_first(scene: Scene) -> None:
    scene.exchange.balances = {
        asset: AssetBalance(Decimal(free), Decimal(locked))
        for asset, free, locked in (("BNB", "1", "0"), ("TRUMP", "2", "3"), ("USDC", "10.5", "0"))
    }
    answer = await scene.ask("balance")
    assert answer.table is not None
    assert answer.table.rows == (("USDC", "10.5", "0", "10.5"), ("TRUMP", "2", "3", "5"), ("BNB", "1", "0", "1"))
    scene.exchange.error = NotSent("no way out")
    assert (await scene.ask("balance")).notes == ("Not known: the exchange could not be asked: no way out.",)


async def test_risk_holds_what_was_bought_back_against_the_limits(scene: Scene) -> None:
    assert dict((await scene.ask("risk")).facts)["BUYs back"] == "off: buy_back_count is 0"
    case = await scene.buys(101, "10", "8")
    await scene.places(case, SpotRole.BACK, "8")
    await scene.confirmed("config set rebound.buy_back_count 3")
    answer = await scene.ask("risk")
    assert dict(answer.facts)["open ones together"] == "79.92 of 50.00 USDC"
    assert answer.table is not None
    assert answer.table.rows == (("TRUMPUSDC", "1", "3"), ("SOLUSDC", "0", "3"))


async def test_help_is_of_this_menu(scene: Scene) -> None:
    answer = await scene.ask("help")
    assert [each["name"] for each in as_json(answer)["commands"]] == [each.name for each in MENU]
    assert "is not a command" in await scene.refusal("positions")
    assert BTC not in str(answer.table)
