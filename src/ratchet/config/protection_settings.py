"""The section of the settings about positions and orders that this trader did not make."""

from enum import StrEnum

from pydantic import Field

from ratchet.config.sections import Section


class ForeignPolicy(StrEnum):
    """What is done with a position that another hand opened."""

    PROTECT = "protect"  # it gets a stop, nothing else
    ADOPT = "adopt"  # it becomes a trade like one of ours: stop, ladder, maximum hold
    IGNORE = "ignore"  # it is shown and left alone
    FLATTEN = "flatten"  # it is closed at market


class ProtectionSettings(Section):
    """How positions are protected."""

    foreign_positions: ForeignPolicy = Field(
        default=ForeignPolicy.PROTECT, description="opened by another hand: protect, adopt, ignore or flatten"
    )
