"""The text file: settings on disk, read whole."""

from pathlib import Path

from ratchet.config.bad_settings import BadSettings


def read_text(file: Path) -> str | None:
    """The text of a file in UTF-8, with or without a byte order mark; None if there is no such file.

    Raises: BadSettings if there is something that cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise BadSettings(str(file), f"byte {error.start} is not UTF-8, a text file in UTF-8 is wanted") from None
    except OSError as error:
        raise BadSettings(str(file), f"cannot be read: {error.strerror or type(error).__name__}") from None
