"""The verdict: whose the account is, from the leases that stand on the exchange. Pure: values in, an answer out."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from ratchet.domain.identity import LEASE_STOP, AlgoId, ClientOrderId
from ratchet.domain.order import StopReport
from ratchet.domain.symbol import Symbol

STALE_MS = 90_000  # from this age on a lease may be taken over


# What is seen --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenLease:
    """A lease as it stands on the exchange."""

    client_order_id: ClientOrderId
    symbol: Symbol
    algo_id: AlgoId
    made_ms: int  # exchange time
    run: str  # the ledger whose trader it is
    epoch_ms: int  # exchange time at which that trader took the account
    renewal: int  # 0: it has just been taken, and may yet be withdrawn

    @property
    def rank(self) -> tuple[int, int]:
        """Which was there first: the exchange's own order."""
        return self.made_ms, self.algo_id


def lease_name(run: str, epoch_ms: int, renewal: int) -> ClientOrderId:
    """`rt-lease-<run>-<epoch>-<renewal>`: 36 characters hold a hundred million renewals, a century of them."""
    return ClientOrderId(f"{LEASE_STOP}{run}-{epoch_ms}-{renewal}")


def leases_among(stops: Iterable[StopReport]) -> list[SeenLease]:
    """The leases that stand among an account's conditional orders."""
    return [_seen(stop) for stop in stops if stop.status.protects and stop.client_order_id.startswith(LEASE_STOP)]


def _seen(stop: StopReport) -> SeenLease:
    run, _, counts = stop.client_order_id.removeprefix(LEASE_STOP).partition("-")
    epoch, _, renewal = counts.partition("-")
    is_known = epoch.isdigit() and renewal.isdigit()
    return SeenLease(
        client_order_id=stop.client_order_id,
        symbol=stop.symbol,
        algo_id=stop.algo_id,
        made_ms=stop.updated_ms,  # nothing changes a conditional order before its trigger
        run=run,
        epoch_ms=int(epoch) if is_known else 0,
        renewal=int(renewal) if is_known else 1,  # a name of another make: respected like one in use
    )


# What is decided -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Free:
    """The account may be taken."""


@dataclass(frozen=True, slots=True)
class HeldByOther:
    """Another trader has it."""

    lease: SeenLease
    age_ms: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The own lease does not stand."""


@dataclass(frozen=True, slots=True)
class Held:
    """The account is ours."""

    lease: SeenLease  # the newest own one
    obsolete: tuple[SeenLease, ...]  # to be cancelled: older own ones, and those of traders that have died


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who we are."""

    run: str
    epoch_ms: int
    rank: tuple[int, int] | None  # of the own first lease; None until it has been seen

    def is_of(self, lease: SeenLease) -> bool:
        """Whether a lease is our own, of this epoch."""
        return (lease.run, lease.epoch_ms) == (self.run, self.epoch_ms)


Verdict: TypeAlias = HeldByOther | Gone | Held


def may_take(leases: Iterable[SeenLease], run: str, now_ms: int) -> Free | HeldByOther:
    """Whether a trader may begin. A lease of its own run is what a crash left behind, and no hindrance.

    Args: now_ms, by the exchange's clock.
    """
    fresh = [lease for lease in leases if lease.run != run and now_ms - lease.made_ms < STALE_MS]
    if not fresh:
        return Free()
    newest = max(fresh, key=lambda lease: lease.rank)
    return HeldByOther(newest, now_ms - newest.made_ms)


def judge(leases: Iterable[SeenLease], claim: Claim, now_ms: int) -> Verdict:
    """Whether the account is ours, after the own lease was placed, and ever after.

    Of several traders that begin at once the first on the exchange stays: those behind it withdraw. A lease that has
    been renewed is in use, and is never contested.
    """
    own: list[SeenLease] = []
    obsolete: list[SeenLease] = []
    others: list[SeenLease] = []
    for lease in leases:
        if claim.is_of(lease):
            own.append(lease)
        elif lease.run == claim.run:
            # A later epoch: a copy of our ledger, on another machine, has taken over.
            (obsolete if lease.epoch_ms < claim.epoch_ms else others).append(lease)
        else:
            (others if now_ms - lease.made_ms < STALE_MS else obsolete).append(lease)
    if not own:
        winner = max(others, key=lambda lease: lease.rank, default=None)
        return Gone() if winner is None else HeldByOther(winner, now_ms - winner.made_ms)
    own.sort(key=lambda lease: lease.rank)
    rank = claim.rank or own[0].rank
    for lease in others:
        if lease.run == claim.run or lease.renewal > 0 or lease.rank < rank:
            return HeldByOther(lease, now_ms - lease.made_ms)
    return Held(own[-1], (*own[:-1], *obsolete))
