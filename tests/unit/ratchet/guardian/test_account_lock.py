from pathlib import Path

from ratchet.config.exchange_settings import ExchangeSettings
from ratchet.guardian.account_lock import AccountLock, lock_of


def an_account(key: str = "a-key-of-the-test", port: int = 1) -> ExchangeSettings:
    url = f"127.0.0.1:{port}"
    return ExchangeSettings(http_url=f"http://{url}", ws_url=f"ws://{url}", api_key=key, api_secret="a-secret")


def test_one_holds_it_and_the_next_one_gets_it_when_it_is_released(tmp_path: Path) -> None:
    first, second = AccountLock(tmp_path / "deep" / "lock"), AccountLock(tmp_path / "deep" / "lock")
    assert first.try_take()
    assert not second.try_take()
    assert first.try_take()
    first.release()
    assert second.try_take()
    second.release()


def test_each_account_has_its_own_and_its_name_tells_no_key(tmp_path: Path) -> None:
    accounts = [an_account(), an_account(key="another-key"), an_account(port=2)]
    files = [lock_of(each, {"XDG_STATE_HOME": str(tmp_path)}).file for each in accounts]
    assert len(set(files)) == 3
    assert all(file.is_relative_to(tmp_path) and "key" not in file.name for file in files)
    assert lock_of(an_account(), {"XDG_STATE_HOME": str(tmp_path)}).file == files[0]


def test_without_a_state_folder_it_is_below_the_users_own(tmp_path: Path) -> None:
    assert lock_of(an_account(), {}).file.is_relative_to(Path.home())
