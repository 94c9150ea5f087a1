"""The terms of symbols: cross margin and the leverage. What the exchange itself does not confirm is refused."""

import asyncio
from collections.abc import Callable, Collection, Mapping

import structlog

from ratchet.domain.account_config import SymbolConfig
from ratchet.domain.clock import Clock
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError

REQUESTS_AT_ONCE_MAX = 8
INTERVAL_MS = 300_000  # another hand may have changed them
AGE_MS_MAX = 600_000  # an exchange's word older than that does not count
AGREE_TIMEOUT_S = 10.0  # an entry does not wait longer

log = structlog.get_logger(__name__)


class SymbolTerms:
    """What the exchange has confirmed, and how to have it otherwise before an entry.

    Isolated margin is never asked for: accounts in credits mode have cross margin only, and all that is reckoned here
    is reckoned for cross margin.
    """

    def __init__(self, client: BinanceClient, clock: Clock, is_held: Callable[[Symbol], bool]) -> None:
        """`is_held`: whether there is a position on a symbol. Its terms are left as they are."""
        self._client = client
        self._clock = clock
        self._is_held = is_held
        self._configs: Mapping[Symbol, SymbolConfig] = {}
        self._asked_ms: float | None = None  # elapsed
        self._asking = asyncio.Lock()

    def leverage(self, symbol: Symbol) -> int | None:
        """As the exchange last said; None if it did not."""
        config = self._configs.get(symbol)
        return None if config is None else config.leverage

    async def begin(self) -> None:
        """Ask, so that no entry has to wait for it. Without an answer the first one does."""
        try:
            await self.refresh()
        except ExchangeError as error:
            log.warning("terms_not_refreshed", error=str(error))

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        while True:
            await self._clock.sleep_until((self._clock.now_ms() // INTERVAL_MS + 1) * INTERVAL_MS)
            with self._clock.working():
                await self.begin()

    async def refresh(self) -> None:
        """Ask for the terms of all symbols. Raises: ExchangeError."""
        self._configs = await self._client.fetch_symbol_configs()
        self._asked_ms = self._clock.elapsed_ms()

    async def agree(self, symbol: Symbol, leverage: int) -> str:
        """Have cross margin and this leverage, by the exchange's own word. Returns: why not; empty when it is so.

        Nothing is changed where a position is held.
        """
        try:
            async with asyncio.timeout(AGREE_TIMEOUT_S):
                await self._ask_anew()
                config = self._configs.get(symbol)
                if holds(config, leverage):
                    return ""
                if self._is_held(symbol):
                    return f"{_description(config)}, and a position is held: it is left so"
                await _set(self._client, symbol, config, leverage)
                await self.refresh()
        except TimeoutError:
            self._asked_ms = None
            return f"leverage {leverage} of {symbol} was not confirmed within {AGREE_TIMEOUT_S:g} s"
        except ExchangeError as error:
            self._asked_ms = None
            return f"leverage {leverage} of {symbol} was not confirmed: {error}"
        config = self._configs.get(symbol)
        return "" if holds(config, leverage) else _description(config)

    async def _ask_anew(self) -> None:
        async with self._asking:
            if self._asked_ms is None or self._clock.elapsed_ms() - self._asked_ms > AGE_MS_MAX:
                await self.refresh()


async def agree_on_terms(client: BinanceClient, symbols: Collection[Symbol], leverage: int) -> dict[Symbol, str]:
    """Set cross margin and the leverage where they are otherwise, and ask whether they hold. Symbols with a position
    are left as they are: that they have cross margin is enough.

    Returns: the symbols that do not have them, with the reason. They must not be traded.
    Raises: ExchangeError when it cannot be asked: then nothing is confirmed.
    """
    configs = await client.fetch_symbol_configs()
    others = [symbol for symbol in symbols if not holds(configs.get(symbol), leverage)]
    if not others:
        return {}
    held = {position.symbol for position in await client.fetch_positions()}
    said: dict[Symbol, str] = {}
    slots = asyncio.Semaphore(REQUESTS_AT_ONCE_MAX)

    async def set_terms(symbol: Symbol) -> None:
        async with slots:
            try:
                await _set(client, symbol, configs.get(symbol), leverage)
            except ExchangeError as error:
                said[symbol] = str(error)

    async with asyncio.TaskGroup() as tasks:
        for symbol in others:
            if symbol not in held:
                tasks.create_task(set_terms(symbol), name=f"terms of {symbol}")
    configs = await client.fetch_symbol_configs()
    return {
        symbol: said.get(symbol) or _description(configs.get(symbol))
        for symbol in sorted(others)
        if not holds(configs.get(symbol), None if symbol in held else leverage)
    }


async def _set(client: BinanceClient, symbol: Symbol, config: SymbolConfig | None, leverage: int) -> None:
    if config is None or not config.is_cross:
        await client.use_cross_margin(symbol)
    await client.set_leverage(symbol, leverage)


def holds(config: SymbolConfig | None, leverage: int | None) -> bool:
    """Whether the exchange has cross margin and this leverage; none: any."""
    return config is not None and config.is_cross and leverage in (None, config.leverage)


def _description(config: SymbolConfig | None) -> str:
    if config is None:
        return "the exchange does not say on which terms it is traded"
    return f"the exchange has {'cross' if config.is_cross else 'isolated'} margin and leverage {config.leverage}"
