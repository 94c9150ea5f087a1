"""Where spot is: beside the perpetuals of the same account, and never Binance itself when the testnet was asked for."""

from pathlib import Path

import pytest

from ratchet.cli.refusal import Refusal
from ratchet.cli.spot_settings import spot_settings

LOCAL = "http://127.0.0.1:8899"


@pytest.fixture(autouse=True)
def _keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RATCHET_EXCHANGE__API_KEY", "k" * 20)
    monkeypatch.setenv("RATCHET_EXCHANGE__API_SECRET", "s" * 20)


def at(monkeypatch: pytest.MonkeyPatch, http: str, ws: str) -> None:
    monkeypatch.setenv("RATCHET_EXCHANGE__HTTP_URL", http)
    monkeypatch.setenv("RATCHET_EXCHANGE__WS_URL", ws)


def test_without_an_address_it_is_that_of_the_mode() -> None:
    assert spot_settings("live").exchange.http_url is None  # the spot client knows Binance's own
    assert spot_settings("testnet").exchange.http_url == "https://demo-api.binance.com"
    assert spot_settings("paper").exchange.http_url is None


def test_where_the_perpetuals_address_is_named_spot_is_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, "https://fapi.binance.com", "wss://fstream.binance.com")
    assert spot_settings("live").exchange.http_url == "https://api.binance.com"
    at(monkeypatch, LOCAL, "ws://127.0.0.1:8899")
    assert spot_settings("paper").exchange.http_url == LOCAL


@pytest.mark.parametrize(
    ("http", "ws"),
    [
        ("api.binance.com", "example.org"),
        ("api1.binance.com", "example.org"),
        ("api-gcp.binance.com", "example.org"),
        ("fapi.binance.com", "example.org"),
        ("example.org", "stream.binance.com"),
        ("example.org", "ws-api.binance.com"),
    ],
)
def test_the_testnet_is_not_binance_itself(monkeypatch: pytest.MonkeyPatch, http: str, ws: str) -> None:
    at(monkeypatch, f"https://{http}", f"wss://{ws}")
    with pytest.raises(Refusal, match="the testnet is wanted"):
        spot_settings("testnet")
