"""The terms of symbols: cross margin and the leverage. What the exchange itself does not confirm is refused."""

import asyncio
from collections.abc import Collection

from ratchet.domain.account_config import SymbolConfig
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.errors import ExchangeError

REQUESTS_AT_ONCE_MAX = 8


async def agree_on_terms(client: BinanceClient, symbols: Collection[Symbol], leverage: int) -> dict[Symbol, str]:
    """Set cross margin and the leverage where they are otherwise, and ask whether they hold.

    Returns: the symbols that do not have them, with the reason. They must not be traded.
    Raises: ExchangeError when it cannot be asked: then nothing is confirmed.
    """
    configs = await client.fetch_symbol_configs()
    others = [symbol for symbol in symbols if not _holds(configs.get(symbol), leverage)]
    if not others:
        return {}
    said: dict[Symbol, str] = {}
    slots = asyncio.Semaphore(REQUESTS_AT_ONCE_MAX)

    async def set_terms(symbol: Symbol) -> None:
        async with slots:
            try:
                await client.use_cross_margin(symbol)
                await client.set_leverage(symbol, leverage)
            except ExchangeError as error:
                said[symbol] = str(error)

    async with asyncio.TaskGroup() as tasks:
        for symbol in others:
            tasks.create_task(set_terms(symbol), name=f"terms of {symbol}")
    configs = await client.fetch_symbol_configs()
    return {
        symbol: said.get(symbol) or _description(configs.get(symbol))
        for symbol in sorted(others)
        if not _holds(configs.get(symbol), leverage)
    }


def _holds(config: SymbolConfig | None, leverage: int) -> bool:
    return config is not None and config.is_cross and config.leverage == leverage


def _description(config: SymbolConfig | None) -> str:
    if config is None:
        return "the exchange does not say on which terms it is traded"
    return f"the exchange has {'cross' if config.is_cross else 'isolated'} margin and leverage {config.leverage}"
