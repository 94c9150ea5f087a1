"""The transport: how a request gets to the exchange, and its answer back. Knows nothing of budgets and outcomes."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ratchet.exchange.budget import Lane
from ratchet.exchange.told import Told


class Transport(Protocol):
    """One exchange, one account."""

    async def ask(
        self, method: str, parameters: Mapping[str, object], lane: Lane, on_told: Callable[[Told], None]
    ) -> Any:
        """Send one request, once.

        Args: method, ccxt's name of the endpoint ("fapiPublicGetKlines"); on_told, called with what an answer of any
            status tells about the limits.
        Returns: the answer's body, numbers as the text they are.
        Raises: ccxt.BaseError (`Refused` for an answer with an error status), TimeoutError.
        """

    async def close(self) -> None:
        """Close connections."""
