"""Who may ask what, and what is asked twice."""

from dataclasses import dataclass, field

import pytest

from ratchet.control.answer import Answer
from ratchet.control.commands import COMMANDS, HELP
from ratchet.control.confirmations import GOOD_MS, WAITING_MAX
from ratchet.control.desk import Asker, ConfirmationWanted, Refused, Role
from ratchet.control.operators_desk import OperatorsDesk
from ratchet.control.request import Request, Understand
from ratchet.control.words import Words
from ratchet.exchange.errors import NotSent
from ratchet.ledger.errors import LedgerError
from tests.unit.ratchet.control.clock import StandingClock

OPERATOR, OTHER = Asker("cli", Role.OPERATOR), Asker("telegram 4711", Role.OPERATOR)
VIEWER = Asker("telegram 12", Role.VIEWER)


@dataclass
class Harmless:
    """A desk whose commands note what would be done."""

    clock: StandingClock = field(default_factory=StandingClock)
    done: list[tuple[str, ...]] = field(default_factory=list)
    understood: list[str] = field(default_factory=list)
    error: Exception | None = None

    def desk(self) -> OperatorsDesk:
        return OperatorsDesk(
            self.clock, COMMANDS, [{command.name: self._understand(command.name) for command in COMMANDS}]
        )

    def _understand(self, name: str) -> Understand:
        async def understand(words: Words) -> Request:
            self.understood.append(name)
            said = words.rest("words") if words.has_more() else ""

            async def do(asker: Asker) -> Answer:
                if self.error is not None:
                    raise self.error
                self.done.append((asker.name, name, said))
                return Answer(title=name)

            question = f"{name} {said}?" if HELP[name].is_dangerous and said != "show" else ""
            return Request(do, Role.OPERATOR if said == "set" else HELP[name].role, question)

        return understand


async def refused(desk: OperatorsDesk, asker: Asker, *words: str, token: str | None = None) -> str:
    with pytest.raises(Refused) as no:
        await desk.ask(asker, words, token)
    return str(no.value)


async def token_for(desk: OperatorsDesk, asker: Asker, *words: str) -> str:
    wanted = await desk.ask(asker, words)
    assert isinstance(wanted, ConfirmationWanted)
    return wanted.token


async def test_viewers_ask_and_operators_change() -> None:
    it = Harmless()
    desk = it.desk()
    await desk.ask(VIEWER, ["status"])
    said = await refused(desk, VIEWER, "pause")
    assert said == "pause: only an operator may ask this, and telegram 12 is a viewer"
    assert await refused(desk, VIEWER, "panic") == said.replace("pause", "panic")
    assert await refused(desk, VIEWER, "config", "set") == said.replace("pause", "config")
    assert it.understood == ["status", "config"]  # what a viewer may not ask is not even looked at
    await desk.ask(OPERATOR, ["pause"])
    assert it.done == [("telegram 12", "status", ""), ("cli", "pause", "")]


async def test_what_is_dangerous_is_done_only_when_it_is_confirmed() -> None:
    it = Harmless()
    desk = it.desk()
    token = await token_for(desk, OPERATOR, "panic")
    assert it.done == []
    await desk.ask(OPERATOR, ["panic"], token)
    assert it.done == [("cli", "panic", "")]


async def test_a_confirmation_is_good_once_for_the_same_words_of_the_same_asker_and_for_a_minute() -> None:
    it = Harmless()
    desk = it.desk()
    useless = "this confirmation is used, too old or for something else; ask again"
    token = await token_for(desk, OPERATOR, "close", "btc")
    assert await refused(desk, OTHER, "close", "btc", token=token) == f"close: {useless}"
    token = await token_for(desk, OPERATOR, "close", "btc")
    assert await refused(desk, OPERATOR, "close", "eth", token=token) == f"close: {useless}"
    assert await refused(desk, OPERATOR, "close", "btc", token=token) == f"close: {useless}"
    token = await token_for(desk, OPERATOR, "panic")
    it.clock.at_ms += GOOD_MS + 1
    assert await refused(desk, OPERATOR, "panic", token=token) == f"panic: {useless}"
    token = await token_for(desk, OPERATOR, "panic")
    it.clock.at_ms += GOOD_MS
    await desk.ask(OPERATOR, ["panic"], token)
    assert await refused(desk, OPERATOR, "panic", token=token) == f"panic: {useless}"
    assert await refused(desk, OPERATOR, "panic", token="made up") == f"panic: {useless}"
    assert it.done == [("cli", "panic", "")]


async def test_questions_without_answers_do_not_pile_up() -> None:
    desk = Harmless().desk()
    first = await token_for(desk, OPERATOR, "panic")
    tokens = {await token_for(desk, OPERATOR, "panic") for _ in range(WAITING_MAX)}
    assert len(tokens) == WAITING_MAX
    await refused(desk, OPERATOR, "panic", token=first)
    await desk.ask(OPERATOR, ["panic"], tokens.pop())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "nothing is asked; help shows what can be"),
        ([" "], "nothing is asked; help shows what can be"),
        (["stats"], "'stats' is not a command; did you mean status?; help shows them all"),
        (["drop tables"], "'drop tables' is not a command; help shows them all"),
        (["status", *["x"] * 20], "too long: at most 20 words of 1000 characters are read"),
        (["status", "x" * 1_001], "too long: at most 20 words of 1000 characters are read"),
    ],
)
async def test_what_is_no_command_is_refused_in_one_line(words: list[str], said: str) -> None:
    assert await refused(Harmless().desk(), OPERATOR, *words) == said


@pytest.mark.parametrize("written", ["STATUS", "/status", " Status "])
async def test_a_command_may_be_written_in_either_case_and_with_a_slash(written: str) -> None:
    it = Harmless()
    await it.desk().ask(VIEWER, [written])
    assert it.done == [("telegram 12", "status", "")]


@pytest.mark.parametrize("error", [NotSent("no way out"), LedgerError("ledger.db: disk full")])
async def test_what_cannot_be_answered_is_refused_with_the_reason(error: Exception) -> None:
    it = Harmless(error=error)
    assert await refused(it.desk(), VIEWER, "status") == f"status: it cannot be answered now: {error}"


def test_a_desk_lacks_no_command() -> None:
    with pytest.raises(ValueError, match="not the commands there are"):
        OperatorsDesk(StandingClock(), COMMANDS, [])
