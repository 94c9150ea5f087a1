"""What comes in: of everything that Telegram tells, only what somebody says or presses."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from aiogram.types import CallbackQuery, Message, Update
from pydantic import ValidationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message."""

    chat: int
    user: int | None  # who it is in the chat; none: the group itself speaks
    is_private: bool
    at_s: float  # Telegram's time
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A button under a message of the bot's."""

    chat: int
    user: int
    press: str  # what Telegram calls it
    message: int
    data: str


Heard: TypeAlias = Said | Pressed


def heard(raw: dict[str, Any]) -> Heard | None:
    """Read an update. None for all that is nobody's word: edited messages, channels, other bots, pictures.

    Raises: ValueError if it cannot be read.
    """
    try:
        update = Update.model_validate(raw)
    except ValidationError as error:
        raise ValueError(f"{error.error_count()} things in it are not as Telegram describes them") from None
    if update.message is not None:
        return _said(update.message)
    if update.callback_query is not None:
        return _pressed(update.callback_query)
    return None


def _said(message: Message) -> Said | None:
    if message.text is None or not _is_a_person(message):
        return None
    return Said(
        chat=message.chat.id,
        user=None if message.sender_chat is not None or message.from_user is None else message.from_user.id,
        is_private=message.chat.type == "private",
        at_s=message.date.timestamp(),
        text=message.text,
    )


def _is_a_person(message: Message) -> bool:
    """Whether it is the word of somebody in the chat. An administrator may speak as the group itself."""
    if message.chat.type == "channel" or message.via_bot is not None or message.forward_origin is not None:
        return False
    if message.sender_chat is not None:
        return message.sender_chat.id == message.chat.id
    return message.from_user is not None and not message.from_user.is_bot


def _pressed(press: CallbackQuery) -> Pressed | None:
    if press.message is None or press.data is None:
        return None
    return Pressed(
        chat=press.message.chat.id,
        user=press.from_user.id,
        press=press.id,
        message=press.message.message_id,
        data=press.data,
    )
