"""Telegram's settings: who may speak with the bot, and that its token is shown to nobody."""

from pathlib import Path

import pytest

from ratchet.config.settings import BadSettings, Settings, load_settings

TOKEN = "123456:AAE-one-token-for-the-tests-alone"
KEYS = {"RATCHET_EXCHANGE__API_KEY": "public-key", "RATCHET_EXCHANGE__API_SECRET": "private-secret"}


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(**written: str) -> Settings:
    return load_settings(environ=KEYS | {f"RATCHET_TELEGRAM__{name.upper()}": value for name, value in written.items()})


def complaint(**written: str) -> str:
    with pytest.raises(BadSettings) as bad:
        load(**written)
    return str(bad.value)


def test_without_a_token_it_is_off() -> None:
    assert load().telegram.token is None
    assert load().telegram.base_url == "https://api.telegram.org"


def test_the_token_is_a_secret_of_the_settings_and_shown_nowhere() -> None:
    settings = load(token=TOKEN)
    assert TOKEN in settings.secrets()
    assert TOKEN not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_the_companion_has_a_bot_of_its_own_and_the_same_chats() -> None:
    other = TOKEN.replace("123456", "654321")
    settings = load(token=TOKEN, rebound_token=other, operators="4711")
    assert {TOKEN, other} <= set(settings.secrets())
    mine = settings.telegram.of_companion
    assert (mine.token is not None and mine.token.get_secret_value(), mine.operators) == (other, (4711,))
    assert load(token=TOKEN).telegram.of_companion.token is None


def test_one_bot_is_not_given_to_both() -> None:
    said = complaint(token=TOKEN, rebound_token=TOKEN)
    assert "RATCHET_TELEGRAM__REBOUND_TOKEN" in said
    assert "another bot's is wanted" in said
    assert TOKEN not in said


@pytest.mark.parametrize("token", ["", "nonsense-without-a-number", f"{TOKEN} ", f"bot{TOKEN}", "1:short"])
def test_what_is_no_token_is_said_so_without_showing_it(token: str) -> None:
    said = complaint(token=token)
    assert "RATCHET_TELEGRAM__TOKEN" in said
    assert "@BotFather" in said
    assert not token or token.strip() not in said


@pytest.mark.parametrize(
    ("written", "chats"),
    [("4711", (4711,)), ("4711,-100123", (4711, -100123)), ("[4711, -100123]", (4711, -100123)), ("", ())],
)
def test_chats_are_written_as_a_list_of_numbers(written: str, chats: tuple[int, ...]) -> None:
    assert load(operators=written).telegram.operators == chats


def test_a_chat_has_one_role() -> None:
    assert complaint(operators="1,2", viewers="2,3") == (
        "environment: RATCHET_TELEGRAM__VIEWERS is [2, 3], chats that are not operators are wanted: 2 is one "
        "(RATCHET_TELEGRAM__OPERATORS stands in environment)"
    )


def test_a_name_is_not_a_chat() -> None:
    assert "a whole number is wanted" in complaint(viewers="@somebody")


@pytest.mark.parametrize("address", ["http://127.0.0.1:8081", "http://localhost:8081", "https://my.server/bots"])
def test_the_bot_api_may_be_elsewhere(address: str) -> None:
    assert load(base_url=address).telegram.base_url == address


def test_a_token_does_not_travel_unencrypted() -> None:
    assert "https:// is wanted" in complaint(base_url="http://api.telegram.org")


def test_telegram_is_not_set_by_the_runtime_file() -> None:
    Path("runtime.json").write_text('{"telegram": {"operators": [666]}}', encoding="utf-8")
    assert "telegram is not taken from here" in complaint()
