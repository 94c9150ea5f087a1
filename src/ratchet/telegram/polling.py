"""Polling: asks Telegram for news for as long as it lives, and hands on each piece of news once."""

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from ratchet.domain.clock import Clock
from ratchet.observe.notices import Kind, Notice, Noticeboard, Weight
from ratchet.telegram.api import Api, Update
from ratchet.telegram.errors import ChatClosed, NotAccepted, TokenTaken, TooFast, Unreachable
from ratchet.telegram.incoming import Heard, heard
from ratchet.telegram.pace import Pace
from ratchet.telegram.pauses import Pauses

log = structlog.get_logger(__name__)

IDS_REMEMBERED = 1_000  # Telegram's numbers rise, but begin anywhere after a quiet week: a last one is not enough
MINUTE_S = 60


class Polling:
    """One listener. Two with one token take each other's news: then the pauses grow until the other is gone."""

    def __init__(
        self, api: Api, noticeboard: Noticeboard, clock: Clock, pace: Pace, on_heard: Callable[[Heard], None]
    ) -> None:
        self._api = api
        self._noticeboard = noticeboard
        self._clock = clock
        self._pace = pace
        self._on_heard = on_heard
        self._offset: int | None = None
        self._ids: deque[int] = deque(maxlen=IDS_REMEMBERED)
        self._aside = Pauses(pace.conflict_first_s, pace.conflict_most_s)
        self._aside_ms: float | None = None  # since when another bot listens
        self._alone_ms: float | None = None  # since when it was not noticed again

    async def run(self) -> None:
        """Until cancelled. Raises: TokenRefused."""
        again = Pauses(self._pace.again_first_s, self._pace.again_most_s)
        while True:
            asked_ms = self._clock.elapsed_ms()
            try:
                updates = await self._api.updates(self._offset)
            except TooFast as no:
                await asyncio.sleep(no.retry_after_s)
            except TokenTaken as no:
                await self._step_aside(no)
            except (Unreachable, NotAccepted, ChatClosed) as no:
                log.debug("telegram_no_news", why=str(no))
                await asyncio.sleep(again.next_s())
            else:
                again.reset()
                self._look_whether_alone(asked_ms)
                if not self._take(updates) and self._clock.elapsed_ms() - asked_ms < self._pace.idle_s * 1_000:
                    await asyncio.sleep(self._pace.idle_s)

    def _take(self, updates: list[Update]) -> bool:
        """Whether anything was new."""
        is_news = False
        for update in updates:
            number = int(update["update_id"])
            self._offset = number + 1
            if number in self._ids:
                continue
            self._ids.append(number)
            is_news = True
            try:
                what = heard(update)
            except ValueError as error:
                log.warning("telegram_update_unreadable", update=number, why=str(error))
                continue
            if what is not None:
                self._on_heard(what)
        return is_news

    async def _step_aside(self, conflict: TokenTaken) -> None:
        self._alone_ms = None
        if self._aside_ms is None:
            self._aside_ms = self._clock.elapsed_ms()
            self._post(
                "another bot listens with this Telegram token: commands may not be heard here until it is stopped "
                f"({conflict})"
            )
        await asyncio.sleep(self._aside.next_s())

    def _look_whether_alone(self, asked_ms: float) -> None:
        """A single answer proves nothing: it took the news from the other one, who is about to do the same."""
        if self._aside_ms is None:
            return
        now_ms = self._clock.elapsed_ms()
        self._alone_ms = asked_ms if self._alone_ms is None else self._alone_ms
        if now_ms - self._alone_ms < self._pace.calm_s * 1_000:
            return
        minutes = (now_ms - self._aside_ms) / 1_000 / MINUTE_S
        self._aside_ms = self._alone_ms = None
        self._aside.reset()
        self._post(
            f"no other bot listens with this Telegram token any more, after {minutes:.0f} min: commands are heard"
        )

    def _post(self, text: str) -> None:
        at_ms = self._clock.now_ms()
        self._noticeboard.post(Notice(kind=Kind.SETTINGS, at_ms=at_ms, text=text, weight=Weight.WARNING))
