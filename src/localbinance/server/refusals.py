"""Refusals of the wire: what Binance answers before a request reaches the matching engine."""

from localbinance.rules.rejection import Rejection


def illegal_characters(name: str, legal: str) -> Rejection:
    """-1100, a number that is none."""
    return Rejection(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def invalid_data(name: str) -> Rejection:
    """-1130, a value outside of those that the parameter knows."""
    return Rejection(-1130, f"Data sent for parameter '{name}' is not valid.")


def invalid_time_in_force() -> Rejection:
    """-1115."""
    return Rejection(-1115, "Invalid timeInForce.")


def invalid_side() -> Rejection:
    """-1117."""
    return Rejection(-1117, "Invalid side.")


def invalid_interval() -> Rejection:
    """-1120."""
    return Rejection(-1120, "Invalid interval.")


def unknown_listen_key() -> Rejection:
    """-1125."""
    return Rejection(
        -1125, "This listenKey does not exist. Please use `POST /fapi/v1/listenKey` to recreate `listenKey`"
    )


def invalid_combination() -> Rejection:
    """-1128."""
    return Rejection(-1128, "Combination of optional parameters invalid.")


def span_days_max(days: int) -> Rejection:
    """-4165."""
    return Rejection(-4165, f"Maximum time interval is {days} days.")


def key_format() -> Rejection:
    """-2014, no API key in the header."""
    return Rejection(-2014, "API-key format invalid.", status=401)


def signature_wrong() -> Rejection:
    """-1022."""
    return Rejection(-1022, "Signature for this request is not valid.")


def timestamp_late() -> Rejection:
    """-1021, the request is older than its window."""
    return Rejection(-1021, "Timestamp for this request is outside of the recvWindow.")


def timestamp_early() -> Rejection:
    """-1021, the client's clock runs ahead."""
    return Rejection(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")


def window_too_long() -> Rejection:
    """-1131."""
    return Rejection(-1131, "recvWindow must be less than 60000.")


def weight_exceeded(limit: int) -> Rejection:
    """-1003 with 429: too much request weight within the minute."""
    return Rejection(
        -1003,
        f"Too many requests; current limit is {limit} requests per minute. "
        "Please use the websocket for live updates to avoid polling the API.",
        status=429,
    )


def banned(until_ms: int) -> Rejection:
    """-1003 with 418: requests went on after a 429."""
    return Rejection(
        -1003,
        f"Way too many requests; IP banned until {until_ms}. Please use the websocket for live updates to avoid bans.",
        status=418,
    )


def spot_weight_exceeded(limit: int) -> Rejection:
    """-1003 with 429, as spot words it."""
    return Rejection(
        -1003,
        f"Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
        "Please use WebSocket Streams for live updates to avoid polling the API.",
        status=429,
    )


def spot_banned(until_ms: int) -> Rejection:
    """-1003 with 418, as spot words it."""
    return Rejection(
        -1003,
        f"Way too much request weight used; IP banned until {until_ms}. "
        "Please use WebSocket Streams for live updates to avoid bans.",
        status=418,
    )


def retired() -> Rejection:
    """410: what Binance has here no more. Of its answer only the status is known."""
    return Rejection(-5000, "This endpoint was removed.", status=410)


def invalid_request(message: str) -> Rejection:
    """-1000: a message on the WebSocket API that is no request."""
    return Rejection(-1000, message)


def unknown_method() -> Rejection:
    """-1000: a method that the WebSocket API does not have."""
    return Rejection(-1000, "Unknown method.")


def key_without_session(kind: str) -> Rejection:
    """-2028: a key with which nobody can log on. So worded for HMAC keys; how for RSA keys is not known."""
    return Rejection(-2028, f"{kind} API key is not supported.")


def not_logged_on() -> Rejection:
    """-1193: nobody has logged on to the session of a WebSocket connection."""
    return Rejection(-1193, "WebSocket session not authenticated.")


def subscribed_already() -> Rejection:
    """-2035."""
    return Rejection(-2035, "Subscription already active.")


def not_subscribed() -> Rejection:
    """-2036."""
    return Rejection(-2036, "Subscription not active.")


def orders_exceeded(limit: int, span: str) -> Rejection:
    """-1015 with 429. `span` is worded as Binance does: "10 SECOND", "1 MINUTE"."""
    return Rejection(-1015, f"Too many new orders; current limit is {limit} orders per {span}.", status=429)


def path_invalid(path: str, method: str) -> Rejection:
    """-5000 with 404."""
    readable = path.encode(errors="replace").decode()  # bytes that are no text cannot be answered back
    return Rejection(-5000, f"Path {readable}, Method {method} is invalid", status=404)


def batch_size(count: int) -> Rejection:
    """-4082."""
    return Rejection(-4082, f"Invalid number of batch place orders: {count}")


def invalid_algo_type() -> Rejection:
    """-4500."""
    return Rejection(-4500, "Invalid algoType.")


def internal() -> Rejection:
    """-1000: a fault of this server, which logs it."""
    return Rejection(-1000, "An unknown error occured while processing the request.", status=500)
