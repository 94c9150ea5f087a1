"""What came back from Telegram, or did not, named by what the caller may do next."""


class TelegramError(Exception):
    """Never holds an address: the token is a part of it. Its subclasses:

    Unreachable    nobody knows whether it was done; ask again after a pause
    TooFast        not for now; `retry_after_s` says for how long
    TokenTaken     somebody else listens with this token; listen less often
    TokenRefused   nothing will work with this token
    ChatClosed     nothing will work in this chat, until somebody there opens it
    NotAccepted    a definite no to these very words
    """


class Unreachable(TelegramError):
    """No answer, or none that can be read."""


class TooFast(TelegramError):
    """Too much was asked. `retry_after_s`: how long to be silent."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"too much was asked; again in {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


class TokenTaken(TelegramError):
    """Two listen with one token."""


class TokenRefused(TelegramError):
    """Telegram does not know it."""


class ChatClosed(TelegramError):
    """The bot may not write there: blocked, removed, or never spoken to."""


class NotAccepted(TelegramError):
    """In Telegram's words."""
