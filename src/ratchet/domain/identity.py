"""The identities of things: which number or name means what, so that none is taken for another."""

import string
from typing import NewType

ClientOrderId = NewType("ClientOrderId", str)  # ours, in the ledger before anything is sent
OrderId = NewType("OrderId", int)  # Binance's, known only after an answer
AlgoId = NewType("AlgoId", int)  # Binance's number of a conditional order: a space of its own beside OrderId
FillId = NewType("FillId", int)  # Binance's trade id, unique per symbol
TradeId = NewType("TradeId", int)  # ours: a position's whole life
CaseId = NewType("CaseId", int)  # ours: what a person bought on spot, with the orders that the companion places for it

DIGITS = string.digits + string.ascii_lowercase
CLIENT_ORDER_ID_LENGTH_MAX = 36  # Binance answers -4015 beyond

TRADERS, GUARDIANS = "rt-", "rg-"  # how the names of the trader's orders begin, and of the guardian's
OURS = (TRADERS, GUARDIANS)
REBOUNDS = "rb-"  # how the names of the spot companion's orders begin
REBOUND_BASE_LENGTH_MAX = 12  # of the asset in them
LEASE_STOP = "rt-lease-"  # of the lease of an account
CHECK_STOP = "rt-check-"  # of a preflight
IDLE_STOPS = (LEASE_STOP, CHECK_STOP)  # how the names of conditional orders begin that are seen only: none protects


def client_order_id(run: str, trade: TradeId, role: str, sequence: int, life: str = "") -> ClientOrderId:
    """Name an order so that its origin can be read off the exchange: `rt-<run>-<trade>-<role><sequence>`.

    Args: run, a short token unique to this ledger; role, one lower-case word; sequence, from 0 within trade, role and
        life; life, `life_of` a process that names orders of a trade that is not its own.
    Raises: ValueError if the name would be longer than Binance takes.
    """
    name = f"{_of_run(run)}{trade}-{role}{sequence}{life and '.'}{life}"
    if len(name) > CLIENT_ORDER_ID_LENGTH_MAX:
        raise ValueError(f"client order id {name} has {len(name)} characters, {CLIENT_ORDER_ID_LENGTH_MAX} at most")
    return ClientOrderId(name)


def rebound_order_id(base_asset: str, first: FillId, role: str) -> ClientOrderId:
    """Name an order of the spot companion by what it is for: `rb-<base>-<execution>-<role>`.

    Every companion of an account gives the same name for the same thing, whatever machine and ledger it has, and
    however often it tries: the exchange refuses a name that stands, so that none sells what another one does.

    Args: first, the oldest of the executions that are sold together: unique with its symbol.
    """
    shown = "".join(letter for letter in base_asset.lower() if letter in DIGITS)[:REBOUND_BASE_LENGTH_MAX]
    return ClientOrderId(f"{REBOUNDS}{shown}-{first}-{role}")


def life_of(at_ms: int) -> str:
    """A token of the process that begins at an instant. What it sends before the ledger knows of it, as a stop that
    cannot wait, has a name that no other process will think of."""
    digits = ""
    while at_ms:
        at_ms, digit = divmod(at_ms, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits


def trade_of(run: str, name: str) -> TradeId | None:
    """Read the trade off an order's name; None for a name that is not of this ledger, or of no trade."""
    number = name.removeprefix(_of_run(run)).partition("-")[0] if is_of_run(run, name) else ""
    return TradeId(int(number)) if number.isdecimal() and int(number) > 0 else None


def is_of_run(run: str, name: str) -> bool:
    """Whether an order's name was given by the trader of this ledger."""
    return name.startswith(_of_run(run))


def _of_run(run: str) -> str:
    return f"{TRADERS}{run}-"
