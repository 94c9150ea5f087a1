import pytest

from ratchet.domain.symbol import ccxt_name, normalize


@pytest.mark.parametrize("text", ["BTC/USDC:USDC", "BTC/USDC", "BTCUSDC", "btc-usdc", "BTC_USDC", " btcusdc "])
def test_every_form_of_a_name_is_one_symbol(text: str) -> None:
    assert normalize(text) == "BTCUSDC"


@pytest.mark.parametrize("text", ["BTCUSDT", "BTC/USDT:USDT", "BTC/USDC:USDC-251226", "", "USDC", "BTC USDC"])
def test_what_is_not_a_usdc_perpetual_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a USDC perpetual"):
        normalize(text)


def test_ccxt_knows_the_perpetual_by_its_settlement() -> None:
    assert ccxt_name(normalize("1000PEPEUSDC")) == "1000PEPE/USDC:USDC"
