"""Money as text."""

from decimal import Decimal

import pytest

from ratchet.domain.money import plain


@pytest.mark.parametrize(
    ("value", "text"), [("0.0100", "0.01"), ("1E+2", "100"), ("0.000", "0"), ("-0", "0"), ("-0.50", "-0.5")]
)
def test_a_value_is_told_without_exponent_trailing_zeros_or_a_sign_of_nothing(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text
