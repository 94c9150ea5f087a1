"""The terms of symbols: what the exchange has not confirmed is not assumed, and isolated margin is never asked for."""

import asyncio
from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import Any, cast

import pytest

from ratchet.domain.account_config import SymbolConfig
from ratchet.domain.position import Position
from ratchet.domain.symbol import Symbol
from ratchet.exchange.client import BinanceClient
from ratchet.exchange.clock import SystemClock
from ratchet.exchange.errors import ExchangeError, OutcomeUnknown
from ratchet.trading.entries import symbol_terms
from ratchet.trading.entries.symbol_terms import AGE_MS_MAX, SymbolTerms, agree_on_terms

BTC, ETH = Symbol("BTCUSDC"), Symbol("ETHUSDC")


class Terms:
    """An exchange that knows terms, and does as it is told unless a test has it otherwise."""

    def __init__(self, *, leverage: int = 5, is_cross: bool = True) -> None:
        self.configs = {
            symbol: SymbolConfig(symbol=symbol, is_cross=is_cross, leverage=leverage) for symbol in (BTC, ETH)
        }
        self.asked: list[str] = []
        self.held: Collection[Symbol] = ()
        self.refuses: ExchangeError | None = None
        self.obeys = True
        self.hangs = False

    async def fetch_symbol_configs(self) -> dict[Symbol, SymbolConfig]:
        """As they are."""
        self.asked.append("configs")
        if self.hangs:
            await asyncio.Event().wait()
        return dict(self.configs)

    async def fetch_positions(self) -> list[Position]:
        """One of each that is held."""
        return [
            Position(
                symbol=symbol,
                quantity_signed=Decimal(1),
                price_entry=Decimal(1),
                price_mark=Decimal(1),
                unrealized_pnl=Decimal(0),
                updated_ms=0,
            )
            for symbol in self.held
        ]

    async def use_cross_margin(self, symbol: Symbol) -> None:
        """Set it."""
        await self._set(symbol, f"cross {symbol}", is_cross=True)

    async def set_leverage(self, symbol: Symbol, leverage: int) -> None:
        """Set it."""
        await self._set(symbol, f"{leverage} on {symbol}", leverage=leverage)

    async def _set(self, symbol: Symbol, what: str, **changed: Any) -> None:
        self.asked.append(what)
        if self.refuses is not None:
            raise self.refuses
        if self.obeys:
            self.configs[symbol] = replace(self.configs[symbol], **changed)


class ShiftedClock(SystemClock):
    """Real time, and as much of it as a test wants to have passed."""

    passed_ms = 0.0

    def elapsed_ms(self) -> float:
        """Real ms."""
        return super().elapsed_ms() + self.passed_ms


def terms_of(exchange: Terms, clock: SystemClock | None = None) -> SymbolTerms:
    client = cast("BinanceClient", exchange)
    return SymbolTerms(client, clock or SystemClock(), is_held=lambda each: each in exchange.held)


async def test_what_is_so_already_is_asked_once_and_changes_nothing() -> None:
    exchange = Terms()
    terms = terms_of(exchange)
    assert terms.leverage(BTC) is None
    assert await terms.agree(BTC, 5) == ""
    assert await terms.agree(ETH, 5) == ""
    assert exchange.asked == ["configs"]
    assert terms.leverage(BTC) == 5


async def test_another_leverage_is_set_and_then_asked_for() -> None:
    exchange = Terms()
    assert await terms_of(exchange).agree(BTC, 3) == ""
    assert exchange.asked == ["configs", "3 on BTCUSDC", "configs"]


async def test_isolated_margin_is_made_cross_and_never_the_other_way() -> None:
    exchange = Terms(is_cross=False)
    assert await terms_of(exchange).agree(BTC, 5) == ""
    assert exchange.asked == ["configs", "cross BTCUSDC", "5 on BTCUSDC", "configs"]


async def test_what_the_exchange_says_it_did_and_did_not_do_is_refused() -> None:
    exchange = Terms()
    exchange.obeys = False
    terms = terms_of(exchange)
    assert await terms.agree(BTC, 3) == "the exchange has cross margin and leverage 5"
    assert terms.leverage(BTC) == 5


async def test_an_error_is_the_reason_and_the_next_entry_asks_anew() -> None:
    exchange = Terms()
    exchange.refuses = OutcomeUnknown("no reply")
    terms = terms_of(exchange)
    assert await terms.agree(BTC, 3) == "leverage 3 of BTCUSDC was not confirmed: no reply"
    exchange.asked.clear()
    assert await terms.agree(ETH, 5) == ""
    assert exchange.asked == ["configs"]


async def test_an_exchange_that_does_not_answer_holds_no_entry_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbol_terms, "AGREE_TIMEOUT_S", 0.01)
    exchange = Terms()
    exchange.hangs = True
    assert await terms_of(exchange).agree(BTC, 5) == "leverage 5 of BTCUSDC was not confirmed within 0.01 s"


async def test_a_symbol_with_a_position_is_left_as_it_is() -> None:
    exchange = Terms()
    exchange.held = [BTC]
    no = await terms_of(exchange).agree(BTC, 3)
    assert no == "the exchange has cross margin and leverage 5, and a position is held: it is left so"
    assert exchange.asked == ["configs"]


async def test_an_old_word_is_asked_for_anew() -> None:
    exchange, clock = Terms(), ShiftedClock()
    terms = terms_of(exchange, clock)
    await terms.agree(BTC, 5)
    exchange.configs[BTC] = replace(exchange.configs[BTC], leverage=20)  # another hand
    assert await terms.agree(BTC, 5) == ""
    clock.passed_ms = AGE_MS_MAX + 1
    assert await terms.agree(BTC, 5) == ""
    assert exchange.asked == ["configs", "configs", "5 on BTCUSDC", "configs"]


async def test_entries_at_once_share_one_question() -> None:
    exchange = Terms()
    terms = terms_of(exchange)
    assert await asyncio.gather(*(terms.agree(symbol, 5) for symbol in (BTC, ETH, BTC, ETH))) == [""] * 4
    assert exchange.asked == ["configs"]


async def test_a_symbol_that_the_exchange_does_not_speak_of_is_refused() -> None:
    exchange = Terms()
    del exchange.configs[ETH]
    exchange.obeys = False
    assert "does not say on which terms" in await terms_of(exchange).agree(ETH, 5)


async def test_at_a_start_positions_keep_the_leverage_they_were_opened_with() -> None:
    exchange = Terms(leverage=3)
    exchange.held = [BTC]
    assert await agree_on_terms(cast("BinanceClient", exchange), [BTC, ETH], 5) == {}
    assert exchange.configs[BTC].leverage == 3
    assert exchange.configs[ETH].leverage == 5


async def test_at_a_start_a_position_on_isolated_margin_is_refused_and_left_alone() -> None:
    exchange = Terms(is_cross=False)
    exchange.held = [BTC]
    refused = await agree_on_terms(cast("BinanceClient", exchange), [BTC, ETH], 5)
    assert refused == {BTC: "the exchange has isolated margin and leverage 5"}
    assert not any(asked.endswith("BTCUSDC") for asked in exchange.asked)
