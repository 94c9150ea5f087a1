"""The ledger that a question is about: a file that is named, that of the settings, or the newest of a mode."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ratchet.cli.refusal import Refusal
from ratchet.cli.trading_venue import VAR, venue_settings
from ratchet.config.sections import SQLITE
from ratchet.ledger.ledger import Ledger

FILE_NAME = "ledger.db"


@asynccontextmanager
async def ledger_to_read(file: Path | None, mode: str | None) -> AsyncIterator[Ledger]:
    """Open it, while a trader writes to it or after. Raises: Refusal, BadSettings, LedgerError."""
    found = _named(file) if file is not None else _of_mode(mode)
    ledger = await Ledger.open(f"{SQLITE}{found}")
    try:
        yield ledger
    finally:
        await ledger.close()


def _named(file: Path) -> Path:
    if not file.is_file():
        raise Refusal(f"{file} is not there: name a ledger, such as var/paper/{FILE_NAME}")
    return file


def _of_mode(mode: str | None) -> Path:
    settings = venue_settings(mode)
    if "url" in settings.ledger.model_fields_set:
        return _named(Path(settings.ledger.url.removeprefix(SQLITE)))
    folder = VAR / settings.mode
    # A trader with an exchange of its own has a folder of its own.
    files = [*folder.glob(FILE_NAME), *folder.glob(f"*/{FILE_NAME}")]
    if not files:
        raise Refusal(f"there is no ledger in {folder}: trade first, name another mode, or a file with --ledger")
    return max(files, key=lambda each: each.stat().st_mtime_ns)
