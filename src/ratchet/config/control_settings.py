"""The section of the settings about the door through which this machine's command line reaches a running trader."""

from pathlib import Path

from pydantic import Field

from ratchet.config.sections import Section


class ControlSettings(Section):
    """Where a running trader leaves word of its door."""

    file: Path | None = Field(
        default=None, description="with address and token of the door; none: control.json beside the ledger"
    )
