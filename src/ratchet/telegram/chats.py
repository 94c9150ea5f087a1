"""Chats: who may speak with the bot. Everybody else gets no answer, and is named in the log once."""

import structlog

from ratchet.config.telegram_settings import TelegramSettings
from ratchet.control.desk import Role

log = structlog.get_logger(__name__)

STRANGERS_MAX = 200  # named in the log; whoever finds the bot may write as often as he likes


class Chats:
    """The allow-list."""

    def __init__(self, settings: TelegramSettings) -> None:
        viewers = dict.fromkeys(settings.viewers, Role.VIEWER)
        self._roles = dict.fromkeys(settings.operators, Role.OPERATOR) | viewers
        self._strangers: set[int] = set()

    @property
    def roles(self) -> dict[int, Role]:
        """By chat."""
        return self._roles

    def role_of(self, chat: int) -> Role | None:
        """None: a stranger."""
        role = self._roles.get(chat)
        if role is None and chat not in self._strangers and len(self._strangers) < STRANGERS_MAX:
            self._strangers.add(chat)
            log.warning("telegram_stranger", chat=chat, mend="to let it in, add it to operators or viewers")
        return role
