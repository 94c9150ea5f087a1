"""The bot under test: the real face, on the small server, with a desk that does what a test says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from ratchet.config.telegram_settings import TelegramSettings
from ratchet.control.answer import Answer
from ratchet.control.desk import Asker, CommandHelp, ConfirmationWanted, Refused, Role
from ratchet.domain.symbol import Symbol
from ratchet.exchange.clock import SystemClock
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.telegram.pace import Pace
from ratchet.telegram.run import run_telegram
from tests.telegram.server import TOKEN, BotApi, Sent

OPERATOR, VIEWER, GROUP, STRANGER = 4711, 815, -100_123, 666
PATIENCE_S = 10.0

HURRIED = Pace(
    poll_s=1.0,
    idle_s=0.02,
    reply_timeout_s=2.0,
    again_first_s=0.02,
    again_most_s=0.1,
    conflict_first_s=0.05,
    conflict_most_s=0.4,
    calm_s=0.3,
    closed_first_s=0.05,
    closed_most_s=0.2,
    alarm_gap_s=0.0,
    reply_patience_s=5.0,
    grace_s=0.3,
    farewell_s=0.5,
)

COMMANDS = (
    CommandHelp(name="help", usage="help", summary="What can be asked", role=Role.VIEWER, is_dangerous=False),
    CommandHelp(name="status", usage="status", summary="How it stands", role=Role.VIEWER, is_dangerous=False),
    CommandHelp(name="why", usage="why SYMBOL", summary="Why (not)?", role=Role.VIEWER, is_dangerous=False),
    CommandHelp(name="pause", usage="pause", summary="No new trades", role=Role.OPERATOR, is_dangerous=False),
    CommandHelp(name="panic", usage="panic", summary="Close everything", role=Role.OPERATOR, is_dangerous=True),
)


class ADesk:
    """Writes down what it is asked. `answers` says what to answer; everything else is answered with its words."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.askers: list[Asker] = []
        self.done: list[tuple[str, ...]] = []  # what was confirmed, or wants no confirmation
        self.answers: dict[str, Answer | Exception | Callable[[], Awaitable[Answer]]] = {}

    @property
    def commands(self) -> Sequence[CommandHelp]:
        return COMMANDS

    async def ask(self, asker: Asker, words: Sequence[str], token: str | None = None) -> Answer | ConfirmationWanted:
        self.asked.append(tuple(words))
        self.askers.append(asker)
        command = next((one for one in COMMANDS if one.name == words[0]), None)
        if command is None:
            raise Refused(f"{words[0]} is not a command: see help")
        if command.role is Role.OPERATOR and asker.role is not Role.OPERATOR:
            raise Refused(f"{words[0]} is for operators")
        if command.is_dangerous and token != f"token of {asker.name}":
            return ConfirmationWanted("Close every position & cancel <all> orders?", f"token of {asker.name}")
        self.done.append(tuple(words))
        answer = self.answers.get(words[0]) or Answer(title=" ".join(words))
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else await answer()


class AClock(SystemClock):
    """Real time, and more of it when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._later_ms = 0.0

    def elapsed_ms(self) -> float:
        return super().elapsed_ms() + self._later_ms

    def pass_by(self, seconds: float) -> None:
        self._later_ms += seconds * 1_000


class Bot:
    """A running face, its desk and its noticeboard."""

    def __init__(
        self, api: BotApi, desk: ADesk, noticeboard: Noticeboard, clock: AClock, task: asyncio.Task[None]
    ) -> None:
        self.api = api
        self.clock = clock
        self.desk = desk
        self.noticeboard = noticeboard
        self.task = task

    def post(self, text: str, weight: Weight = Weight.INFO, symbol: str | None = None) -> None:
        self.noticeboard.post(
            Notice(
                kind=Kind.ENTRY, at_ms=0, text=text, weight=weight, symbol=None if symbol is None else Symbol(symbol)
            )
        )

    async def said(self, wanted: str, chat: int = OPERATOR) -> Sent:
        """Wait until the bot has said something in a chat."""

        def found() -> Sent | None:
            return next((sent for sent in self.api.messages if sent.chat == chat and wanted in sent.text), None)

        await eventually(lambda: found() is not None, lambda: f"{wanted!r} in {self.api.texts(chat)}")
        sent = found()
        assert sent is not None
        return sent

    async def polls_again(self, times: int = 2) -> None:
        """Wait until it has asked for news so many times more."""
        before = self.api.count("getUpdates")
        await eventually(lambda: self.api.count("getUpdates") >= before + times, lambda: "it does not ask")

    async def done_with(self, command: str = "status") -> None:
        """Wait until all that was said before is dealt with: a question that comes last is answered."""
        before = self.desk.asked.count((command,))
        self.api.say(f"/{command}")
        await eventually(lambda: self.desk.asked.count((command,)) > before, lambda: f"no {command}")

    async def stop(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError):
            await self.task


def telegram_settings(address: str, **changed: Any) -> TelegramSettings:
    usual: dict[str, Any] = {
        "token": TOKEN,
        "base_url": address,
        "operators": (OPERATOR, GROUP),
        "viewers": (VIEWER,),
        "grouping_window_s": 0.0,
        "messages_per_minute_max": 60,
    }
    return TelegramSettings.model_validate(usual | changed)


@asynccontextmanager
async def a_bot(
    api: BotApi,
    *,
    desk: ADesk | None = None,
    noticeboard: Noticeboard | None = None,
    pace: dict[str, float] | None = None,
    secrets: tuple[str, ...] = (),
    **changed: Any,
) -> AsyncIterator[Bot]:
    desk, noticeboard, clock = desk or ADesk(), noticeboard or Noticeboard(), AClock()
    settings = telegram_settings(api.address, **changed)
    run = run_telegram(settings, desk, noticeboard, clock, secrets=secrets, pace=replace(HURRIED, **(pace or {})))
    bot = Bot(api, desk, noticeboard, clock, asyncio.create_task(run))
    await asyncio.sleep(0)  # from its first step on it hears notices
    try:
        yield bot
    finally:
        await bot.stop()


async def eventually(is_so: Callable[[], bool], otherwise: Callable[[], str]) -> None:
    """Wait until it is so."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():  # noqa: ASYNC110 - what is waited for happens in many places
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(otherwise()) from None
