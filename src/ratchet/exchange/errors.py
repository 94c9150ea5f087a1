"""Errors of the exchange, named by what the caller may do next. No message holds a secret or a signed address."""

from enum import StrEnum


class Meaning(StrEnum):
    """What a refusal tells whoever sent the request. Which code means what is in `outcome`, and only there."""

    DUPLICATE = "duplicate"  # an open order has this name: it was accepted before, ask for it
    NOT_FOUND = "not_found"  # it is not known, or not yet; by itself this proves nothing
    NOT_OPEN = "not_open"  # it cannot be cancelled: it is not open, any more or yet
    TRIGGERING = "triggering"  # it cannot be cancelled: it is becoming a market order
    WOULD_TRIGGER = "would_trigger"  # the price is beyond the stop already: close at market
    WOULD_TAKE = "would_take"  # the price is beyond a post-only order already
    NOTHING_TO_REDUCE = "nothing_to_reduce"  # the position is gone, or resting orders take all of it
    UNCHANGED = "unchanged"  # it was so before
    NOT_TRADING = "not_trading"  # the symbol is delisted, or its market is halted
    NO_BALANCE = "no_balance"  # spot: less is free than the order needs
    FILTER = "filter"  # spot: a filter of the pair does not take it; the message names the filter
    KEY_DEAD = "key_dead"  # the listen key is no more
    KEY_REFUSED = "key_refused"  # no such key or signature, or it may not do this from here
    OTHER = "other"  # a no to this request as it is


class ExchangeError(Exception):
    """What came back from the exchange, or did not."""


class NotSent(ExchangeError):
    """The exchange has provably not taken the request; it may be sent again."""


class Rejected(ExchangeError):
    """A definite no with Binance's code: change the request or give it up."""

    def __init__(self, code: int, message: str, meaning: Meaning = Meaning.OTHER) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.meaning = meaning


class RateLimited(ExchangeError):
    """Too much was asked, and this was not taken; come again after `retry_after_ms` (None: not said)."""

    def __init__(self, message: str, retry_after_ms: int | None = None) -> None:
        super().__init__(message)
        self.retry_after_ms = retry_after_ms


class OutcomeUnknown(ExchangeError):
    """It may have happened: ask before anything else is sent."""


class BadReply(ExchangeError):
    """An answer or frame that is not as Binance documents it: where, and what is wrong with it."""
