"""What `ratchet trade` refuses before anything is started, and where each mode goes."""

from pathlib import Path

import pytest

from ratchet.cli.doctor import as_json as report_as_json
from ratchet.cli.refusal import Refusal
from ratchet.cli.trade import trade
from ratchet.cli.trading_venue import trading_venue, venue_settings
from ratchet.config.mode import TESTNET_HTTP, TESTNET_WS, Mode
from ratchet.config.settings import BadSettings
from ratchet.domain.symbol import Symbol
from ratchet.trading.start.preflight import Report, failed, passed

KEYS = {"RATCHET_EXCHANGE__API_KEY": "k" * 20, "RATCHET_EXCHANGE__API_SECRET": "s" * 20}
LOCAL = {
    "RATCHET_EXCHANGE__HTTP_URL": "http://127.0.0.1:8899",
    "RATCHET_EXCHANGE__WS_URL": "ws://127.0.0.1:8899",
}
BINANCE = {
    "RATCHET_EXCHANGE__HTTP_URL": "https://fapi.binance.com",
    "RATCHET_EXCHANGE__WS_URL": "wss://fstream.binance.com",
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def set_variables(monkeypatch: pytest.MonkeyPatch, *groups: dict[str, str]) -> None:
    for group in groups:
        for name, value in group.items():
            monkeypatch.setenv(name, value)


def test_it_is_paper_unless_somebody_says_otherwise() -> None:
    settings = venue_settings(None)
    assert (settings.mode, settings.exchange.http_url) == (Mode.PAPER, None)


def test_live_wants_the_word_on_the_command_line_too(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, KEYS, {"RATCHET_MODE": "live"})
    with pytest.raises(Refusal, match="say --live as well"):
        trade()
    with pytest.raises(Refusal, match="say --live as well"):
        trade(mode="live")


@pytest.mark.parametrize("mode", [None, "paper", "testnet"])
def test_the_word_alone_trades_nowhere(monkeypatch: pytest.MonkeyPatch, mode: str | None) -> None:
    set_variables(monkeypatch, KEYS)
    with pytest.raises(Refusal, match="say --mode live as well"):
        trade(mode=mode, live=True)


def test_a_mode_that_is_none_is_said_in_one_line() -> None:
    with pytest.raises(Refusal, match="'paper', 'testnet' or 'live' is wanted") as refused:
        trade(mode="real")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("mode", ["testnet", "live"])
def test_keys_of_ones_own_are_wanted_beyond_this_machine(mode: str) -> None:
    with pytest.raises(BadSettings, match="RATCHET_EXCHANGE__API_KEY is missing"):
        venue_settings(mode)


def test_the_testnet_is_where_it_is_unless_an_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, KEYS)
    exchange = venue_settings("testnet").exchange
    assert (exchange.http_url, exchange.ws_url) == (TESTNET_HTTP, TESTNET_WS)
    set_variables(monkeypatch, LOCAL)
    assert venue_settings("testnet").exchange.http_url == LOCAL["RATCHET_EXCHANGE__HTTP_URL"]


def test_neither_paper_nor_the_testnet_goes_to_binance_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, KEYS, BINANCE)
    with pytest.raises(Refusal, match="paper trades on this machine only"):
        venue_settings("paper")
    with pytest.raises(Refusal, match="take it out"):
        venue_settings("testnet")
    assert venue_settings("live").exchange.http_url == BINANCE["RATCHET_EXCHANGE__HTTP_URL"]


def test_paper_goes_to_the_local_exchange_that_is_named_with_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, LOCAL)
    exchange = venue_settings(None).exchange
    assert (exchange.http_url, exchange.api_key.get_secret_value()) == ("http://127.0.0.1:8899", "local-key")


async def test_each_mode_has_a_ledger_of_its_own_unless_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch, KEYS, LOCAL)
    for mode in ("paper", "testnet", "live"):
        async with trading_venue(venue_settings(mode)) as venue:
            assert venue.ledger_url == f"sqlite+aiosqlite:///var/{mode}/ledger.db"
    set_variables(monkeypatch, {"RATCHET_LEDGER__URL": "sqlite+aiosqlite:///mine.db"})
    async with trading_venue(venue_settings("testnet")) as venue:
        assert venue.ledger_url == "sqlite+aiosqlite:///mine.db"


def test_a_report_has_passed_when_everything_has_and_names_the_first_thing_that_has_not() -> None:
    checks = (passed("key", "may trade"), failed("balance", "3 USDC", "pay in"), failed("symbols", "none", "widen"))
    assert Report(checks=checks).line == "balance: 3 USDC; pay in"
    assert not Report(checks=checks).passed
    assert Report(checks=checks[:1]).passed
    told = report_as_json(Report(checks=checks[:1], refused=((Symbol("SOLUSDC"), "capped"),)))
    assert told == {
        "passed": True,
        "checks": [{"name": "key", "verdict": "passed", "seen": "may trade", "mend": ""}],
        "refused": {"SOLUSDC": "capped"},
    }
