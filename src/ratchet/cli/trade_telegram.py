"""Telegram beside a trader: begun and ended with it, and nothing of it can hold trading up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module

import structlog

from ratchet.config.settings import Settings
from ratchet.control.desk import Desk
from ratchet.domain.clock import Clock
from ratchet.observe.notices import Noticeboard

log = structlog.get_logger(__name__)

FACE = "ratchet.telegram.run"


def load_telegram(settings: Settings) -> None:
    """Load what it needs if it is wanted: that takes seconds, which no position should wait for later."""
    if settings.telegram.token is not None:
        import_module(FACE)


@asynccontextmanager
async def telegram_face(settings: Settings, desk: Desk, noticeboard: Noticeboard, clock: Clock) -> AsyncIterator[None]:
    """Operators are heard and told in Telegram until the block is left; that takes less than five seconds."""
    if settings.telegram.token is None:
        yield
        return
    from ratchet.telegram.run import run_telegram

    face = asyncio.create_task(
        run_telegram(settings.telegram, desk, noticeboard, clock, secrets=settings.secrets()), name="telegram"
    )
    await asyncio.sleep(0)  # from its first step on it hears notices
    try:
        yield
    finally:
        face.cancel()
        [end] = await asyncio.gather(face, return_exceptions=True)
        if isinstance(end, Exception):
            log.error("telegram_failed", error=repr(end))
