"""Who is let in: the key, the signature over what was sent, the time window."""

from decimal import Decimal
from urllib.parse import urlencode

import pytest

from localbinance.rules.rejection import Rejection
from localbinance.server.api_key import Ed25519Key, HmacKey, PublicKey, RsaKey
from localbinance.server.parameters import Parameters
from localbinance.server.security import Account, Gate, Registered, registered, sign, signed_bytes
from tests.private_keys import ed25519_signature, private_ed25519, private_rsa, rsa_signature

KEY, SECRET, NOW_MS = "key", "secret", 1_750_000_000_000
ED25519, RSA = "ed25519-key", "rsa-key"
KEYS = {KEY: Registered(KEY, HmacKey(SECRET.encode()))}


def admit(
    query: str = f"symbol=BTCUSDC&timestamp={NOW_MS}",
    form: str = "",
    *,
    gate: Gate | None = None,
    key: str | None = KEY,
    secret: str = SECRET,
    now_ms: int = NOW_MS,
) -> str:
    """Sign as a client does, and knock."""
    signature = "signature=" + sign(secret, (query + form).encode())
    query, form = (query, f"{form}&{signature}") if form else (f"{query}&{signature}", "")
    gate = gate or Gate(KEYS)
    return gate.admit(key, Parameters.read(query, form), query, form, now_ms)


def at(offset_ms: int, *, window_ms: int | None = None) -> str:
    return f"timestamp={NOW_MS + offset_ms}" + ("" if window_ms is None else f"&recvWindow={window_ms}")


def refused(code: int) -> pytest.RaisesExc[Rejection]:
    return pytest.RaisesExc(Rejection, check=lambda no: no.code == code)


def test_who_signs_what_was_sent_is_let_in() -> None:
    assert admit() == KEY
    assert admit("", f"symbol=BTCUSDC&timestamp={NOW_MS}") == KEY
    assert admit("symbol=BTCUSDC", f"timestamp={NOW_MS}") == KEY


def test_the_example_of_binances_documentation_has_its_signature() -> None:
    payload = (
        b"symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        b"&timestamp=1591702613943"
    )
    secret = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"  # the documentation's own
    assert sign(secret, payload) == "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


def test_the_signature_covers_query_then_form_wherever_it_stands_itself() -> None:
    assert signed_bytes("a=1&signature=f00", "b=2") == b"a=1b=2"
    assert signed_bytes("signature=f00&a=1", "") == b"a=1"
    assert signed_bytes("a=1", "b=2&signature=f00&c=3") == b"a=1b=2&c=3"


def test_a_signature_may_be_in_capitals() -> None:
    query = at(0)
    full = f"{query}&signature={sign(SECRET, query.encode()).upper()}"
    assert Gate(KEYS).admit(KEY, Parameters.read(full), full, "", NOW_MS) == KEY


def gate_of_three_keys() -> Gate:
    public_keys: dict[str, PublicKey] = {
        ED25519: Ed25519Key(private_ed25519().public_key()),
        RSA: RsaKey(private_rsa().public_key()),
    }
    return Gate(registered({KEY: Account(SECRET, {}, public_keys=public_keys)}))


def signed_by(key: str, query: str) -> str:
    """The query with what the owner of the key signs it with."""
    sign_of = {KEY: lambda payload: sign(SECRET, payload), ED25519: ed25519_signature, RSA: rsa_signature}[key]
    return f"{query}&{urlencode({'signature': sign_of(query.encode())})}"


@pytest.mark.parametrize("key", [KEY, ED25519, RSA])
def test_an_account_is_known_by_each_of_its_keys(key: str) -> None:
    full = signed_by(key, at(0))
    assert gate_of_three_keys().admit(key, Parameters.read(full), full, "", NOW_MS) == KEY
    assert gate_of_three_keys().account_of(key) == KEY


@pytest.mark.parametrize("key", [KEY, ED25519, RSA])
@pytest.mark.parametrize("signer", [KEY, ED25519, RSA])
def test_one_key_does_not_sign_for_another(key: str, signer: str) -> None:
    if key != signer:
        full = signed_by(signer, at(0))
        with refused(-1022):
            gate_of_three_keys().admit(key, Parameters.read(full), full, "", NOW_MS)


@pytest.mark.parametrize("key", [KEY, RSA])
def test_only_an_ed25519_key_logs_on(key: str) -> None:
    gate = gate_of_three_keys()
    full = signed_by(ED25519, at(0))
    assert gate.log_on(ED25519, Parameters.read(full), full, NOW_MS) == KEY
    full = signed_by(key, at(0))
    with refused(-2028):
        gate.log_on(key, Parameters.read(full), full, NOW_MS)
    with refused(-1022):
        gate.log_on(key, Parameters.read(full + "0"), full, NOW_MS)


@pytest.mark.parametrize(("key", "code"), [(None, -2014), ("", -2014), ("stranger", -2015)])
def test_strangers_are_told_apart_from_the_keyless(key: str | None, code: int) -> None:
    with refused(code):
        admit(key=key)


def test_a_wrong_secret_is_refused() -> None:
    with refused(-1022):
        admit(secret="guess")


def test_a_changed_parameter_is_refused() -> None:
    signature = sign(SECRET, at(0).encode())
    query = f"{at(0)}&quantity=9&signature={signature}"
    with refused(-1022):
        Gate(KEYS).admit(KEY, Parameters.read(query), query, "", NOW_MS)


def test_without_timestamp_or_signature_nobody_is_let_in() -> None:
    with refused(-1102):
        admit("symbol=BTCUSDC")
    with refused(-1102):
        Gate(KEYS).admit(KEY, Parameters.read(at(0)), at(0), "", NOW_MS)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (at(-5_000), None),
        (at(-5_001), -1021),
        (at(-5_001, window_ms=6_000), None),
        (at(-1, window_ms=0), -1021),
        (at(999), None),
        (at(1_000), -1021),
        (at(0, window_ms=60_000), None),
        (at(0, window_ms=60_001), -1131),
    ],
)
def test_the_window_of_time(query: str, code: int | None) -> None:
    if code is None:
        assert admit(query) == KEY
    else:
        with refused(code):
            admit(query)


def test_a_fast_exchange_stretches_both_allowances() -> None:
    fast = Gate(KEYS, time_scale=60)
    assert admit(at(-5_000 * 60), gate=fast) == KEY
    assert admit(at(999 * 60), gate=fast) == KEY
    with refused(-1021):
        admit(at(-5_000 * 60 - 1), gate=fast)
    with refused(-1021):
        admit(at(1_000 * 60), gate=fast)


def test_time_may_be_left_unchecked_but_not_the_windows_own_limit() -> None:
    timeless = Gate(KEYS, time_checked=False)
    assert admit(at(-(10**9)), gate=timeless) == KEY
    with refused(-1131):
        admit(at(0, window_ms=60_001), gate=timeless)


def test_an_account_does_not_print_its_secret() -> None:
    assert "hush" not in repr(Account("hush", {"USDC": Decimal(1)}))
