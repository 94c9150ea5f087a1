"""The universe: the symbols in play, and why each of the others is not. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from ratchet.config.sections import UniverseSettings
from ratchet.domain.listing import Listing
from ratchet.domain.money import ZERO
from ratchet.domain.symbol import Symbol
from ratchet.market.objections import Candidate, objection
from ratchet.market.verdict import Figures, Objection, Rule, Verdict

_HELD = "a position is open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """What is traded, and a verdict on every symbol of the exchange."""

    verdicts: Mapping[Symbol, Verdict]  # in the order of their names
    symbols: tuple[Symbol, ...]  # by quote volume, largest first: those in it
    wanted: int  # so many should be

    @property
    def shortfall(self) -> int:
        """How many symbols fewer than wanted are in; 0 = enough."""
        return max(0, self.wanted - len(self.symbols))

    @property
    def rejected(self) -> dict[Symbol, str]:
        """The others, with the reason."""
        return {symbol: verdict.reason for symbol, verdict in self.verdicts.items() if not verdict.is_in}

    def takes(self, symbol: Symbol) -> bool:
        """Whether it may be entered: what is in for its position alone may not."""
        verdict = self.verdicts.get(symbol)
        return verdict is not None and verdict.rule is Rule.TRADED

    def without(self, refused: Mapping[Symbol, str], held: Collection[Symbol] = ()) -> "Universe":
        """The same without symbols whose terms are refused, each with the reason; those held stay, for that alone."""
        verdicts = dict(self.verdicts)
        for symbol, reason in refused.items():
            is_in = symbol in held
            rule, said = (Rule.HELD, f"{_HELD}; {reason}") if is_in else (Rule.TERMS, reason)
            verdicts[symbol] = replace(verdicts[symbol], is_in=is_in, rule=rule, reason=said)
        symbols = tuple(symbol for symbol in self.symbols if verdicts[symbol].is_in)
        return replace(self, verdicts=verdicts, symbols=symbols)


NOTHING = Universe(verdicts={}, symbols=(), wanted=0)


def select_universe(
    listings: Mapping[Symbol, Listing],
    figures: Mapping[Symbol, Figures],
    settings: UniverseSettings,
    *,
    now_ms: int,
    members: Collection[Symbol] = (),
    held: Collection[Symbol] = (),
) -> Universe:
    """Choose the symbols to trade.

    Args: listings, all of the exchange; figures, of those that were measured; members, which were in until now and
        stay within looser bounds; held, symbols with an open position, which stay in whatever else.
    Returns: the largest ones that pass, at most `symbols_max` unless more are held. Fewer than `symbols_min` is no
        error: the universe says by how many it falls short. The same arguments give the same answer in any order.
    """
    measured = {symbol: figures.get(symbol, Figures()) for symbol in sorted(listings)}
    against: dict[Symbol, Objection] = {}
    for symbol, its in measured.items():
        candidate = Candidate(
            listing=listings[symbol], figures=its, settings=settings, now_ms=now_ms, is_member=symbol in members
        )
        if (found := objection(candidate)) is not None:
            against[symbol] = found

    def weight(symbol: Symbol) -> Decimal:
        """Volume, of members a little more: two of nearly the same do not take turns."""
        volume = _volume(measured[symbol])
        return volume * (1 + settings.hysteresis_fraction) if symbol in members else volume

    passed = sorted((symbol for symbol in measured if symbol not in against), key=lambda it: (-weight(it), it))
    ranks = {symbol: rank for rank, symbol in enumerate(passed, start=1)}
    stay = [symbol for symbol in measured if symbol in held]
    room = max(0, settings.symbols_max - len(stay))
    chosen = {*[symbol for symbol in passed if symbol not in held][:room], *stay}
    for symbol in passed:
        if symbol not in chosen:
            said = f"number {ranks[symbol]} by 24 h volume, {settings.symbols_max} are traded"
            against[symbol] = Objection(Rule.RANK, said)
    verdicts = {
        symbol: _verdict(symbol, symbol in chosen, against.get(symbol), ranks.get(symbol), its)
        for symbol, its in measured.items()
    }
    return Universe(
        verdicts=verdicts,
        symbols=tuple(sorted(chosen, key=lambda symbol: (-_volume(measured[symbol]), symbol))),
        wanted=settings.symbols_min,
    )


def _volume(figures: Figures) -> Decimal:
    return ZERO if figures.volume_quote is None else figures.volume_quote


def _verdict(symbol: Symbol, is_in: bool, against: Objection | None, rank: int | None, figures: Figures) -> Verdict:
    if against is None:
        return Verdict(symbol=symbol, is_in=True, rule=Rule.TRADED, reason="", rank=rank, figures=figures)
    rule, reason = (Rule.HELD, f"{_HELD}; {against.reason}") if is_in else (against.rule, against.reason)
    return Verdict(symbol=symbol, is_in=is_in, rule=rule, reason=reason, rank=rank, figures=figures)
