"""The settings: `.env` and environment over a profile, and what an operator changed last over both."""

import os
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path as FilePath
from typing import Annotated, Any, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)

from ratchet.config.api_secret import ALTERNATIVES, SECRET_FILE, exposure
from ratchet.config.bad_settings import BadSettings
from ratchet.config.complaint import complaint
from ratchet.config.control_settings import ControlSettings
from ratchet.config.entry import Entries, Path, dotted, entries_of, tree_of
from ratchet.config.environment import read_env_file, read_environment
from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.config.guard_settings import GuardSettings
from ratchet.config.mode import Mode
from ratchet.config.observe_settings import ObserveSettings
from ratchet.config.profile import DEFAULT, read_profile
from ratchet.config.protection_settings import ProtectionSettings
from ratchet.config.rebound_settings import ReboundSettings
from ratchet.config.runtime import read_runtime
from ratchet.config.sections import (
    BracketSettings,
    LedgerSettings,
    RiskLimits,
    Section,
    StrategyChoice,
    UniverseSettings,
    conflict,
    filled,
    listed,
)
from ratchet.config.telegram_settings import TelegramSettings
from ratchet.config.why_settings import WhySettings

__all__ = [
    "BadSettings",
    "BracketSettings",
    "ExchangeSettings",
    "GuardSettings",
    "LedgerSettings",
    "ObserveSettings",
    "ProtectionSettings",
    "ReboundSettings",
    "RiskLimits",
    "Settings",
    "StrategyChoice",
    "TelegramSettings",
    "UniverseSettings",
    "WhySettings",
    "load_settings",
]

MARGIN_FRACTION_LOST_MAX = Decimal("0.8")  # by a stop: beyond it the exchange may liquidate before the stop is reached


class Settings(Section):
    """All settings. Each part is handed its own section."""

    mode: Mode = Field(
        default=Mode.PAPER, description="paper, testnet or live; live wants a word on the command line too"
    )
    profile: str = Field(default=DEFAULT, description="a whole set of trading settings under one name")
    exchange: ExchangeSettings
    universe: UniverseSettings = Field(default_factory=UniverseSettings)
    strategies: Annotated[tuple[StrategyChoice, ...], BeforeValidator(listed), AfterValidator(filled)] = Field(
        default=(StrategyChoice(name="scalping_v1"),), description="each is asked for signals at every closed candle"
    )
    risk: RiskLimits = Field(default_factory=RiskLimits)
    bracket: BracketSettings = Field(default_factory=BracketSettings)
    protection: ProtectionSettings = Field(default_factory=ProtectionSettings)
    guard: GuardSettings = Field(default_factory=GuardSettings)
    rebound: ReboundSettings = Field(default_factory=ReboundSettings)
    ledger: LedgerSettings = Field(default_factory=LedgerSettings)
    why: WhySettings = Field(default_factory=WhySettings)
    telegram: TelegramSettings = Field(default_factory=TelegramSettings)
    control: ControlSettings = Field(default_factory=ControlSettings)
    observe: ObserveSettings = Field(default_factory=ObserveSettings)
    log_dir: FilePath = FilePath("var/log")
    _warnings: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="after")
    def _stop_before_liquidation(self) -> Self:
        if self.bracket.stop_fraction * self.risk.leverage > MARGIN_FRACTION_LOST_MAX:
            most = (MARGIN_FRACTION_LOST_MAX / self.risk.leverage).normalize()
            wanted = (
                f"at most {most:f} is wanted at leverage {self.risk.leverage}, or liquidation comes before the stop"
            )
            raise conflict("bracket.stop_fraction", self.bracket.stop_fraction, wanted, "risk.leverage")
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should be mended though it can be used, one line each: for whoever starts with these settings."""
        return self._warnings

    def secrets(self) -> tuple[str, ...]:
        """The values that must never be shown, for redaction."""
        return tuple(secret.get_secret_value() for secret in _secrets_in(self))


def load_settings(
    *,
    env_file: FilePath | str = ".env",
    runtime_file: FilePath | str = "runtime.json",
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings, the stronger over the weaker.

    1. the profile (`profile`, "balanced" if nobody says) gives the trading settings;
    2. `.env`, and over it the environment: variables like RATCHET_RISK__LEVERAGE, lists as `a,b` or JSON;
    3. the runtime file, which holds what an operator changed last (trading settings only, no keys or addresses);
    4. `overrides`, from the command line.

    Args: env_file, runtime_file, which need not exist; environ, the process's environment unless given; overrides,
        a tree such as {"risk": {"leverage": 3}}; defaults, a tree of what holds where nobody says.
    Raises: BadSettings, one line on the first thing that is wrong.
    """
    known = setting_paths(Settings)
    spoken = read_env_file(FilePath(env_file), known)
    spoken = _over(spoken, read_environment(os.environ if environ is None else environ, known))
    spoken |= read_runtime(FilePath(runtime_file), known)
    spoken = _over(spoken, entries_of(overrides or {}, "command line", known))
    unspoken = entries_of(defaults or {}, "default", known)
    return _validated(_over(unspoken | read_profile(spoken.get(("profile",)), known), spoken))


def _over(weaker: Entries, stronger: Entries) -> Entries:
    """The stronger over the weaker. Of a secret and a file with it only what the stronger says is left."""
    replaced = {(*path[:-1], ALTERNATIVES[path[-1]]) for path in stronger if path[-1] in ALTERNATIVES}
    return {path: entry for path, entry in weaker.items() if path not in replaced} | stronger


def _validated(entries: Entries) -> Settings:
    try:
        settings = Settings.model_validate({"exchange": {}} | tree_of(entries))
    except ValidationError as error:
        found = error
    else:
        settings._warnings = tuple(_exposures(entries))
        return settings
    # Raised outside of the handler: the error that is left behind holds the secrets that were read.
    raise complaint(found, entries, secret_paths(Settings))


def _exposures(entries: Entries) -> Iterator[str]:
    """Files with secrets that others may read. Which files there were is not in the settings any more."""
    for path, entry in entries.items():
        if path[-1] == SECRET_FILE and (wrong := exposure(FilePath(str(entry.value)))):
            yield f"{dotted(path)} is {entry.value}: {wrong}"


def setting_paths(model: type[BaseModel]) -> frozenset[Path]:
    """The path of every single setting: ("risk", "leverage")."""
    return frozenset(path for path, _ in _settings_in(model, ()))


def secret_paths(model: type[BaseModel]) -> frozenset[Path]:
    """The settings whose values are never shown."""
    return frozenset(path for path, kind in _settings_in(model, ()) if _is_secret(kind))


def _secrets_in(model: BaseModel) -> Iterator[SecretStr]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretStr):
            yield value
        elif isinstance(value, BaseModel):
            yield from _secrets_in(value)


def _is_secret(kind: object) -> bool:
    return kind is SecretStr or SecretStr in get_args(kind)


def _settings_in(model: type[BaseModel], above: Path) -> Iterator[tuple[Path, object]]:
    for name, field in model.model_fields.items():
        kind: object = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _settings_in(kind, (*above, name))
        else:
            yield (*above, name), kind
