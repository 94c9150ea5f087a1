"""The section of the settings about what can be watched from outside: health, metrics, and what is kept of notices."""

from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ratchet.config.sections import Section, number


def _host(value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise PydanticCustomError("host", "an address of this machine like 127.0.0.1 is wanted") from None


class ObserveSettings(Section):
    """Where health and metrics are served, and from when on something is not well."""

    host: Annotated[str, AfterValidator(_host)] = Field(
        default="127.0.0.1", description="that /health and /metrics are served on; others than loopback can be read"
    )
    port: Annotated[int, BeforeValidator(number)] = Field(
        default=0, ge=0, le=65_535, description="that they are served on; 0: they are not"
    )
    rebound_port: Annotated[int, BeforeValidator(number)] = Field(
        default=0, ge=0, le=65_535, description="that those of the spot companion are served on; 0: they are not"
    )
    answer_age_s_max: Annotated[float, BeforeValidator(number)] = Field(
        default=30.0,
        ge=5,
        le=3_600,
        description="without a look at the account for so long (beyond rebound.sweep_s on spot) it is not well",
    )
    stream_age_s_max: Annotated[float, BeforeValidator(number)] = Field(
        default=60.0, ge=5, le=3_600, description="without a word from the market stream for so long it is not well"
    )
    unrest_s_max: Annotated[float, BeforeValidator(number)] = Field(
        default=10.0, ge=1, le=600, description="with a position not covered, or worked on, for so long it is not well"
    )
    notices_keep_days: Annotated[int, BeforeValidator(number)] = Field(
        default=90, ge=1, le=3_650, description="that what operators were told stays in the ledger"
    )
