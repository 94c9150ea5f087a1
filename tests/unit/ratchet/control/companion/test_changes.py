"""What operators have the companion do."""

from decimal import Decimal

from ratchet.domain.identity import ClientOrderId
from ratchet.domain.rebound import SpotRole
from ratchet.ledger.errors import LedgerUnavailable
from ratchet.rebound.panic import OrderLeft
from tests.unit.ratchet.control.companion.scene import SOL, TRUMP, Scene


async def test_a_pause_is_done_at_once_and_says_what_the_ledger_does_not_know(scene: Scene) -> None:
    answer = await scene.ask("pause")
    assert (answer.title, answer.data, answer.notes) == ("Paused", {"is_paused": True, "is_recorded": True}, ())
    scene.operations.pause_fails = LedgerUnavailable("the disk is full")
    answer = await scene.ask("pause")
    assert answer.data["is_recorded"] is False
    assert answer.notes == (
        "It was paused before.",
        "The ledger does not know it: after a restart orders are placed.",
    )


async def test_a_resume_is_asked_again_after_a_panic_only(scene: Scene) -> None:
    scene.operations.is_paused = True
    assert (await scene.ask("resume")).title == "Resumed"
    assert (await scene.ask("resume")).title == "Nothing was paused"
    scene.operations.is_in_emergency = True
    assert await scene.question("resume") == "There was a panic. Place orders again?"
    assert (await scene.confirmed("resume")).title == "Resumed"
    scene.operations.resume_fails = "the disk is full"
    assert await scene.refusal("resume") == "resume: the disk is full"


async def test_a_resume_tells_what_still_holds_it_back(scene: Scene) -> None:
    scene.held_back = "the ledger has not said yet whether it is paused"
    assert (await scene.ask("resume")).facts == (("placing", f"off: {scene.held_back}"),)


async def test_a_case_is_given_up_by_its_number_its_symbol_or_with_all(scene: Scene) -> None:
    first = await scene.buys(101, "5", "8")
    await scene.places(first, SpotRole.SELL, "8.08")
    await scene.buys(7, "1", "150", symbol=SOL)
    await scene.buys(102, "2", "8")
    assert await scene.question("close 1") == (
        "Give up case 1 (4.995 TRUMP for 40.00 USDC, to be sold at 8.08)?"
        " What stands of it is cancelled; the coins stay."
    )
    answer = await scene.confirmed("close 1")
    assert (answer.title, answer.notes) == ("Given up", ("Nothing was sold: what was bought stays on the account.",))
    await scene.confirmed("close trump")
    await scene.confirmed("close all")
    assert scene.operations.done == [
        ("give up", 1, "cli"),
        ("give up", 1, 3, "cli"),
        ("give up", 1, 3, 2, "cli"),
    ]


async def test_what_is_not_open_is_not_given_up(scene: Scene) -> None:
    assert await scene.refusal("close all") == "close: no case is open; open: none"
    await scene.buys(101, "5", "8")
    assert await scene.refusal("close 9") == "close: case 9 is not open; open: 1 (TRUMPUSDC)"
    assert await scene.refusal("close sol") == "close: no case of SOLUSDC is open; open: 1 (TRUMPUSDC)"
    assert "is not a symbol that is watched" in await scene.refusal("close btc")
    assert scene.operations.done == []


async def test_a_case_that_is_not_over_yet_is_said_to_go_on(scene: Scene) -> None:
    await scene.buys(101, "5", "8")
    scene.operations.not_over = "the exchange does not answer"
    answer = await scene.confirmed("close 1")
    assert (answer.title, answer.data["is_over"]) == ("Not given up yet", False)
    assert answer.notes == ("It is gone on with; cases shows how far it is.",)


async def test_a_panic_says_that_coins_are_not_sold_and_whether_the_exchange_lists_nothing(scene: Scene) -> None:
    assert (await scene.question("panic")).endswith("Coins are not sold.")
    answer = await scene.confirmed("panic")
    assert answer.title == "Clear"
    assert dict(answer.facts)["by the exchange"] == "no order of the companion stands"
    assert "Nothing was sold: what was bought stays on the account." in answer.notes
    name = ClientOrderId("rb-trump-102-sell")
    scene.operations.panic_left = (OrderLeft(symbol=TRUMP, name=name, reason="refused"),)
    answer = await scene.confirmed("panic")
    assert (answer.title, answer.data["is_clear"]) == ("Not clear yet", False)
    assert answer.table is not None
    assert answer.table.rows[-1] == ("TRUMPUSDC", name, "left: refused")
    assert answer.notes[-1] == "It waits for another look at what stands, and goes on."


async def test_another_percentage_is_in_force_once_it_is_confirmed(scene: Scene) -> None:
    assert await scene.question("config set rebound.percent 2.5") == (
        "Change rebound.percent from 1 to 2.5, for new orders?"
    )
    answer = await scene.confirmed("config set rebound.percent 2.5")
    assert answer.notes == ("In force from now on, for new orders.",)
    assert scene.keeper.now.rebound.percent == Decimal("2.5")
    await scene.confirmed('config set rebound.percent_by_symbol {"SOLUSDC": 7}')
    assert scene.keeper.now.rebound.percent_of("SOLUSDC") == 7
    await scene.confirmed("config set rebound.percent_by_symbol trumpusdc=1.5,SOLUSDC=8")
    assert scene.keeper.now.rebound.percent_of("TRUMPUSDC") == Decimal("1.5")
    assert (await scene.ask("config show rebound")).table is not None
    await scene.confirmed("config unset rebound.percent")
    assert scene.keeper.now.rebound.percent == 1
    assert "0 is wanted" in await scene.refusal("config set rebound.percent 0")
