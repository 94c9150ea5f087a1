"""The reasons: which limit stands in the way of an entry."""

from enum import StrEnum


class Reason(StrEnum):
    """One a limit. The first that is broken is the one that is told."""

    ALREADY_HELD = "already_held"
    STOP_STREAK = "stop_streak"
    DAY_LOSS = "day_loss"
    DAY_DRAWDOWN = "day_drawdown"
    COOL_DOWN = "cool_down"
    TOO_MANY_POSITIONS = "too_many_positions"
    CORRELATED = "correlated"
    FUNDING = "funding"
    LEVERAGE = "leverage"
    TOO_LARGE = "too_large"
    TOO_MUCH_IN_ALL = "too_much_in_all"
    TOO_LITTLE_MARGIN = "too_little_margin"
    LIQUIDATION_NEAR = "liquidation_near"
