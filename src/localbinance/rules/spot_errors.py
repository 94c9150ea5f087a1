"""Errors of the spot matching engine: one function a refusal, with Binance's code and text."""

from localbinance.rules.rejection import Rejection


def filter_failure(name: str) -> Rejection:
    """-1013: a number that the pair's filter of that name does not take."""
    return Rejection(-1013, f"Filter failure: {name}")


def invalid_price() -> Rejection:
    """-1013: a price of 0 or less."""
    return Rejection(-1013, "Invalid price.")


def invalid_quantity() -> Rejection:
    """-1013: a quantity of 0 or less."""
    return Rejection(-1013, "Invalid quantity.")


def market_closed() -> Rejection:
    """-1013: the pair does not trade."""
    return Rejection(-1013, "Market is closed.")


def too_precise(name: str) -> Rejection:
    """-1111: more decimal places than assets have."""
    return Rejection(-1111, f"Parameter '{name}' has too much precision.")


def insufficient_balance() -> Rejection:
    """-2010."""
    return Rejection(-2010, "Account has insufficient balance for requested action.")


def duplicate() -> Rejection:
    """-2010: the client id is that of an open order."""
    return Rejection(-2010, "Duplicate order sent.")


def would_trigger() -> Rejection:
    """-2010: the stop price is on the wrong side of the last price."""
    return Rejection(-2010, "Order would trigger immediately.")


def would_take() -> Rejection:
    """-2010: a LIMIT_MAKER that would not make."""
    return Rejection(-2010, "Order would immediately match and take.")


def prices_related_wrongly() -> Rejection:
    """-2010: the legs of an order list on the wrong sides of each other."""
    return Rejection(-2010, "The relationship of the prices for the orders is not correct.")


def no_liquidity() -> Rejection:
    """-2010: less in the book than a quantity step."""
    return Rejection(-2010, "Order book liquidity is less than `LOT_SIZE` filter minimum quantity.")


def iceberg_not_supported() -> Rejection:
    """-2010."""
    return Rejection(-2010, "Iceberg orders are not supported for this symbol.")


def trailing_not_supported() -> Rejection:
    """-2010."""
    return Rejection(-2010, "Trailing stop orders are not supported for this symbol.")


def client_id_of_another() -> Rejection:
    """-2039: number and client id name two orders."""
    return Rejection(-2039, "Client order ID is not correct for this order ID.")


def span_too_long() -> Rejection:
    """-1127."""
    return Rejection(-1127, "More than 24 hours between startTime and endTime.")
