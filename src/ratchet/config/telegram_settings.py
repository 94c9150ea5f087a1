"""Telegram's section of the settings: the bot, who may speak with it, and what it tells unasked."""

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from ratchet.config.exchange_settings import http_address
from ratchet.config.sections import Section, conflict, listed, number

CHATS_MAX = 20  # each has a queue of its own

_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{20,100}")


class AlertsFrom(StrEnum):
    """The least weight of a notice that is told unasked."""

    INFO = "info"
    WARNING = "warning"
    ALARM = "alarm"


def _token(value: SecretStr | None) -> SecretStr | None:
    if value is not None and not _TOKEN.fullmatch(value.get_secret_value()):
        raise PydanticCustomError(
            "token", "a token as @BotFather gives it is wanted: 123456:ABC-…; without one it is off"
        )
    return value


def _listed(value: object) -> object:
    """A list of chats; one alone may stand without being one."""
    return [value] if isinstance(value, int) and not isinstance(value, bool) else listed(value)


Chat = Annotated[int, BeforeValidator(number), Field(ge=-(2**52), le=2**52)]
Chats = Annotated[tuple[Chat, ...], BeforeValidator(_listed), Field(max_length=CHATS_MAX)]


class TelegramSettings(Section):
    """An operator's face in Telegram. Chats are named by their numbers; a group's is negative."""

    token: Annotated[SecretStr | None, AfterValidator(_token)] = Field(
        default=None, description="of the bot, from @BotFather; none: Telegram is off"
    )
    rebound_token: Annotated[SecretStr | None, AfterValidator(_token)] = Field(
        default=None, description="of a bot for the spot companion: one bot is heard by one process; none: off there"
    )
    base_url: Annotated[str, AfterValidator(http_address)] = Field(
        default="https://api.telegram.org", description="of the Bot API; plain http only on this machine"
    )
    operators: Chats = Field(default=(), description="chats that may ask and change")
    viewers: Chats = Field(default=(), description="chats that may only ask")
    alerts_from: AlertsFrom = Field(
        default=AlertsFrom.INFO, description="the least weight that is told unasked: info, warning or alarm"
    )
    grouping_window_s: Annotated[float, BeforeValidator(number)] = Field(
        default=3.0, ge=0, le=300, description="what happens within it is one message; an alarm does not wait for it"
    )
    messages_per_minute_max: Annotated[int, BeforeValidator(number)] = Field(
        default=15, ge=1, le=60, description="told unasked to one chat; Telegram takes 20 in a group"
    )
    queue_max: Annotated[int, BeforeValidator(number)] = Field(
        default=500, ge=10, le=10_000, description="notices kept for a chat while Telegram is away; the oldest go first"
    )

    @property
    def of_companion(self) -> Self:
        """The same for the spot companion, which has a bot of its own."""
        return self.model_copy(update={"token": self.rebound_token, "rebound_token": self.token})

    @model_validator(mode="after")
    def _one_bot_each(self) -> Self:
        if self.token is not None and self.token == self.rebound_token:
            raise conflict("rebound_token", "", "another bot's is wanted: one bot is heard by one process", "token")
        return self

    @model_validator(mode="after")
    def _one_role_each(self) -> Self:
        if both := set(self.operators) & set(self.viewers):
            wanted = f"chats that are not operators are wanted: {min(both)} is one"
            raise conflict("viewers", self.viewers, wanted, "operators")
        return self
