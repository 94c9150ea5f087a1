"""The Bot API: the few questions asked of it, through aiogram, with errors named by what to do next."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, TypeAlias
from urllib.parse import quote

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    AiogramError,
    TelegramAPIError,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteWebhook,
    EditMessageText,
    GetMe,
    GetUpdates,
    SendMessage,
    SendPhoto,
    SetMyCommands,
    TelegramMethod,
)
from aiogram.types import (
    BotCommand,
    BotCommandScopeChat,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
)
from aiohttp import ClientError, ClientTimeout

from ratchet.config.telegram_settings import TelegramSettings
from ratchet.domain.clock import Clock
from ratchet.observe.redaction import Redaction
from ratchet.telegram.errors import (
    ChatClosed,
    NotAccepted,
    TelegramError,
    TokenRefused,
    TokenTaken,
    TooFast,
    Unreachable,
)
from ratchet.telegram.pace import Pace
from ratchet.telegram.reach import Reach
from ratchet.telegram.time_there import TimeThere

Button: TypeAlias = tuple[str, str]  # what it says, what it sends when it is pressed: at most 64 bytes
Update: TypeAlias = dict[str, Any]  # raw: one that cannot be read must not hide the others

UNREADABLE = (AiogramError, ClientError, OSError, TimeoutError, ValueError)
CLOSED = ("chat not found", "bot was blocked", "bot was kicked", "user is deactivated", "not enough rights")
WORDS_MAX = 200
HTML = "HTML"
NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
HEARD = ["message", "callback_query"]


class _Session(AiohttpSession):
    """aiogram's, but it goes nowhere else with the token, hears what time it is there, and reads only what is a no.

    What was done and is told in words not known yet must not look as if it had not been done.
    """

    def __init__(self, api: TelegramAPIServer, time_there: TimeThere) -> None:
        super().__init__(api=api)
        self._time_there = time_there

    async def close(self) -> None:
        """At once: aiohttp itself waits for what TLS has to say, and aiogram a quarter of a second more."""
        if self._session is not None:
            await self._session.close()

    async def make_request(self, bot: Bot, method: TelegramMethod[Any], timeout: int | None = None) -> Any:
        session = await self.create_session()
        async with session.post(
            self.api.api_url(token=bot.token, method=method.__api_method__),
            data=self.build_form_data(bot=bot, method=method),
            timeout=ClientTimeout(total=timeout),  # None: whoever asks bounds the whole
            allow_redirects=False,
        ) as reply:
            content = await reply.text()
        self._time_there.set_by(reply.headers.get("Date"))
        answer = self.json_loads(content)
        if isinstance(answer, dict) and answer.get("ok") is True:
            return answer.get("result")
        return self.check_response(bot=bot, method=method, status_code=reply.status, content=content).result


class Api:
    """One bot. Every question is bounded in time. All methods raise TelegramError."""

    def __init__(
        self, settings: TelegramSettings, clock: Clock, reach: Reach, time_there: TimeThere, pace: Pace
    ) -> None:
        """Raises: ValueError without a token."""
        if settings.token is None:
            raise ValueError("a token is wanted")
        self._clock = clock
        self._reach = reach
        self._pace = pace
        token = settings.token.get_secret_value()
        self._bot = Bot(token, session=_Session(TelegramAPIServer.from_base(settings.base_url), time_there))
        self._redaction = Redaction((token, quote(token, safe="")))
        self._is_known = False  # the token: once it was, "not found" says nothing against it
        self._silent_until_ms: dict[int, float] = {}  # by chat, while Telegram wants it

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._bot.session.close()

    async def me(self) -> str | None:
        """Its name, as it is addressed in groups."""
        found = await self._ask(GetMe())
        return str(found["username"]) if isinstance(found, dict) and "username" in found else None

    async def delete_webhook(self) -> None:
        """News are fetched. As long as they are sent somewhere, Telegram refuses that."""
        await self._ask(DeleteWebhook(drop_pending_updates=False))

    async def updates(self, offset: int | None) -> list[Update]:
        """What is new, from `offset` on; waits for it for `poll_s`."""
        timeout = max(1, round(self._pace.poll_s))
        method = GetUpdates(offset=offset, timeout=timeout, allowed_updates=HEARD)
        news = await self._ask(method, timeout + self._pace.reply_timeout_s)
        return [one for one in news if "update_id" in one] if isinstance(news, list) else []

    async def send(self, chat: int, html: str, buttons: Sequence[Button] = (), *, is_silent: bool = False) -> None:
        """Send a message; a silent one makes no sound."""
        method = SendMessage(
            chat_id=chat,
            text=html,
            parse_mode=HTML,
            reply_markup=_markup(buttons),
            link_preview_options=NO_PREVIEW,
            disable_notification=is_silent,
        )
        await self._ask_in(chat, method)

    async def send_photo(self, chat: int, png: bytes, caption: str) -> None:
        """Send a picture with a line under it."""
        photo = BufferedInputFile(png, filename="ratchet.png")
        await self._ask_in(chat, SendPhoto(chat_id=chat, photo=photo, caption=caption, parse_mode=HTML))

    async def edit(self, chat: int, message: int, html: str, buttons: Sequence[Button] = ()) -> None:
        """Change what was sent."""
        method = EditMessageText(
            chat_id=chat,
            message_id=message,
            text=html,
            parse_mode=HTML,
            reply_markup=_markup(buttons),
            link_preview_options=NO_PREVIEW,
        )
        try:
            await self._ask_in(chat, method)
        except NotAccepted as no:
            if "message is not modified" not in str(no):  # pressed twice
                raise

    async def answer_press(self, press: str, text: str = "", *, is_loud: bool = False) -> None:
        """End a button's waiting, with a word on top of the screen, or in a box that has to be closed."""
        await self._ask(AnswerCallbackQuery(callback_query_id=press, text=text or None, show_alert=is_loud))

    async def set_menu(self, chat: int, commands: Sequence[tuple[str, str]]) -> None:
        """Put names and summaries into the menu of a chat."""
        menu = [BotCommand(command=name, description=summary) for name, summary in commands]
        await self._ask(SetMyCommands(commands=menu, scope=BotCommandScopeChat(chat_id=chat)))

    async def _ask_in(self, chat: int, method: TelegramMethod[Any]) -> None:
        left_s = (self._silent_until_ms.get(chat, 0.0) - self._clock.elapsed_ms()) / 1_000
        if left_s > 0:
            raise TooFast(left_s)
        self._silent_until_ms.pop(chat, None)
        try:
            await self._ask(method)
        except TooFast as no:
            self._silent_until_ms[chat] = self._clock.elapsed_ms() + no.retry_after_s * 1_000
            raise

    async def _ask(self, method: TelegramMethod[Any], timeout_s: float | None = None) -> object:
        failure: TelegramError
        try:
            async with asyncio.timeout(timeout_s or self._pace.reply_timeout_s):
                result: object = await self._bot(method)
        except UNREADABLE as error:
            failure = self._named(error)
        else:
            self._is_known = True
            self._reach.answered()
            return result
        if isinstance(failure, Unreachable):
            self._reach.failed(str(failure))
        else:
            self._reach.answered()
        # Raised outside of the handler: the error that is left behind knows the address, and so the token.
        raise failure

    def _named(self, error: Exception) -> TelegramError:
        """What an error of the libraries means. Only Telegram's own words are repeated."""
        match error:
            case TelegramRetryAfter():
                return TooFast(error.retry_after)
            case TelegramConflictError(method=GetUpdates()):
                return TokenTaken(self._words(error))
            case TelegramUnauthorizedError():
                return TokenRefused(self._words(error))
            case TelegramNotFound(method=GetMe()) if not self._is_known:
                return TokenRefused(self._words(error))
            case TelegramServerError():
                return Unreachable("Telegram has trouble of its own")
            case TelegramMigrateToChat():
                return ChatClosed(f"this group is chat {error.migrate_to_chat_id} now")
            case TelegramForbiddenError():
                return ChatClosed(self._words(error))
            case TelegramAPIError():
                words = self._words(error)
                return ChatClosed(words) if any(one in words for one in CLOSED) else NotAccepted(words)
            case TimeoutError():
                return Unreachable("no answer in time")
            case _:
                return Unreachable(type(error).__name__)

    def _words(self, error: TelegramAPIError) -> str:
        # Whoever stands between may repeat the address, and the token with it.
        return self._redaction.text(str(error.message))[:WORDS_MAX]


def _markup(buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    if not buttons:
        return None
    return InlineKeyboardMarkup(
        inline_keyboard=[[InlineKeyboardButton(text=text, callback_data=data) for text, data in buttons]]
    )
