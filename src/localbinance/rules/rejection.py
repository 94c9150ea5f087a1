"""A definite no from the exchange: Binance's code, its message and the HTTP status it travels with."""


class Rejection(Exception):
    """The request is refused and changed nothing."""

    def __init__(self, code: int, message: str, *, status: int = 400) -> None:
        super().__init__(f"{code} {message}")
        self.code = code  # negative, Binance's
        self.message = message
        self.status = status  # of the HTTP answer
