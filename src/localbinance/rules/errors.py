"""Errors of the matching engine and the algo service: one function a refusal, with Binance's code and text."""

from decimal import Decimal

from localbinance.rules.rejection import Rejection


def invalid_symbol() -> Rejection:
    """-1121."""
    return Rejection(-1121, "Invalid symbol.")


def key_unknown() -> Rejection:
    """-2015 with 401: nobody has this account."""
    return Rejection(-2015, "Invalid API-key, IP, or permissions for action.", status=401)


def missing(name: str) -> Rejection:
    """-1102, a parameter that this order type needs. Names are printed in lower case."""
    return Rejection(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_required(name: str) -> Rejection:
    """-1106, a parameter that this order type forbids."""
    return Rejection(-1106, f"Parameter '{name}' sent when not required.")


def precision_exceeded() -> Rejection:
    """-1111, more decimal places than the symbol has."""
    return Rejection(-1111, "Precision is over the maximum defined for this asset.")


def invalid_order_type() -> Rejection:
    """-1116."""
    return Rejection(-1116, "Invalid orderType.")


def unknown_order() -> Rejection:
    """-2011, on cancelling what is not open."""
    return Rejection(-2011, "Unknown order sent.")


def order_does_not_exist() -> Rejection:
    """-2013, on asking for what was never there."""
    return Rejection(-2013, "Order does not exist.")


def margin_insufficient() -> Rejection:
    """-2019."""
    return Rejection(-2019, "Margin is insufficient.")


def unable_to_fill() -> Rejection:
    """-2020, no market to trade against."""
    return Rejection(-2020, "Unable to fill.")


def would_immediately_trigger() -> Rejection:
    """-2021."""
    return Rejection(-2021, "Order would immediately trigger.")


def reduce_only_rejected() -> Rejection:
    """-2022, nothing to reduce on that side."""
    return Rejection(-2022, "ReduceOnly Order is rejected.")


def open_orders_exceeded() -> Rejection:
    """-2025."""
    return Rejection(-2025, "Reach max open order limit.")


def position_limit_exceeded() -> Rejection:
    """-2027."""
    return Rejection(-2027, "Exceeded the maximum allowable position at current leverage.")


def leverage_too_small() -> Rejection:
    """-2028."""
    return Rejection(-2028, "Leverage is smaller than permitted: insufficient margin balance.")


def price_not_positive() -> Rejection:
    """-4001."""
    return Rejection(-4001, "Price less than 0.")


def price_above_max() -> Rejection:
    """-4002."""
    return Rejection(-4002, "Price greater than max price.")


def quantity_not_positive() -> Rejection:
    """-4003."""
    return Rejection(-4003, "Quantity less than or equal to zero.")


def quantity_below_min() -> Rejection:
    """-4004."""
    return Rejection(-4004, "Quantity less than min quantity.")


def quantity_above_max() -> Rejection:
    """-4005."""
    return Rejection(-4005, "Quantity greater than max quantity.")


def price_stop_not_positive() -> Rejection:
    """-4006."""
    return Rejection(-4006, "Stop price less than zero.")


def price_stop_above_max() -> Rejection:
    """-4007."""
    return Rejection(-4007, "Stop price greater than max price.")


def price_below_min() -> Rejection:
    """-4013."""
    return Rejection(-4013, "Price less than min price.")


def price_off_tick() -> Rejection:
    """-4014."""
    return Rejection(-4014, "Price not increased by tick size.")


def client_id_too_long() -> Rejection:
    """-4015."""
    return Rejection(-4015, "Client order id length should be less than 36 chars")


def price_above_multiplier(price: Decimal) -> Rejection:
    """-4016."""
    return Rejection(-4016, f"Limit price can't be higher than {price:f}.")


def quantity_off_step() -> Rejection:
    """-4023."""
    return Rejection(-4023, "Qty not increased by step size.")


def price_below_multiplier(price: Decimal) -> Rejection:
    """-4024."""
    return Rejection(-4024, f"Limit price can't be lower than {price:f}.")


def leverage_invalid(leverage: int) -> Rejection:
    """-4028."""
    return Rejection(-4028, f"Leverage {leverage} is not valid")


def stop_orders_exceeded() -> Rejection:
    """-4045."""
    return Rejection(-4045, "Reach max stop order limit.")


def margin_type_unchanged() -> Rejection:
    """-4046."""
    return Rejection(-4046, "No need to change margin type.")


def margin_type_has_orders() -> Rejection:
    """-4047."""
    return Rejection(-4047, "Margin type cannot be changed if there exists open orders.")


def margin_type_has_position() -> Rejection:
    """-4048."""
    return Rejection(-4048, "Margin type cannot be changed if there exists position.")


def not_isolated() -> Rejection:
    """-4049."""
    return Rejection(-4049, "Add margin only support for isolated position.")


def cross_balance_insufficient() -> Rejection:
    """-4050."""
    return Rejection(-4050, "Cross balance insufficient.")


def isolated_balance_insufficient() -> Rejection:
    """-4051."""
    return Rejection(-4051, "Isolated balance insufficient.")


def no_position_for_margin() -> Rejection:
    """-4054."""
    return Rejection(-4054, "Cannot add position margin: position is 0.")


def amount_not_positive() -> Rejection:
    """-4055."""
    return Rejection(-4055, "Amount must be positive.")


def position_mode_unchanged() -> Rejection:
    """-4059."""
    return Rejection(-4059, "No need to change position side.")


def position_side_mismatch() -> Rejection:
    """-4061."""
    return Rejection(-4061, "Order's position side does not match user's setting.")


def position_mode_has_orders() -> Rejection:
    """-4067."""
    return Rejection(-4067, "Position side cannot be changed if there exists open orders.")


def position_mode_has_position() -> Rejection:
    """-4068."""
    return Rejection(-4068, "Position side cannot be changed if there exists position.")


def client_id_duplicated() -> Rejection:
    """-4116."""
    return Rejection(-4116, "ClientOrderId is duplicated.")


def reduce_only_failed() -> Rejection:
    """-4118, resting reduce-only orders already take up the position."""
    return Rejection(-4118, "ReduceOnly Order Failed. Please check your existing position and open orders")


def algo_endpoint_only() -> Rejection:
    """-4120."""
    return Rejection(
        -4120, "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
    )


def close_position_exists() -> Rejection:
    """-4130."""
    return Rejection(
        -4130, "An open stop or take profit order with GTE and closePosition in the direction is existing."
    )


def counter_price_outside() -> Rejection:
    """-4131."""
    return Rejection(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit.")


def activation_price_invalid() -> Rejection:
    """-4135."""
    return Rejection(-4135, "Invalid activation price")


def close_position_unsupported(order_type: str) -> Rejection:
    """-4136."""
    return Rejection(-4136, f"Target strategy invalid for orderType {order_type}, closePosition true")


def close_position_with_quantity() -> Rejection:
    """-4137."""
    return Rejection(-4137, "Quantity must be zero with closePosition equals true")


def close_position_with_reduce_only() -> Rejection:
    """-4138, an explicit reduceOnly beside closePosition."""
    return Rejection(-4138, "Reduce only must be true with closePosition equals true")


def symbol_closed() -> Rejection:
    """-4141."""
    return Rejection(-4141, "Symbol is closed")


def leverage_reduction_isolated() -> Rejection:
    """-4161."""
    return Rejection(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions.")


def notional_below_min(notional_min: Decimal) -> Rejection:
    """-4164."""
    return Rejection(
        -4164, f"Order's notional must be no smaller than {notional_min:f} (unless you choose reduce only)."
    )


def multi_assets_refused() -> Rejection:
    """-4168: not offered here; accounts are in single-asset mode."""
    return Rejection(-4168, "Unable to adjust to Multi-Assets mode: this exchange has the single-asset mode only.")


def multi_assets_unchanged() -> Rejection:
    """-4171."""
    return Rejection(-4171, "No need to change Multi-Assets Mode.")


def close_position_without_position() -> Rejection:
    """-4509."""
    return Rejection(
        -4509,
        "Time in Force (TIF) GTE can only be used with open positions. Please ensure that positions are available.",
    )


def fill_or_kill_rejected() -> Rejection:
    """-5021."""
    return Rejection(
        -5021,
        "Due to the order could not be filled immediately, the FOK order has been rejected. "
        "The order will not be recorded in the order history",
    )


def post_only_rejected() -> Rejection:
    """-5022."""
    return Rejection(
        -5022,
        "Due to the order could not be executed as maker, the Post Only order will be rejected. "
        "The order will not be recorded in the order history",
    )


def modify_limit_only() -> Rejection:
    """-5025."""
    return Rejection(-5025, "Only limit order is supported.")


def modify_unchanged() -> Rejection:
    """-5027."""
    return Rejection(-5027, "No need to modify the order.")


def price_match_with_price() -> Rejection:
    """-5037's neighbour: a price beside a price match. Text as of -1106."""
    return not_required("price")


def good_till_invalid() -> Rejection:
    """-5040."""
    return Rejection(-5040, "The goodTillDate timestamp must be greater than the current time plus 600 seconds.")


def no_depth_for_price_match() -> Rejection:
    """-5041."""
    return Rejection(-5041, "No depth matches this BBO order")
