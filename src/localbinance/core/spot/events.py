"""What spot tells of its accounts, as values that the wire turns into frames. Orders are snapshots."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from localbinance.core.spot.order import SpotOrder, SpotTrade


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEvent:
    """executionReport. `execution` is NEW, CANCELED, TRADE or EXPIRED."""

    account: str
    time_ms: int
    execution_id: int
    execution: str
    order: SpotOrder
    trade: SpotTrade | None = None
    cancel_id: str = ""  # the client id of the request that cancelled it


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceState:
    """One asset of an account."""

    asset: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancesEvent:
    """outboundAccountPosition: the assets that have changed, as they are now."""

    account: str
    time_ms: int
    balances: tuple[BalanceState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferEvent:
    """balanceUpdate: money came to the account or, below 0, left it."""

    account: str
    time_ms: int
    asset: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEvent:
    """listStatus of an OCO. `done` once none of its orders is open."""

    account: str
    time_ms: int
    list_id: int
    client_list_id: str
    symbol: str
    done: bool
    orders: tuple[tuple[int, str], ...]  # (order id, client order id)


SpotEvent: TypeAlias = ExecutionEvent | BalancesEvent | TransferEvent | ListEvent
