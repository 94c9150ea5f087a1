"""A definite no from the exchange: Binance's code, its message and the HTTP status it travels with."""

from collections.abc import Mapping


class Rejection(Exception):
    """The request is refused and changed nothing."""

    def __init__(self, code: int, message: str, *, status: int = 400, data: Mapping[str, object] | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code  # negative, Binance's
        self.message = message
        self.status = status  # of the HTTP answer
        self.data = data  # what is told beside, where something is
