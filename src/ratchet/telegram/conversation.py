"""The conversation: what is said or pressed goes to the desk, and what the desk answers goes back to the chat."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import structlog

from ratchet.control.answer import Answer
from ratchet.control.desk import Asker, ConfirmationWanted, Desk, Refused, Role
from ratchet.domain.clock import Clock
from ratchet.telegram.api import Api, Button
from ratchet.telegram.chats import Chats
from ratchet.telegram.command_words import menu_of, words_of
from ratchet.telegram.errors import TelegramError, TooFast, Unreachable
from ratchet.telegram.incoming import Heard, Pressed, Said
from ratchet.telegram.memory import Book, Memory, Question
from ratchet.telegram.pace import Pace
from ratchet.telegram.pauses import Pauses
from ratchet.telegram.render import caption_of, masked, pages_of, text_of
from ratchet.telegram.time_there import TimeThere

log = structlog.get_logger(__name__)

Sent = TypeVar("Sent")

SAID_AT_ONCE_MAX = 30  # more are not answered: somebody's finger lies on a key
PRESSED_AT_ONCE_MAX = 60  # a confirmed panic finds a place even then
START_SLACK_S = 2.0  # when something was said, and what time it is there, are each known to the second
YES, NO, PAGE = "y", "n", "p"
GONE = "This was answered already, or waited too long. Nothing was done: ask again."
NO_COMMAND = "Commands begin with a slash: /help lists them."
TOO_LATE = "Too late: that was said {age:.0f} s ago, and nothing was done. Ask again."
FAILED = "That went wrong here, and the log says how. What was asked may have been done or not: look with /status."


class Conversation:
    """With all chats. Each thing heard is a task of its own: no answer waits for another one."""

    def __init__(
        self,
        api: Api,
        desk: Desk,
        chats: Chats,
        clock: Clock,
        time_there: TimeThere,
        pace: Pace,
        *,
        mask: Callable[[str], str],
        on_spoken: Callable[[int], None],
    ) -> None:
        """Args: mask, makes of a text what may be shown; on_spoken, told of every chat that takes part."""
        self._api = api
        self._desk = desk
        self._chats = chats
        self._clock = clock
        self._time_there = time_there
        self._pace = pace
        self._mask = mask
        self._on_spoken = on_spoken
        self._born_ms = clock.elapsed_ms()
        self._questions: Memory[Question] = Memory()
        self._books: Memory[Book] = Memory()
        self._with_menu: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.bot_name: str | None = None  # as it is addressed in groups

    def hear(self, what: Heard) -> None:
        """Begin to answer. Returns at once."""
        role = self._chats.role_of(what.chat)
        if role is None:
            return
        self._on_spoken(what.chat)
        places = SAID_AT_ONCE_MAX if isinstance(what, Said) else PRESSED_AT_ONCE_MAX
        if len(self._tasks) >= places:
            log.warning("telegram_too_much_at_once", chat=what.chat)
            return
        asker = Asker(f"telegram {what.chat}", role)
        task = asyncio.create_task(self._attend(what, asker), name=f"telegram {what.chat}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def set_menus(self) -> None:
        """Give every chat its menu. One that does not take it yet gets it when somebody speaks there."""
        for chat, role in self._chats.roles.items():
            await self._set_menu(chat, role)

    async def finish(self, grace_s: float) -> None:
        """Let what has begun come to an end, but not for longer."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_s)
        rest = tuple(self._tasks)
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _attend(self, what: Heard, asker: Asker) -> None:
        try:
            if isinstance(what, Said):
                await self._on_said(what, asker)
            else:
                await self._on_pressed(what, asker)
            if what.chat not in self._with_menu:
                await self._set_menu(what.chat, asker.role)
        except Exception:
            log.exception("telegram_not_answered", chat=what.chat)

    # What is said -----------------------------------------------------------------------------------------------------

    async def _on_said(self, said: Said, asker: Asker) -> None:
        words = words_of(said.text, self.bot_name, self._desk.commands)
        if words is None:
            if said.is_private:
                await self._reply(said.chat, text_of(NO_COMMAND))
            return
        if not said.is_private and not self._is_known(words[0]) and "@" not in said.text.split()[0]:
            return  # another bot's
        log.info("telegram_command", chat=said.chat, user=said.user, command=words[0])
        age_s = self._time_there.now_s() - said.at_s
        if self._changes(words[0]) and age_s > self._age_max_s():
            await self._reply(said.chat, text_of(TOO_LATE.format(age=age_s)))
            return
        await self._ask(said.chat, asker, words)

    def _is_known(self, name: str) -> bool:
        return any(command.name == name for command in self._desk.commands)

    def _changes(self, name: str) -> bool:
        return any(command.name == name and command.role is Role.OPERATOR for command in self._desk.commands)

    def _age_max_s(self) -> float:
        """Said before this process began, or too long ago: whoever said it may not want it any more."""
        lived_s = (self._clock.elapsed_ms() - self._born_ms) / 1_000
        return min(self._pace.age_max_s, lived_s + START_SLACK_S)

    async def _ask(self, chat: int, asker: Asker, words: tuple[str, ...], token: str | None = None) -> None:
        try:
            result = await self._desk.ask(asker, words, token)
        except Refused as no:
            await self._reply(chat, text_of(self._mask(str(no))))
        except Exception:
            log.exception("telegram_command_failed", chat=chat, command=words[0])
            await self._reply(chat, text_of(FAILED))
        else:
            if isinstance(result, Answer):
                await self._show(chat, masked(result, self._mask))
            else:
                await self._question(chat, words, result)

    async def _show(self, chat: int, answer: Answer) -> None:
        pages = pages_of(answer)
        buttons: tuple[Button, ...] = ()
        if len(pages) > 1:
            buttons = _page_buttons(self._books.keep(Book(chat=chat, pages=pages)), 0, len(pages))
        await self._reply(chat, pages[0], buttons)
        if (png := answer.picture) is not None:
            await self._deliver(chat, lambda: self._api.send_photo(chat, png, caption_of(answer)))

    async def _question(self, chat: int, words: tuple[str, ...], wanted: ConfirmationWanted) -> None:
        question = Question(
            chat=chat,
            words=words,
            text=text_of(self._mask(wanted.question)),
            token=wanted.token,
            until_ms=self._clock.elapsed_ms() + self._pace.confirm_s * 1_000,
        )
        name = self._questions.keep(question)
        await self._reply(chat, question.text, ((f"Yes, {words[0]}", f"{YES}:{name}"), ("No", f"{NO}:{name}")))

    # What is pressed --------------------------------------------------------------------------------------------------

    async def _on_pressed(self, pressed: Pressed, asker: Asker) -> None:
        kind, _, rest = pressed.data.partition(":")
        if kind == PAGE:
            await self._turn_page(pressed, rest)
            return
        question = self._questions.get(rest)
        if question is None or question.chat != pressed.chat:
            await self._answer_press(pressed, GONE)
            return
        self._questions.forget(rest)  # a second press finds nothing
        log.info("telegram_pressed", chat=pressed.chat, user=pressed.user, command=question.words[0], button=kind)
        if self._clock.elapsed_ms() > question.until_ms:
            await self._close(pressed, question, "Too late: ask again.")
        elif kind == YES:
            # What was confirmed does not wait until Telegram has heard that it was.
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._ask(pressed.chat, asker, question.words, question.token))
                tasks.create_task(self._close(pressed, question, "Yes."))
        else:
            await self._close(pressed, question, "No: nothing was done.")

    async def _close(self, pressed: Pressed, question: Question, word: str) -> None:
        """End a question: no buttons any more, and a word under it."""
        await self._answer_press(pressed, word)
        html = f"{question.text}\n<b>{word}</b>"
        await self._deliver(pressed.chat, lambda: self._api.edit(pressed.chat, pressed.message, html))

    async def _turn_page(self, pressed: Pressed, rest: str) -> None:
        name, _, number = rest.partition(":")
        book = self._books.get(name)
        if book is None or book.chat != pressed.chat or not number.isdecimal() or int(number) >= len(book.pages):
            await self._answer_press(pressed, "These pages are not kept any more: ask again.")
            return
        page = int(number)
        buttons = _page_buttons(name, page, len(book.pages))
        await self._answer_press(pressed)
        await self._deliver(
            pressed.chat, lambda: self._api.edit(pressed.chat, pressed.message, book.pages[page], buttons)
        )

    # What goes back ---------------------------------------------------------------------------------------------------

    async def _answer_press(self, pressed: Pressed, text: str = "") -> None:
        """A courtesy: it is not tried twice."""
        try:
            await self._api.answer_press(pressed.press, text, is_loud=text == GONE)
        except TelegramError as no:
            log.debug("telegram_press_not_answered", chat=pressed.chat, why=str(no))

    async def _reply(self, chat: int, html: str, buttons: Sequence[Button] = ()) -> None:
        await self._deliver(chat, lambda: self._api.send(chat, html, buttons))

    async def _deliver(self, chat: int, send: Callable[[], Awaitable[Sent]]) -> None:
        """Until it got through, or nobody waits for it any more."""
        pauses = Pauses(self._pace.again_first_s, self._pace.again_most_s)
        try:
            async with asyncio.timeout(self._pace.reply_patience_s):
                while True:
                    try:
                        await send()
                    except Unreachable:
                        await asyncio.sleep(pauses.next_s())
                    except TooFast as no:
                        await asyncio.sleep(no.retry_after_s)
                    else:
                        return
        except TimeoutError:
            log.warning("telegram_answer_lost", chat=chat, why="Telegram was out of reach for too long")
        except TelegramError as no:
            log.warning("telegram_answer_lost", chat=chat, why=str(no))

    async def _set_menu(self, chat: int, role: Role) -> None:
        try:
            await self._api.set_menu(chat, menu_of(self._desk.commands, role))
        except TelegramError as no:
            log.debug("telegram_menu_not_set", chat=chat, why=str(no))
        else:
            self._with_menu.add(chat)


def _page_buttons(name: str, page: int, pages: int) -> tuple[Button, ...]:
    """To the page before and the page after."""
    before = ((f"◀ {page}/{pages}", f"{PAGE}:{name}:{page - 1}"),) if page > 0 else ()
    after = ((f"{page + 2}/{pages} ▶", f"{PAGE}:{name}:{page + 1}"),) if page + 1 < pages else ()
    return before + after
