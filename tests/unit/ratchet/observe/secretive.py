"""Settings of which every secret is set to something recognisable."""

from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from ratchet.config.entry import Path
from ratchet.config.settings import Settings, secret_paths
from ratchet.observe.redaction import PIECE_LENGTH

ODD = '/+=%"&\\'  # what URLs, JSON and representations write differently


@dataclass(frozen=True)
class Secretive:
    """The settings, and what must never be seen."""

    settings: Settings
    secrets: tuple[str, ...]

    def seen_in(self, text: str) -> list[str]:
        """Secrets of which the text shows a recognisable piece, in any writing."""
        return [
            each
            for each in self.secrets
            if any(
                form[at : at + PIECE_LENGTH] in text
                for form in (each, quote(each, safe=""), quote_plus(each))
                for at in range(len(form) - PIECE_LENGTH + 1)
            )
        ]


def secretive() -> Secretive:
    """Every `SecretStr` that the settings have, whichever they are."""
    values = {path: _value(path, number) for number, path in enumerate(sorted(secret_paths(Settings)))}
    tree: dict[str, dict[str, str]] = {}
    for (section, name), value in values.items():
        tree.setdefault(section, {})[name] = value
    return Secretive(Settings.model_validate(tree), tuple(values.values()))


def _value(path: Path, number: int) -> str:
    letters = "".join(chr(ord("A") + (number * 7 + at * 5 + at // 26) % 26) for at in range(40))
    if path[-1].endswith("token"):
        return f"{1_234_567 + number}:{letters}"
    return f"{letters}{ODD}{number}{letters[::-1]}"
