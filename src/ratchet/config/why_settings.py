"""The section of the settings on what is remembered of decisions."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from ratchet.config.sections import Section, number


class WhySettings(Section):
    """How long "why (not)?" can be asked."""

    keep_days: Annotated[int, BeforeValidator(number)] = Field(
        default=14, ge=1, le=3_650, description="decisions are kept for so long; those that led to trades for good"
    )
