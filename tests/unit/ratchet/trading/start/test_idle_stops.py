"""Conditional orders that are there to be seen: they cover nothing, whoever looks."""

from decimal import Decimal

import pytest

from ratchet.domain.identity import IDLE_STOPS
from ratchet.domain.order import Side
from ratchet.guardian.sight import sight_of
from ratchet.trading.protection.ward import Ward
from tests.unit.ratchet.guardian.builders import SYMBOL, a_position, a_stop

SHORT = a_position("-10")


@pytest.mark.parametrize("prefix", IDLE_STOPS)
def test_an_idle_stop_protects_nothing_in_the_protectors_eyes(prefix: str) -> None:
    ward = Ward(symbol=SYMBOL, held=Decimal(-10))
    ward.on_stop(a_stop(f"{prefix}aaaa-1", side=Side.BUY, price="200", closes=True), 0.0)
    assert not ward.is_covered
    ward.on_stop(a_stop("rt-aaaa-1-stop0", side=Side.BUY, price="102"), 0.0)
    assert ward.is_covered


@pytest.mark.parametrize("prefix", IDLE_STOPS)
def test_an_idle_stop_protects_nothing_in_the_guardians_eyes(prefix: str) -> None:
    assert not sight_of(SHORT, [a_stop(f"{prefix}aaaa-1", side=Side.BUY, price="200", closes=True)]).is_covered
    assert sight_of(SHORT, [a_stop("rt-aaaa-1-stop0", side=Side.BUY, price="102")]).is_covered
