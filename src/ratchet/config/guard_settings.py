"""The guardian's section of the settings."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from ratchet.config.api_secret import usable_key, usable_secret, with_secret_read
from ratchet.config.sections import Section, conflict, number

MINUTES_OF_A_DAY = 1_440


def _key(value: SecretStr | None) -> SecretStr | None:
    return value if value is None else usable_key(value)


def _secret(value: SecretStr | None) -> SecretStr | None:
    return value if value is None else usable_secret(value)


class GuardSettings(Section):
    """How the guardian looks and how long it waits. Where it puts a stop is `bracket.stop_fraction`."""

    interval_s: Annotated[float, BeforeValidator(number)] = Field(
        default=1.0, ge=0.2, le=10, description="between two looks at the account"
    )
    grace_s: Annotated[float, BeforeValidator(number)] = Field(
        default=1.0, ge=0.2, le=10, description="how long a position may be without cover: the trader comes first"
    )
    trigger_patience_s: Annotated[float, BeforeValidator(number)] = Field(
        default=5.0, ge=1, le=60, description="how long a triggered stop may take before the position is closed"
    )
    idle_end_minutes: Annotated[float, BeforeValidator(number)] = Field(
        default=10.0,
        gt=0,
        le=MINUTES_OF_A_DAY,
        description="after so long with nothing held and its trader gone it ends; alone it never does",
    )
    api_key: Annotated[SecretStr | None, AfterValidator(_key)] = Field(
        default=None, description="a key of its own for the same account; none: the trader's"
    )
    api_secret: Annotated[SecretStr | None, AfterValidator(_secret)] = None
    api_secret_file: Path | None = Field(default=None, description="a file to read api_secret from, at the start")

    _read_secret = model_validator(mode="before")(with_secret_read)

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if (self.api_key is None) != (self.api_secret is None):
            key, other = ("api_secret", "api_key") if self.api_secret is None else ("api_key", "api_secret")
            raise conflict(key, None, f"both or none are wanted: {key} belongs to {other}", other)
        return self
