import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratchet.config.profile import profile_names
from ratchet.config.sections import BracketSettings, RiskLimits, UniverseSettings
from ratchet.config.settings import BadSettings, Settings, load_settings

KEY, SECRET = "public-key-abcdefgh", "private-secret-ijklmnop"
KEYS = {"RATCHET_EXCHANGE__API_KEY": KEY, "RATCHET_EXCHANGE__API_SECRET": SECRET}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(
    env: str = "",
    runtime: str | dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    overrides: dict[str, Any] | None = None,
) -> Settings:
    Path(".env").write_text(env, encoding="utf-8")
    if runtime is not None:
        Path("runtime.json").write_text(runtime if isinstance(runtime, str) else json.dumps(runtime), encoding="utf-8")
    return load_settings(environ=KEYS | (environ or {}), overrides=overrides)


def complaint(**written: Any) -> str:
    with pytest.raises(BadSettings) as bad:
        load(**written)
    # Nothing that was read may hang on the error and so get into a traceback.
    assert bad.value.__cause__ is None
    assert bad.value.__context__ is None or bad.value.__suppress_context__
    return str(bad.value)


def test_a_key_alone_is_enough_and_gives_the_balanced_profile() -> None:
    settings = load()
    assert settings.profile == "balanced"
    assert settings.exchange.http_url is None
    assert settings.exchange.api_key.get_secret_value() == KEY
    assert settings.risk == RiskLimits()
    assert settings.bracket == BracketSettings()
    assert settings.universe == UniverseSettings()
    assert [choice.name for choice in settings.strategies] == ["scalping_v1"]


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_is_whole_and_valid(name: str) -> None:
    settings = load(environ={"RATCHET_PROFILE": name})
    assert settings.profile == name
    for section in (settings.universe, settings.risk, settings.bracket):
        assert section.model_fields_set == set(type(section).model_fields), name


def test_profiles_order_themselves_by_risk() -> None:
    conservative, balanced, aggressive = (
        load(environ={"RATCHET_PROFILE": name}).risk for name in ("conservative", "balanced", "aggressive")
    )
    for limit in ("risk_per_trade_fraction", "open_positions_max", "day_loss_fraction_max", "leverage"):
        assert getattr(conservative, limit) < getattr(balanced, limit) < getattr(aggressive, limit)


def test_the_stronger_place_wins() -> None:
    env = "RATCHET_RISK__LEVERAGE=2\n"
    environ, runtime = {"RATCHET_RISK__LEVERAGE": "3"}, {"risk": {"leverage": 4}}
    overrides = {"risk": {"leverage": 6}}
    assert load().risk.leverage == 5
    assert load(env).risk.leverage == 2
    assert load(env, environ=environ).risk.leverage == 3
    assert load(env, runtime, environ).risk.leverage == 4
    assert load(env, runtime, environ, overrides).risk.leverage == 6


def test_a_profile_chosen_in_the_runtime_file_does_not_undo_what_the_environment_says() -> None:
    settings = load(environ={"RATCHET_RISK__LEVERAGE": "2"}, runtime={"profile": "aggressive"})
    assert (settings.profile, settings.risk.leverage, settings.risk.open_positions_max) == ("aggressive", 2, 5)


def test_an_env_file_may_have_comments_quotes_exports_foreign_variables_and_a_byte_order_mark() -> None:
    settings = load(
        "\ufeff# mine\r\n\r\nexport RATCHET_RISK__LEVERAGE='2' # low\r\nPATH_TO=there\r\nratchet_profile=conservative\n"
    )
    assert (settings.risk.leverage, settings.profile) == (2, "conservative")


@pytest.mark.parametrize("written", ["0.5,0.5", "[0.5, 0.5]", '["0.5","0.5"]', " 0.5 , 0.5 "])
def test_lists_in_variables(written: str) -> None:
    rungs = {"RATCHET_BRACKET__RUNG_FRACTIONS": "0.01,0.02", "RATCHET_BRACKET__RUNG_SHARES": written}
    assert load(environ=rungs).bracket.rung_shares == (Decimal("0.5"), Decimal("0.5"))


def test_money_is_exact() -> None:
    assert load(runtime='{"risk": {"day_loss_fraction_max": 0.1}}').risk.day_loss_fraction_max == Decimal("0.1")


def test_strategies_by_name_and_with_parameters() -> None:
    assert [one.name for one in load(environ={"RATCHET_STRATEGIES": "scalping_v1,mine.py"}).strategies] == [
        "scalping_v1",
        "mine.py",
    ]
    chosen = load(runtime={"strategies": [{"name": "mine.py", "parameters": {"period": 20}}]}).strategies
    assert chosen[0].parameters == {"period": 20}


BAD_ENV = [
    ("RATCHET_RISK__LEVERAGE 5", ".env line 1: NAME=value is wanted, with quotes closed where there are any"),
    ("\n# x\n\nnonsense", ".env line 4: NAME=value is wanted, with quotes closed where there are any"),
    ('RATCHET_PROFILE="balanced', ".env line 1: NAME=value is wanted, with quotes closed where there are any"),
    (
        "RATCHET_RISK_LEVERAGE=5",
        ".env line 1: RATCHET_RISK_LEVERAGE is not a setting; is RATCHET_RISK__LEVERAGE meant?",
    ),
    ("RATCHET_QQ=5", ".env line 1: RATCHET_QQ is not a setting"),
    ("RATCHET_RISK=5", ".env line 1: RATCHET_RISK is not a setting"),
    (
        "RACHET_RISK__LEVERAGE=5",
        ".env line 1: RACHET_RISK__LEVERAGE is not a setting; is RATCHET_RISK__LEVERAGE meant?",
    ),
    (
        "RATCHET_RISK__LEVERAGE=5\nRATCHET_RISK__LEVERAGE=6",
        ".env line 2: RATCHET_RISK__LEVERAGE is set a second time, the first is at .env line 1",
    ),
    (
        "RATCHET_PROFILE=balnced",
        ".env line 1: RATCHET_PROFILE is 'balnced', one of aggressive, balanced, conservative is wanted",
    ),
]


@pytest.mark.parametrize(("env", "said"), BAD_ENV)
def test_a_bad_env_file_is_one_line(env: str, said: str) -> None:
    assert complaint(env=env) == said


BAD_VALUES = [
    ("RISK__DAY_LOSS_FRACTION_MAX", "5", 'is "5", a fraction below 1 is wanted: 5 % is 0.05'),
    ("RISK__DAY_LOSS_FRACTION_MAX", "1", 'is "1", a fraction below 1 is wanted: 1 % is 0.01'),
    ("RISK__DAY_LOSS_FRACTION_MAX", "-0.05", 'is "-0.05", a fraction above 0 is wanted'),
    ("RISK__DAY_LOSS_FRACTION_MAX", "0", 'is "0", a fraction above 0 is wanted'),
    ("RISK__DAY_LOSS_FRACTION_MAX", "NaN", 'is "NaN", a finite number is wanted'),
    ("RISK__DAY_LOSS_FRACTION_MAX", "-Infinity", 'is "-Infinity", a finite number is wanted'),
    ("RISK__DAY_LOSS_FRACTION_MAX", "5%", 'is "5%", a number is wanted'),
    ("RISK__DAY_LOSS_FRACTION_MAX", "0,05", 'is "0,05", a number is wanted'),
    ("RISK__DAY_LOSS_FRACTION_MAX", "", 'is "", a number is wanted'),
    ("RISK__POSITION_NOTIONAL_FRACTION_MAX", "30", 'is "30", a fraction 1 or less is wanted: 30 % is 0.3'),
    ("RISK__LEVERAGE", "0", 'is "0", 1 or more is wanted'),
    ("RISK__LEVERAGE", "2.5", 'is "2.5", a whole number is wanted'),
    ("RISK__LEVERAGE", "lots", 'is "lots", a whole number is wanted'),
    ("RISK__LEVERAGE", "126", 'is "126", 50 or less is wanted'),
    ("UNIVERSE__VOLUME_QUOTE_MIN", "-1", 'is "-1", 0 or more is wanted'),
    ("UNIVERSE__VOLUME_QUOTE_MIN", "inf", 'is "inf", a finite number is wanted'),
    ("UNIVERSE__ATR_FRACTION_MAX", "nan", 'is "nan", a finite number is wanted'),
    ("UNIVERSE__WHITELIST", "BTC/USDC", '[0] is "BTC/USDC", a symbol or pattern like BTCUSDC or 1000* is wanted'),
    ("BRACKET__RUNG_FRACTIONS", "0.4,x,1", '[1] is "x", a number is wanted (and 1 more)'),
    ("BRACKET__RUNG_FRACTIONS", "", 'is "", at least one is wanted'),
    ("BRACKET__RUNG_SHARES", "[0.5", 'is "[0.5", a list is wanted: a,b or a JSON list'),
    ("BRACKET__RUNG_SHARES", "0.5,0.3,0.3", "is [0.5, 0.3, 0.3], shares of 1 in all are wanted, not 1.1"),
    ("BRACKET__HOLD_MINUTES_MAX", "0", 'is "0", 1 or more is wanted'),
    ("EXCHANGE__API_KEY", "", "is empty, a key as Binance shows it is wanted: letters and digits, nothing around them"),
    ("EXCHANGE__RECV_WINDOW_MS", "0", 'is "0", 1 or more is wanted'),
    ("EXCHANGE__HTTP_URL", "", 'is "", an address like https://host or http://127.0.0.1:8080 is wanted'),
    ("EXCHANGE__HTTP_URL", "ftp://x", 'is "ftp://x", an address like https://host or http://127.0.0.1:8080 is wanted'),
    ("EXCHANGE__HTTP_URL", "http://x.org", 'is "http://x.org", https:// is wanted: http:// only goes to this machine'),
    ("EXCHANGE__RATE_LIMIT", "maybe", 'is "maybe", true or false is wanted'),
    ("LEDGER__URL", "ratchet.db", 'is "ratchet.db", an address like sqlite+aiosqlite:///var/ratchet.db is wanted'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "said"), BAD_VALUES)
def test_a_bad_value_is_one_line(name: str, value: str, said: str) -> None:
    between = "" if said.startswith("[") else " "
    assert complaint(environ={f"RATCHET_{name}": value}) == f"environment: RATCHET_{name}{between}{said}"


BAD_RUNTIME = [
    ("{", "runtime.json line 1: not JSON at column 2: expecting property name enclosed in double quotes"),
    ("[]", 'runtime.json: a JSON object is wanted: {"risk": {"leverage": 3}}'),
    ("[" * 100_000, "runtime.json: not JSON that settings can be read from"),
    ('{"risk": {"leverage": ' + "9" * 5_000 + "}}", "runtime.json: not JSON that settings can be read from"),
    ('{"risk": {"leverge": 3}}', "runtime.json: 'risk.leverge' is not a setting here; is risk.leverage meant?"),
    ('{"rsk": {"leverage": 3}}', "runtime.json: 'rsk' is not a setting here"),
    ('{"risk": 5}', "runtime.json: risk is one value, a table of settings is wanted"),
    ('{"risk": {"leverage": 3, "leverage": 4}}', "runtime.json: 'leverage' is set twice in one table"),
    ('{"risk": {"leverage": true}}', "runtime.json: risk.leverage is true, a number is wanted"),
    ('{"risk": {"leverage": null}}', "runtime.json: risk.leverage is null, a whole number is wanted"),
    ('{"risk": {"leverage": NaN}}', "runtime.json: NaN is not a number, a finite number is wanted"),
    ('{"risk": {"leverage": {"a": 1}}}', 'runtime.json: risk.leverage is {"a": 1}, a whole number is wanted'),
    ('{"risk": {"leverage": "a\\nb"}}', 'runtime.json: risk.leverage is "a\\nb", a whole number is wanted'),
    ('{"profile": 5}', "runtime.json: profile is 5, one of aggressive, balanced, conservative is wanted"),
    ('{"profile": [1]}', "runtime.json: profile is [1], one of aggressive, balanced, conservative is wanted"),
    ('{"strategies": []}', "runtime.json: strategies is [], at least one is wanted"),
    ('{"strategies": 5}', "runtime.json: strategies is 5, a list is wanted"),
    ('{"strategies": [{"parameters": {}}]}', "runtime.json: strategies[0].name is missing"),
    ('{"strategies": [{"name": "x", "oops": 1}]}', "runtime.json: strategies[0].oops is not a setting"),
    ('{"exchange": {}}', "runtime.json: exchange is not taken from here, set it in .env or the environment"),
    (
        '{"bracket": {"rung_shares": [0.5, 0.5]}}',
        "runtime.json: bracket.rung_shares is [0.5, 0.5], one share for each of 3 rungs is wanted"
        " (bracket.rung_fractions stands in profile balanced)",
    ),
    (
        '{"bracket": {"rung_fractions": [0.008, 0.004, 0.012]}}',
        "runtime.json: bracket.rung_fractions is [0.008, 0.004, 0.012], each above the one before it is wanted",
    ),
    (
        '{"risk": {"leverage": 50}}',
        "profile balanced: bracket.stop_fraction is 0.02, at most 0.016 is wanted at leverage 50,"
        " or liquidation comes before the stop (risk.leverage stands in runtime.json)",
    ),
    (
        '{"universe": {"symbols_min": 40}}',
        "profile balanced: universe.symbols_max is 35, at least 40 is wanted"
        " (universe.symbols_min stands in runtime.json)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("runtime", "said"), BAD_RUNTIME)
def test_a_bad_runtime_file_is_one_line(runtime: str, said: str) -> None:
    assert complaint(runtime=runtime) == said


def test_files_that_are_no_text() -> None:
    Path("runtime.json").write_bytes(b"\xff\xfe")
    assert complaint() == "runtime.json: byte 0 is not UTF-8, a text file in UTF-8 is wanted"
    Path("runtime.json").unlink()
    Path("runtime.json").mkdir()
    assert complaint().startswith("runtime.json: cannot be read: ")


def test_a_missing_key_is_named_by_its_variable() -> None:
    with pytest.raises(BadSettings, match=r"^environment or \.env: RATCHET_EXCHANGE__API_SECRET is missing$"):
        load_settings(environ={"RATCHET_EXCHANGE__API_KEY": KEY})


def test_one_address_of_two_is_refused() -> None:
    said = complaint(environ={"RATCHET_EXCHANGE__HTTP_URL": "http://127.0.0.1:1"})
    assert said.startswith("environment or .env: RATCHET_EXCHANGE__WS_URL is null, both addresses or none are wanted")


@pytest.mark.parametrize(
    "written",
    [
        {"env": f"RATCHET_EXCHANGE__API_SECRET {SECRET}"},
        {"env": SECRET},
        {"env": f"RATCHET_EXCHANGE__API_SECRT={SECRET}"},
        {"environ": {"RATCHET_EXCHANGE__API_SECRT": SECRET}},
        {"environ": {"RATCHET_EXCHANGE__API_SECRET": f" {SECRET}"}},
        {"environ": {"RATCHET_EXCHANGE__HTTP_URL": SECRET}},
        {"runtime": {"exchange": {"api_secret": SECRET}}},
        {"overrides": {"exchange": {"api_secret": f"{SECRET}\n"}}},
        {"environ": {"RATCHET_LEDGER__URL": f"postgresql://me:{SECRET}@host/db"}},
    ],
)
def test_no_complaint_shows_a_secret(written: dict[str, Any]) -> None:
    assert SECRET not in complaint(**written)


def test_settings_do_not_show_their_secrets() -> None:
    settings = load()
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert settings.secrets() == (KEY, SECRET)


def settings_or_one_line(**written: Any) -> bool:
    """Whether there are settings; a complaint of more than one line, or any other error, fails the test."""
    said = ""
    try:
        load(**written)
    except BadSettings as bad:
        said = str(bad)
    assert len(said.splitlines()) <= 1
    return not said


@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_whatever_is_written_as_leverage_is_taken_or_one_line(value: str) -> None:
    settings_or_one_line(environ={"RATCHET_RISK__LEVERAGE": value})


_NAMES = st.sampled_from(["risk", "leverage", "profile", "strategies", "universe", "whitelist", "name"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(_NAMES, inner),
)


@given(text=st.text(st.characters(exclude_categories=["Cs"])) | _JSON.map(json.dumps))
def test_whatever_stands_in_the_runtime_file_is_taken_or_one_line(text: str) -> None:
    settings_or_one_line(runtime=text)


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_stands_in_the_env_file_is_taken_or_one_line(text: str) -> None:
    settings_or_one_line(env=text)


def test_the_properties_above_do_see_settings_that_are_taken() -> None:
    assert settings_or_one_line(environ={"RATCHET_RISK__LEVERAGE": "3"})
    assert not settings_or_one_line(environ={"RATCHET_RISK__LEVERAGE": "300"})
