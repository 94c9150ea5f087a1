"""Alerts: what one chat is told unasked, several notices in one message and not too many messages."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import structlog

from ratchet.config.telegram_settings import TelegramSettings
from ratchet.domain.clock import Clock
from ratchet.observe.notices import Notice, Weight
from ratchet.telegram.alert_text import ROOM, alert_text, head_of, size_of
from ratchet.telegram.api import Api
from ratchet.telegram.backlog import Backlog
from ratchet.telegram.errors import ChatClosed, NotAccepted, TooFast, Unreachable
from ratchet.telegram.pace import Pace
from ratchet.telegram.pauses import Pauses
from ratchet.telegram.reach import Reach

log = structlog.get_logger(__name__)

MINUTE_S = 60.0
WEIGHTS = tuple(Weight)  # lightest first
FAREWELL = "Stopped: nothing more is heard or told here until it is started again."


class Alerts:
    """Of one chat. Its queue outlives outages; `run` empties it."""

    def __init__(
        self, chat: int, settings: TelegramSettings, clock: Clock, pace: Pace, mask: Callable[[str], str]
    ) -> None:
        self._chat = chat
        self._window_s = settings.grouping_window_s
        self._gap_s = MINUTE_S / settings.messages_per_minute_max
        self._weights = frozenset(WEIGHTS[WEIGHTS.index(Weight(settings.alerts_from)) :])
        self._clock = clock
        self._pace = pace
        self._mask = mask
        self._backlog = Backlog(settings.queue_max)
        self._news = asyncio.Event()  # something is to be told
        self._alarm = asyncio.Event()  # at once
        self._opened = asyncio.Event()  # somebody spoke there: it takes messages again
        self._sent_ms: float | None = None
        self._outage_s: float | None = None  # over, and nobody said so yet

    def on_notice(self, notice: Notice) -> None:
        """Keep it until it is told. Returns at once."""
        if notice.weight not in self._weights:
            return
        self._backlog.put(notice)
        self._news.set()
        if notice.weight is Weight.ALARM:
            self._alarm.set()

    def on_back(self, outage_s: float) -> None:
        """Telegram was away for so long."""
        self._outage_s = (self._outage_s or 0.0) + outage_s
        self._news.set()

    def on_open(self) -> None:
        """Somebody spoke in the chat."""
        self._opened.set()

    async def run(self, api: Api, reach: Reach) -> None:
        """Tell, until cancelled. Raises: TokenRefused."""
        again = Pauses(self._pace.again_first_s, self._pace.again_most_s)
        closed = Pauses(self._pace.closed_first_s, self._pace.closed_most_s)
        is_closed = False
        while True:
            await self._news.wait()
            await self._wait_for_more()
            try:
                if reach.is_lost:
                    await api.me()  # how long it was away is known, and said first, as soon as anything is answered
                await self._tell(api)
            except (Unreachable, NotAccepted):
                await asyncio.sleep(again.next_s())
            except TooFast as no:
                await asyncio.sleep(no.retry_after_s)
            except ChatClosed as no:
                if not is_closed:
                    log.warning(
                        "telegram_chat_closed", chat=self._chat, why=str(no), mend="somebody there presses Start"
                    )
                is_closed = True
                self._opened.clear()
                await _either(self._opened, closed.next_s())
            else:
                is_closed = False
                again.reset()
                closed.reset()

    async def say_farewell(self, api: Api) -> None:
        """Tell what is left, and that it is over. Raises: TelegramError."""
        rest = self._backlog.take(ROOM, size_of)
        text = alert_text([*map(self._masked, rest)], self._head(len(rest)))
        await api.send(self._chat, f"{text}\n{FAREWELL}" if text else FAREWELL, is_silent=True)

    async def _wait_for_more(self) -> None:
        """What happens within the window becomes one message; an alarm does not wait for it."""
        since_ms = self._clock.elapsed_ms()
        if not self._backlog.has_alarm:
            self._alarm.clear()
            await _either(self._alarm, max(self._window_s, self._left_s(self._gap_s, since_ms)))
        await asyncio.sleep(self._left_s(self._pace.alarm_gap_s, self._clock.elapsed_ms()))

    def _left_s(self, gap_s: float, now_ms: float) -> float:
        """How long until `gap_s` after the last message."""
        return 0.0 if self._sent_ms is None else max(0.0, gap_s - (now_ms - self._sent_ms) / 1_000)

    async def _tell(self, api: Api) -> None:
        """One message. What did not get through is kept."""
        outage_s, dropped = self._outage_s, self._backlog.dropped
        head = self._head(len(self._backlog))
        notices = self._backlog.take(ROOM, size_of)
        try:
            if head or notices:
                text = alert_text([*map(self._masked, notices)], head)
                await api.send(self._chat, text, is_silent=all(one.weight is Weight.INFO for one in notices))
        except NotAccepted as no:
            log.error("telegram_alert_not_accepted", chat=self._chat, why=str(no), notices=len(notices))
        except BaseException:
            self._backlog.put_back(notices)
            raise
        self._sent_ms = self._clock.elapsed_ms()
        self._backlog.dropped_is_said(dropped)
        self._outage_s = None if self._outage_s == outage_s else self._outage_s
        if not len(self._backlog) and self._outage_s is None:
            self._news.clear()

    def _head(self, waiting: int) -> str:
        return head_of(gap_s=self._outage_s, waiting=waiting, dropped=self._backlog.dropped)

    def _masked(self, notice: Notice) -> Notice:
        return replace(notice, text=self._mask(notice.text))


async def _either(event: asyncio.Event, most_s: float) -> None:
    """Wait for the event, but not longer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            await event.wait()
