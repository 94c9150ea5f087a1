"""Balances: what of each asset is free and what is locked for orders. Nothing here ever goes below 0."""

from dataclasses import dataclass, field
from decimal import Decimal

from localbinance.core.order import ZERO
from localbinance.core.spot.events import BalanceState
from localbinance.core.spot.order import Lock
from localbinance.rules import spot_errors


@dataclass(slots=True)
class Balance:
    """One asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(slots=True)
class Balances:
    """All assets of an account, and which of them have changed since that was last told."""

    of: dict[str, Balance] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)

    def free(self, asset: str) -> Decimal:
        """What can be spent."""
        balance = self.of.get(asset)
        return ZERO if balance is None else balance.free

    def receive(self, asset: str, amount: Decimal) -> None:
        """Money comes."""
        self._touch(asset).free += amount

    def spend(self, asset: str, amount: Decimal) -> None:
        """Free money goes. Raises: Rejection -2010."""
        if amount > self.free(asset):
            raise spot_errors.insufficient_balance()
        if amount:
            self._touch(asset).free -= amount

    def lock(self, asset: str, amount: Decimal) -> Lock:
        """Set money aside. Raises: Rejection -2010."""
        self.spend(asset, amount)
        if amount:
            self._touch(asset).locked += amount
        return Lock(asset, amount)

    def release(self, lock: Lock, down_to: Decimal = ZERO) -> None:
        """Make free again what is locked beyond `down_to`."""
        excess = lock.amount - down_to
        if excess > 0:
            balance = self._touch(lock.asset)
            balance.locked -= excess
            balance.free += excess
            lock.amount = down_to

    def pay(self, lock: Lock, amount: Decimal) -> None:
        """Spend out of a lock, and what it lacks out of what is free. Raises: Rejection -2010."""
        locked = min(amount, lock.amount)
        self.spend(lock.asset, amount - locked)
        self._touch(lock.asset).locked -= locked
        lock.amount -= locked

    def take_changed(self) -> tuple[BalanceState, ...]:
        """The assets that have changed since the last call, as they are now."""
        told = tuple(
            BalanceState(asset=asset, free=self.of[asset].free, locked=self.of[asset].locked) for asset in self.changed
        )
        self.changed.clear()
        return told

    def _touch(self, asset: str) -> Balance:
        self.changed[asset] = None
        return self.of.setdefault(asset, Balance())
