"""Objections: the rules that keep a symbol out of the universe, each with its reason. Pure.

Each measured bound has two: one to come in by and, looser by `hysteresis_fraction`, one to stay in by.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase

from ratchet.config.sections import UniverseSettings
from ratchet.domain.listing import TRADING, Listing
from ratchet.domain.money import plain
from ratchet.domain.symbol import Symbol
from ratchet.market.verdict import Figures, Objection, Rule

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A symbol that is judged."""

    listing: Listing
    figures: Figures
    settings: UniverseSettings
    now_ms: int
    is_member: bool  # of the universe until now

    @property
    def slack(self) -> Decimal:
        """By which fraction bounds are looser for it."""
        return self.settings.hysteresis_fraction if self.is_member else Decimal(0)

    def at_least(self, bound: Decimal) -> Decimal:
        """A lower bound, as it holds for this one."""
        return bound * (1 - self.slack)

    def at_most(self, bound: Decimal) -> Decimal:
        """An upper bound, as it holds for this one."""
        return bound * (1 + self.slack)


def objection(candidate: Candidate, *, before: Rule | None = None) -> Objection | None:
    """What is against a symbol first; None if nothing is. Args: before, to ask only the rules ahead of this one."""
    for rule, reason_against in _RULES:
        if rule is before:
            return None
        if reason := reason_against(candidate):
            return Objection(rule, reason)
    return None


def leaving(listing: Listing, settings: UniverseSettings, now_ms: int) -> Objection | None:
    """Why nothing should be held of a symbol any more, by the exchange's own word; None if there is no such reason."""
    if reason := _status(listing):
        return Objection(Rule.STATUS, reason)
    if reason := _delisting(listing, settings, now_ms):
        return Objection(Rule.DELISTING, reason)
    return None


def listed_by(symbol: Symbol, patterns: Collection[str]) -> str | None:
    """The first of the patterns that a symbol matches: `BTCUSDC`, `1000*`."""
    return next((pattern for pattern in patterns if fnmatchcase(symbol, pattern)), None)


def refused_by_lists(symbol: Symbol, settings: UniverseSettings) -> str | None:
    """Why the blacklist or the whitelist keeps it out; None if neither does."""
    return _blacklist(symbol, settings) or _whitelist(symbol, settings)


def _blacklist(symbol: Symbol, settings: UniverseSettings) -> str | None:
    pattern = listed_by(symbol, settings.blacklist)
    return f"blacklisted by {pattern}" if pattern else None


def _whitelist(symbol: Symbol, settings: UniverseSettings) -> str | None:
    is_refused = settings.whitelist and not listed_by(symbol, settings.whitelist)
    return "not on the whitelist" if is_refused else None


def _status(listing: Listing) -> str | None:
    return None if listing.status == TRADING else f"the exchange has it as {listing.status}"


def _delisting(listing: Listing, settings: UniverseSettings, now_ms: int) -> str | None:
    left_ms = listing.delivery_ms - now_ms
    if left_ms > settings.delisting_notice_hours * HOUR_MS:
        return None
    return f"delisted in {max(0, left_ms) / HOUR_MS:.1f} h, {settings.delisting_notice_hours} h are wanted"


def _age(candidate: Candidate) -> str | None:
    days = (candidate.now_ms - candidate.listing.onboard_ms) / DAY_MS
    least = candidate.settings.age_days_min
    return f"listed for {max(0.0, days):.1f} days, {least} are wanted" if days < least else None


def _volume(candidate: Candidate) -> str | None:
    volume, least = candidate.figures.volume_quote, candidate.at_least(candidate.settings.volume_quote_min)
    if volume is None:
        return "no ticker"
    return f"24 h volume {plain(volume)} USDC is below {plain(least)}" if volume < least else None


def _spread(candidate: Candidate) -> str | None:
    spread, most = candidate.figures.spread_fraction, candidate.at_most(candidate.settings.spread_fraction_max)
    if spread is None:
        return "nothing to buy or to sell in its book"
    return f"spread {spread:.6f} of the price is above {plain(most)}" if spread > most else None


def _atr(candidate: Candidate) -> str | None:
    atr_fraction, settings = candidate.figures.atr_fraction, candidate.settings
    if atr_fraction is None or atr_fraction != atr_fraction:
        return "too few candles for an ATR"
    least = float(candidate.at_least(Decimal(str(settings.atr_fraction_min))))
    most = float(candidate.at_most(Decimal(str(settings.atr_fraction_max))))
    if least <= atr_fraction <= most:
        return None
    return f"ATR fraction {atr_fraction:.6f} is outside {least:g} to {most:g}"


def _depth(candidate: Candidate) -> str | None:
    settings = candidate.settings
    least = candidate.at_least(settings.depth_quote_min)
    if not least:
        return None
    depth = candidate.figures.depth_quote
    if depth is None:
        return "its book was not seen"
    if depth >= least:
        return None
    return f"{depth:.0f} USDC within {plain(settings.depth_reach_fraction)} of the price, {plain(least)} are wanted"


_RULES: tuple[tuple[Rule, Callable[[Candidate], str | None]], ...] = (
    (Rule.BLACKLIST, lambda it: _blacklist(it.listing.symbol, it.settings)),
    (Rule.WHITELIST, lambda it: _whitelist(it.listing.symbol, it.settings)),
    (Rule.STATUS, lambda it: _status(it.listing)),
    (Rule.DELISTING, lambda it: _delisting(it.listing, it.settings, it.now_ms)),
    (Rule.AGE, _age),
    (Rule.VOLUME, _volume),
    (Rule.SPREAD, _spread),
    (Rule.ATR, _atr),
    (Rule.DEPTH, _depth),
)
