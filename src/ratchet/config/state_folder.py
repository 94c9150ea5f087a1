"""The state folder: where what belongs to a user of this machine, and to no single process, is kept."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def state_folder(environ: Mapping[str, str]) -> Path:
    """By the XDG base directory specification. There a ban is known after a restart of the machine too."""
    state = environ.get("XDG_STATE_HOME")
    try:
        return (Path(state) if state else Path.home() / ".local" / "state") / "ratchet"
    except RuntimeError:  # a user without a home
        return Path(tempfile.gettempdir()) / f"ratchet-{os.getpid()}"
