"""Errors of the exchange, named by what the caller may do next. No message holds a secret or a signed address."""


class ExchangeError(Exception):
    """What came back from the exchange, or did not."""


class NotSent(ExchangeError):
    """The exchange has provably not taken the request; it may be sent again."""


class Rejected(ExchangeError):
    """A definite no with Binance's code: change the request or give it up."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message


class RateLimited(ExchangeError):
    """Too much was asked, and this was not taken; come again after `retry_after_ms` (None: not said)."""

    def __init__(self, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class OutcomeUnknown(ExchangeError):
    """It may have happened: ask before anything else is sent."""


class BadReply(ExchangeError):
    """An answer or frame that is not as Binance documents it: where, and what is wrong with it."""
