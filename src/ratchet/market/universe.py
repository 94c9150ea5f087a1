"""The universe: the symbols in play, and why each of the others is not."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Protocol

from ratchet.config.sections import UniverseSettings
from ratchet.domain.money import ZERO, plain
from ratchet.domain.symbol import Symbol


class HasVolume(Protocol):
    """What is asked of a ticker."""

    @property
    def volume_quote(self) -> Decimal:
        """Quote asset traded in 24 hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """What is traded. Every symbol of the exchange is in one of the two."""

    symbols: tuple[Symbol, ...]  # by quote volume, largest first
    rejected: Mapping[Symbol, str]  # with the reason, in the order of their names
    shortfall: int  # how many symbols fewer than wanted passed; 0 = enough


def select_universe(
    rules: Collection[Symbol],
    tickers: Mapping[Symbol, HasVolume],
    atr_fractions: Mapping[Symbol, float],
    settings: UniverseSettings,
    *,
    held: Collection[Symbol] = (),
) -> Universe:
    """Choose the symbols to trade.

    Args: rules, of the symbols that trade (a mapping by symbol will do); tickers, by symbol; atr_fractions, average
        true range of the 5-minute candles / price; held, symbols with an open position, which stay in whatever else.
    Returns: the largest ones that pass, at most `symbols_max` unless more are held. Fewer than `symbols_min` is no
        error: the universe says by how many it falls short. The same arguments give the same answer in any order.
    """
    rejected = {
        symbol: reason
        for symbol in sorted(rules)
        if symbol not in held and (reason := _reason_against(symbol, tickers, atr_fractions, settings))
    }
    passed = [symbol for symbol in rules if symbol not in rejected]
    passed.sort(key=lambda symbol: (symbol not in held, -_volume(symbol, tickers), symbol))
    room = max(settings.symbols_max, len([symbol for symbol in passed if symbol in held]))
    for rank, symbol in enumerate(passed[room:], start=room + 1):
        rejected[symbol] = f"number {rank} by 24 h volume, {settings.symbols_max} are traded"
    chosen = sorted(passed[:room], key=lambda symbol: (-_volume(symbol, tickers), symbol))
    return Universe(
        symbols=tuple(chosen),
        rejected={symbol: rejected[symbol] for symbol in sorted(rejected)},
        shortfall=max(0, settings.symbols_min - len(chosen)),
    )


def listed_by(symbol: Symbol, patterns: Collection[str]) -> str | None:
    """The first of the patterns that a symbol matches: `BTCUSDC`, `1000*`."""
    return next((pattern for pattern in patterns if fnmatchcase(symbol, pattern)), None)


def refused_by_lists(symbol: Symbol, settings: UniverseSettings) -> str | None:
    """Why the blacklist or the whitelist keeps it out; None if neither does."""
    if pattern := listed_by(symbol, settings.blacklist):
        return f"blacklisted by {pattern}"
    if settings.whitelist and not listed_by(symbol, settings.whitelist):
        return "not on the whitelist"
    return None


def _volume(symbol: Symbol, tickers: Mapping[Symbol, HasVolume]) -> Decimal:
    return tickers[symbol].volume_quote if symbol in tickers else ZERO


def _reason_against(
    symbol: Symbol,
    tickers: Mapping[Symbol, HasVolume],
    atr_fractions: Mapping[Symbol, float],
    settings: UniverseSettings,
) -> str | None:
    """The first rule a symbol breaks, None if it may be traded."""
    if reason := refused_by_lists(symbol, settings):
        return reason
    if symbol not in tickers:
        return "no ticker"
    volume = _volume(symbol, tickers)
    if not volume >= settings.volume_quote_min:
        return f"24 h volume {plain(volume)} USDC is below {plain(settings.volume_quote_min)}"
    atr_fraction = atr_fractions.get(symbol)
    if atr_fraction is None or atr_fraction != atr_fraction:
        return "too few candles for an ATR"
    if not settings.atr_fraction_min <= atr_fraction <= settings.atr_fraction_max:
        return f"ATR fraction {atr_fraction:.6f} is outside {settings.atr_fraction_min} to {settings.atr_fraction_max}"
    return None
