"""Listen keys: one living key an account, an hour each, by the exchange's clock."""

import pytest

from localbinance.rules.rejection import Rejection
from localbinance.server.listen_keys import LISTEN_KEY_LENGTH, LISTEN_KEY_MS, ListenKeys
from localbinance.server.stream_names import Kind, parse_stream

NOW_MS = 1_750_000_000_000


def unknown() -> pytest.RaisesExc[Rejection]:
    return pytest.RaisesExc(Rejection, check=lambda no: no.code == -1125)


def test_a_key_looks_like_binances_and_opens_its_accounts_stream() -> None:
    keys = ListenKeys()
    key = keys.open("a", NOW_MS)
    assert (len(key), key.isalnum()) == (LISTEN_KEY_LENGTH, True)
    stream = parse_stream(key)
    assert stream is not None
    assert stream.kind is Kind.USER
    assert (keys.account_of(key, NOW_MS), keys.key_of("a", NOW_MS)) == ("a", key)
    assert keys.open("b", NOW_MS) != key


def test_asking_again_gives_the_same_key_and_begins_its_hour_anew() -> None:
    keys = ListenKeys()
    key = keys.open("a", NOW_MS)
    assert keys.open("a", NOW_MS + 1_000) == key
    assert keys.account_of(key, NOW_MS + LISTEN_KEY_MS) == "a"
    assert keys.account_of(key, NOW_MS + LISTEN_KEY_MS + 1_000) is None


def test_a_key_lives_an_hour_unless_extended() -> None:
    keys = ListenKeys()
    key = keys.open("a", NOW_MS)
    assert keys.extend("a", NOW_MS + LISTEN_KEY_MS - 1) == key
    assert keys.expire(NOW_MS + LISTEN_KEY_MS) == []
    assert keys.expire(NOW_MS + 2 * LISTEN_KEY_MS - 1) == [(key, "a")]
    assert keys.account_of(key, NOW_MS) is None
    with unknown():
        keys.extend("a", NOW_MS + 2 * LISTEN_KEY_MS)


def test_an_expired_key_that_nobody_has_taken_out_yet_is_dead_already() -> None:
    keys = ListenKeys()
    key = keys.open("a", NOW_MS)
    late_ms = NOW_MS + LISTEN_KEY_MS
    assert (keys.key_of("a", late_ms), keys.account_of(key, late_ms)) == (None, None)
    with unknown():
        keys.extend("a", late_ms)
    fresh = keys.open("a", late_ms)
    assert fresh != key
    assert keys.expire(late_ms) == [(key, "a")]
    assert keys.key_of("a", late_ms) == fresh, "the end of the old key is not the end of the new one"


def test_a_closed_key_is_dead_and_closing_twice_is_no_fault() -> None:
    keys = ListenKeys()
    key = keys.open("a", NOW_MS)
    assert keys.close("a") == key
    assert keys.close("a") is None
    assert keys.account_of(key, NOW_MS) is None
    with unknown():
        keys.extend("a", NOW_MS)
