from ratchet.trading.protection.halts import Halts


def test_entries_are_halted_until_every_cause_is_lifted_by_its_own_name() -> None:
    halts = Halts()
    assert not halts
    halts.set("ledger", "the disk is full")
    halts.set("lease", "another trader")
    halts.lift("ledger")
    assert halts
    assert "lease" in halts
    assert "ledger" not in halts
    halts.lift("lease")
    assert not halts
    assert halts.reason == ""


def test_the_oldest_cause_is_the_reason_with_its_newest_words() -> None:
    halts = Halts()
    halts.set("ledger", "locked")
    halts.set("lease", "another trader")
    halts.set("ledger", "the disk is full")
    assert halts.reason == "the disk is full"
    halts.lift("ledger")
    assert halts.reason == "another trader"


def test_a_cause_that_comes_back_is_the_youngest() -> None:
    halts = Halts()
    halts.set("ledger", "locked")
    halts.set("lease", "another trader")
    halts.lift("ledger")
    halts.set("ledger", "locked again")
    assert halts.reason == "another trader"


def test_lifting_what_is_not_set_lifts_nothing() -> None:
    halts = Halts()
    halts.set("protection of SOLUSDC", "stop_lost on SOLUSDC")
    halts.lift("protection of BTCUSDC")
    assert halts.reason == "stop_lost on SOLUSDC"
