"""`run_telegram`: the whole face, as one task that whoever trades owns. It harms nobody by failing."""

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack, suppress

import structlog

from ratchet.config.telegram_settings import TelegramSettings
from ratchet.control.desk import Desk
from ratchet.domain.clock import Clock
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.observe.redaction import Redaction
from ratchet.telegram.alerts import Alerts
from ratchet.telegram.api import Api
from ratchet.telegram.chats import Chats
from ratchet.telegram.conversation import Conversation
from ratchet.telegram.errors import ChatClosed, NotAccepted, TokenRefused, TooFast, Unreachable
from ratchet.telegram.pace import REAL_PACE, Pace
from ratchet.telegram.pauses import Pauses
from ratchet.telegram.polling import Polling
from ratchet.telegram.reach import Reach
from ratchet.telegram.time_there import TimeThere

log = structlog.get_logger(__name__)


async def run_telegram(
    settings: TelegramSettings,
    desk: Desk,
    noticeboard: Noticeboard,
    clock: Clock,
    *,
    secrets: Iterable[str] = (),
    pace: Pace = REAL_PACE,
) -> None:
    """Hear commands and tell notices until cancelled; that takes less than five seconds even if Telegram hangs.

    Returns only if there is no token, or if Telegram refuses it: then everything but this face goes on.

    Args: clock, for durations and the exchange's time of notices; secrets, masked in whatever is sent.
    """
    if settings.token is None:
        return
    reach, time_there = Reach(clock, pace.outage_said_s), TimeThere()
    async with Api(settings, clock, reach, time_there, pace) as api:
        face = _Face(api, reach, settings, desk, noticeboard, clock, time_there, pace, secrets)
        with face.listening():
            try:
                await face.live()
            except TokenRefused as no:
                text = (
                    f"Telegram refuses the token ({no}) and stays off: check RATCHET_TELEGRAM__TOKEN"
                    " (the spot companion's is RATCHET_TELEGRAM__REBOUND_TOKEN), then start again"
                )
                at_ms = clock.now_ms()
                noticeboard.post(Notice(kind=Kind.SETTINGS, at_ms=at_ms, text=text, weight=Weight.WARNING))
            except asyncio.CancelledError:
                await face.end()
                raise


class _Face:
    """All parts, wired."""

    def __init__(
        self,
        api: Api,
        reach: Reach,
        settings: TelegramSettings,
        desk: Desk,
        noticeboard: Noticeboard,
        clock: Clock,
        time_there: TimeThere,
        pace: Pace,
        secrets: Iterable[str],
    ) -> None:
        chats = Chats(settings)
        token = settings.token.get_secret_value() if settings.token else ""
        mask = Redaction((*secrets, token)).text
        self._api = api
        self._reach = reach
        self._pace = pace
        self._noticeboard = noticeboard
        self._alerts = {chat: Alerts(chat, settings, clock, pace, mask) for chat in chats.roles}
        self._conversation = Conversation(
            api, desk, chats, clock, time_there, pace, mask=mask, on_spoken=lambda chat: self._alerts[chat].on_open()
        )
        self._polling = Polling(api, noticeboard, clock, pace, self._conversation.hear)
        for alerts in self._alerts.values():
            reach.on_back(alerts.on_back)

    def listening(self) -> ExitStack:
        """While it is held, notices are kept for every chat."""
        stack = ExitStack()
        for alerts in self._alerts.values():
            stack.callback(self._noticeboard.listen(alerts.on_notice))
        return stack

    async def live(self) -> None:
        """Until cancelled. A fault of its own is logged, and it begins again. Raises: TokenRefused."""
        while True:
            try:
                await self._live()
            except TokenRefused:
                raise
            except Exception:
                log.exception("telegram_failed")
                await asyncio.sleep(self._pace.again_most_s)

    async def end(self) -> None:
        """Finish what was begun, and say that it is over; each for a short time only."""
        await self._conversation.finish(self._pace.grace_s)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.farewell_s):
                farewells = (alerts.say_farewell(self._api) for alerts in self._alerts.values())
                await asyncio.gather(*farewells, return_exceptions=True)

    async def _live(self) -> None:
        await self._begin()
        refused: TokenRefused | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._polling.run(), name="telegram polling")
                tasks.create_task(self._conversation.set_menus(), name="telegram menus")
                for chat, alerts in self._alerts.items():
                    tasks.create_task(alerts.run(self._api, self._reach), name=f"telegram alerts {chat}")
        except* TokenRefused as group:
            refused = TokenRefused(str(group.exceptions[0]))
        if refused is not None:
            raise refused

    async def _begin(self) -> None:
        """Ask who the bot is until there is an answer. Raises: TokenRefused."""
        pauses = Pauses(self._pace.again_first_s, self._pace.again_most_s)
        while True:
            try:
                bot_name = await self._api.me()
                await self._api.delete_webhook()
            except TooFast as no:
                await asyncio.sleep(no.retry_after_s)
            except (Unreachable, NotAccepted, ChatClosed):
                await asyncio.sleep(pauses.next_s())
            else:
                self._conversation.bot_name = bot_name
                log.info("telegram_hears", bot=bot_name, chats=len(self._alerts))
                if not self._alerts:
                    log.warning(
                        "telegram_nobody", mend="write to the bot: the log then says what to put into operators"
                    )
                return
