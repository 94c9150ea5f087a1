"""A small Bot API server: real HTTP on loopback, as strict as Telegram in what the bot uses, as unkind as told."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any

from aiohttp import web

TOKEN = "123456:AAE-one-token_for-the-tests-alone"
SECOND_S = 0.2  # of a question that is held: who asks counts whole ones, and tests have no time
TEXT_UNITS_MAX = 4_096
CAPTION_UNITS_MAX = 1_024
CALLBACK_BYTES_MAX = 64
TAGS = {
    "b",
    "strong",
    "i",
    "em",
    "u",
    "ins",
    "s",
    "strike",
    "del",
    "code",
    "pre",
    "a",
    "span",
    "tg-spoiler",
    "blockquote",
}
BAD = "Bad Request: "
CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"

_MARK = re.compile(r"<(/?)([a-zA-Z0-9-]*)([^>]*)>")
_ENTITY = re.compile(r"&(?!(?:lt|gt|amp|quot|#[0-9]+|#x[0-9a-fA-F]+);)")


class Refusal(Exception):
    """An answer that is not ok."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.parameters = parameters


@dataclass(slots=True)
class Sent:
    """A message as its reader sees it."""

    chat: int
    number: int
    text: str  # without markup
    html: str
    buttons: list[tuple[str, str]] = field(default_factory=list)
    photo: bytes | None = None


@dataclass(slots=True)
class Fault:
    """What becomes of calls of a method instead of what should."""

    answer: Callable[[], web.StreamResponse] | None  # None: none at all
    times: int


class BotApi:
    """One bot's server. Tests speak as people do, and read what people would."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.messages: list[Sent] = []
        self.menus: dict[int, list[dict[str, str]]] = {}
        self.press_answers: dict[str, str] = {}
        self.closed_chats: set[int] = set()
        self.is_token_known = True
        self.address = ""
        self.clock_ahead_s = 0.0
        self.updates: list[dict[str, Any]] = []
        self.deliver_twice = False  # also what was confirmed
        self._faults: dict[str, Fault] = {}
        self._next_update = 700
        self._next_message = 1
        self._poller: asyncio.Event | None = None
        self._news = asyncio.Event()

    # What people do ---------------------------------------------------------------------------------------------------

    def say(
        self,
        text: str,
        chat: int = 4711,
        more: dict[str, Any] | None = None,
        *,
        kind: str = "private",
        ago_s: float = 0,
    ) -> int:
        """Somebody writes; `more` is what else is in the message. Returns the update's number."""
        return self.put({"message": self.message(text, chat, kind=kind, ago_s=ago_s) | (more or {})})

    def message(self, text: str, chat: int, *, kind: str = "private", ago_s: float = 0) -> dict[str, Any]:
        return {
            "message_id": self._number(),
            "date": int(time.time() + self.clock_ahead_s - ago_s),
            "chat": {"id": chat, "type": kind},
            "from": {"id": abs(chat), "is_bot": False, "first_name": "Somebody"},
            "text": text,
        }

    def press(self, message: Sent, label: str, chat: int | None = None) -> str:
        """Somebody presses a button. Returns the press's name."""
        data = next(data for text, data in message.buttons if label in text)
        return self.press_data(message.chat if chat is None else chat, message.number, data)

    def press_data(self, chat: int, message: int, data: str) -> str:
        name = f"press-{len(self.updates)}-{self._next_update}"
        self.put(
            {
                "callback_query": {
                    "id": name,
                    "from": {"id": abs(chat), "is_bot": False, "first_name": "Somebody"},
                    "message": {
                        "message_id": message,
                        "date": int(time.time()),
                        "chat": {"id": chat, "type": "private"},
                    },
                    "chat_instance": "1",
                    "data": data,
                }
            }
        )
        return name

    def put(self, update: dict[str, Any]) -> int:
        number = self._next_update
        self._next_update += 1
        self.updates.append({"update_id": number} | update)
        self._news.set()
        return number

    # What people see --------------------------------------------------------------------------------------------------

    def texts(self, chat: int = 4711) -> list[str]:
        return [sent.text for sent in self.messages if sent.chat == chat]

    def count(self, method: str) -> int:
        return sum(1 for name, _ in self.calls if name == method.lower())

    # What goes wrong --------------------------------------------------------------------------------------------------

    def fail(self, method: str, status: int, description: str = "", *, times: int = 10**9, **parameters: int) -> None:
        """Calls of a method, or of `*` all of them, are answered so."""

        def answer() -> web.StreamResponse:
            return _refused(Refusal(status, description or f"Error {status}", **parameters))

        self._faults[method.lower()] = Fault(answer, times)

    def say_nonsense(self, method: str, body: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._faults[method.lower()] = Fault(
            lambda: web.Response(status=status, text=body, headers=headers), times=10**9
        )

    def hang(self, method: str) -> None:
        """Calls of a method stay without an answer."""
        self._faults[method.lower()] = Fault(None, 10**9)

    def heal(self) -> None:
        self._faults.clear()

    # The wire ---------------------------------------------------------------------------------------------------------

    async def handle(self, request: web.Request) -> web.StreamResponse:
        token, _, method = request.match_info["path"].removeprefix("bot").partition("/")
        method = method.lower()
        fields = await _fields(request)
        self.calls.append((method, fields))
        fault = self._faults.get(method) or self._faults.get("*")
        if fault is not None and fault.times > 0:
            fault.times -= 1
            if fault.answer is None:
                await asyncio.sleep(60)  # nobody waits for so long
            assert fault.answer is not None
            return fault.answer()
        try:
            result = await self._do(token, method, fields)
        except Refusal as no:
            return _refused(no)
        return web.json_response({"ok": True, "result": result})

    async def _do(self, token: str, method: str, fields: dict[str, Any]) -> object:
        if token != TOKEN or not self.is_token_known:
            raise Refusal(401, "Unauthorized")
        match method:
            case "getme":
                return {"id": 123456, "is_bot": True, "first_name": "Ratchet", "username": "ratchet_test_bot"}
            case "deletewebhook":
                return True
            case "getupdates":
                return await self._get_updates(int(fields.get("offset", 0)), float(fields.get("timeout", 0)))
            case "sendmessage":
                return self._send(fields, fields.get("text", ""), TEXT_UNITS_MAX)
            case "sendphoto":
                return self._send(fields, fields.get("caption", ""), CAPTION_UNITS_MAX, photo=_file(fields, "photo"))
            case "editmessagetext":
                return self._edit(fields)
            case "answercallbackquery":
                self.press_answers[fields["callback_query_id"]] = fields.get("text", "")
                return True
            case "setmycommands":
                return self._set_menu(fields)
        raise Refusal(404, "Not Found")

    async def _get_updates(self, offset: int, timeout_s: float) -> list[dict[str, Any]]:
        if self._poller is not None:
            self._poller.set()  # the newer one wins
        mine = self._poller = asyncio.Event()
        if not self.deliver_twice:
            self.updates = [update for update in self.updates if update["update_id"] >= offset]
        try:
            async with asyncio.timeout(timeout_s * SECOND_S):
                while not self.updates:
                    self._news.clear()
                    await _first(self._news, mine)
                    if mine.is_set():
                        raise Refusal(409, CONFLICT)
        except TimeoutError:
            return []
        finally:
            if self._poller is mine:
                self._poller = None
        return self.updates[:100]

    def _send(self, fields: dict[str, Any], html: str, units_max: int, photo: bytes | None = None) -> dict[str, Any]:
        chat = int(fields["chat_id"])
        if chat in self.closed_chats:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        text = _parsed(html, fields.get("parse_mode"), units_max, may_be_empty=photo is not None)
        sent = Sent(chat, self._number(), text, html, _buttons(fields), photo)
        self.messages.append(sent)
        return self._as_message(sent)

    def _edit(self, fields: dict[str, Any]) -> dict[str, Any]:
        chat, number = int(fields["chat_id"]), int(fields["message_id"])
        sent = next((one for one in self.messages if (one.chat, one.number) == (chat, number)), None)
        if sent is None:
            raise Refusal(400, f"{BAD}message to edit not found")
        text, buttons = _parsed(fields["text"], fields.get("parse_mode"), TEXT_UNITS_MAX), _buttons(fields)
        if (text, buttons) == (sent.text, sent.buttons):
            raise Refusal(
                400,
                f"{BAD}message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message",
            )
        sent.text, sent.html, sent.buttons = text, fields["text"], buttons
        return self._as_message(sent)

    def _set_menu(self, fields: dict[str, Any]) -> bool:
        commands = json.loads(fields["commands"])
        for command in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
                raise Refusal(400, f"{BAD}BOT_COMMAND_INVALID")
            if not 1 <= len(command["description"]) <= 256:
                raise Refusal(400, f"{BAD}BOT_COMMAND_DESCRIPTION_INVALID")
        chat = int(json.loads(fields["scope"])["chat_id"])
        if chat in self.closed_chats:
            raise Refusal(400, f"{BAD}chat not found")
        self.menus[chat] = commands
        return True

    def _as_message(self, sent: Sent) -> dict[str, Any]:
        return {"message_id": sent.number, "date": int(time.time()), "chat": {"id": sent.chat, "type": "private"}}

    def _number(self) -> int:
        self._next_message += 1
        return self._next_message


@asynccontextmanager
async def bot_api(port: int = 0, api: BotApi | None = None) -> AsyncIterator[BotApi]:
    """Serve it. A later one may take the port, and the memory, of an earlier one."""
    it = api or BotApi()

    @web.middleware
    async def dated(request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        reply: web.StreamResponse = await handler(request)
        at = time.gmtime(time.time() + it.clock_ahead_s)
        reply.headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", at)
        return reply

    app = web.Application(middlewares=[dated])
    app.router.add_route("*", "/{path:.*}", it.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        it.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield it
    finally:
        await runner.cleanup()


async def _first(*events: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _fields(request: web.Request) -> dict[str, Any]:
    form = await request.post()
    return {name: value.file.read() if isinstance(value, web.FileField) else value for name, value in form.items()}


def _file(fields: dict[str, Any], name: str) -> bytes:
    content = fields.get(str(fields[name]).removeprefix("attach://"))
    if not isinstance(content, bytes) or not content:
        raise Refusal(400, f"{BAD}file must be non-empty")
    return content


def _buttons(fields: dict[str, Any]) -> list[tuple[str, str]]:
    rows = json.loads(fields["reply_markup"])["inline_keyboard"] if "reply_markup" in fields else []
    buttons = [(button["text"], button["callback_data"]) for row in rows for button in row]
    if any(not 1 <= len(data.encode()) <= CALLBACK_BYTES_MAX for _, data in buttons):
        raise Refusal(400, f"{BAD}BUTTON_DATA_INVALID")
    return buttons


def _refused(no: Refusal) -> web.Response:
    body: dict[str, Any] = {"ok": False, "error_code": no.status, "description": str(no)}
    if no.parameters:
        body["parameters"] = no.parameters
    return web.json_response(body, status=no.status)


def _parsed(html: str, mode: str | None, units_max: int, *, may_be_empty: bool = False) -> str:
    """The text that is seen. Raises: Refusal, in Telegram's words."""
    text = visible(html) if mode == "HTML" else html
    if not text.strip() and not may_be_empty:
        raise Refusal(400, f"{BAD}message text is empty" if not html else f"{BAD}text must be non-empty")
    if len(text.encode("utf-16-le")) // 2 > units_max:
        raise Refusal(400, f"{BAD}message is too long")
    return text


def visible(html: str) -> str:
    """What is left of HTML when it is read as Telegram does. Raises: Refusal."""
    open_tags: list[str] = []
    text = ""
    place = 0
    for mark in re.finditer(r"<", html):
        if mark.start() < place:
            continue
        found = _MARK.match(html, mark.start())
        at = len(html[: mark.start()].encode())
        if found is None:
            raise Refusal(400, f"{BAD}can't parse entities: Unclosed start tag at byte offset {at}")
        closing, tag, rest = found.groups()
        text += _unescaped(html[place : mark.start()])
        place = found.end()
        if closing:
            if not open_tags or open_tags[-1] != tag.lower():
                wanted = f'expected "</{open_tags[-1]}>"' if open_tags else "Unexpected end tag"
                raise Refusal(400, f"{BAD}can't parse entities: Unmatched end tag at byte offset {at}, {wanted}")
            open_tags.pop()
            continue
        if tag.lower() not in TAGS or (rest and not rest.startswith(" ")):
            raise Refusal(400, f'{BAD}can\'t parse entities: Unsupported start tag "{tag}" at byte offset {at}')
        open_tags.append(tag.lower())
    if open_tags:
        at = len(html.encode())
        raise Refusal(
            400, f"{BAD}can't parse entities: Can't find end tag corresponding to start tag \"{open_tags[-1]}\""
        )
    return text + _unescaped(html[place:])


def _unescaped(text: str) -> str:
    return unescape(_ENTITY.sub("&amp;", text))
