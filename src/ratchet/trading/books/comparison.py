"""The comparison: the ledger's books held against the exchange's, row by row and to the last decimal. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from ratchet.domain.fill import Fill
from ratchet.domain.money import QUOTE, ZERO
from ratchet.domain.position import Income, IncomeKind
from ratchet.domain.symbol import Symbol
from ratchet.ledger.books import Books
from ratchet.ledger.tables import ChargeRow, FillRow, FundingRow, GapRow

OF_FILLS = frozenset({IncomeKind.REALIZED_PNL, IncomeKind.COMMISSION})

Key: TypeAlias = tuple[str, str, int]  # (EXECUTION, symbol, number of the fill) or (a kind of income, "", its number)
EXECUTION = "execution"
FUNDING = IncomeKind.FUNDING_FEE.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """All entries of one symbol in one asset. A symbol of "": of no market."""

    symbol: str
    asset: str
    exchange: Decimal
    ledger: Decimal

    @property
    def remainder(self) -> Decimal:
        """What the exchange has more than the ledger."""
        return self.exchange - self.ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """One entry that the two do not have alike: another amount, or, with equal amounts, only one of them has it."""

    what: str
    symbol: str
    asset: str
    exchange: Decimal
    ledger: Decimal
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of it."""

    compared: int  # entries: executions, funding payments, charges
    lines: tuple[Line, ...]
    disagreements: tuple[Disagreement, ...]
    fills_missing: tuple[Fill, ...]  # in the ledger; oldest first, as all of these
    income_missing: tuple[Income, ...]  # funding and charges that the ledger lacks
    income_orphaned: tuple[Income, ...]  # of executions that nobody tells of, and not booked as gaps yet
    gaps_filled: tuple[Income, ...]  # booked as gaps, and their executions have come to light


@dataclass(slots=True)
class _Entry:
    """What both have of one thing."""

    fill: Fill | None = None  # as the trade history has it
    income: list[Income] = field(default_factory=list)
    booked: FillRow | FundingRow | ChargeRow | None = None
    gaps: list[GapRow] = field(default_factory=list)

    @property
    def at_ms(self) -> int:
        """One instant for all of it: Binance's books differ in it by some ms."""
        every = (self.fill, self.booked, *self.income, *self.gaps)
        return next(each.at_ms for each in every if each is not None)

    @property
    def symbol(self) -> str:
        every = (self.fill, self.booked, *self.income, *self.gaps)
        return next(each.symbol for each in every if each is not None) or ""

    @property
    def is_known(self) -> bool:
        """Whether the execution itself is to be had."""
        return self.fill is not None or self.booked is not None

    def of_exchange(self) -> dict[str, Decimal]:
        """By asset."""
        return _sums((row.asset, row.amount) for row in self.income)

    def of_ledger(self) -> dict[str, Decimal]:
        """By asset."""
        amounts = [(gap.asset, gap.amount) for gap in self.gaps]
        match self.booked:
            case FillRow() as fill:
                amounts += [(QUOTE, fill.realized_pnl), (fill.fee_asset, -fill.fee)]
            case FundingRow() as payment:
                amounts.append((QUOTE, payment.amount))
            case ChargeRow() as charge:
                amounts.append((charge.asset, charge.amount))
            case None:
                pass
        return _sums(amounts)

    def gap_of(self, row: Income) -> Decimal:
        """What of a row of income is booked as a gap."""
        return sum((gap.amount for gap in self.gaps if _names(gap, row)), ZERO)


def compare(fills: Iterable[Fill], income: Iterable[Income], books: Books, since_ms: int, until_ms: int) -> Comparison:
    """Compare what happened between two instants, both included.

    Args: everything may reach beyond the two on either side, so that no entry is cut in half. Transfers are left out.
    """
    found = _entries(fills, income, books)
    entries = {key: each for key, each in found.items() if since_ms <= each.at_ms <= until_ms}
    ordered = sorted(entries.items(), key=lambda item: (item[1].at_ms, item[0]))
    executions = [each for key, each in ordered if key[0] == EXECUTION]
    others = [each for key, each in ordered if key[0] != EXECUTION]
    return Comparison(
        compared=len(entries),
        lines=_lines(entries.values()),
        disagreements=tuple(each for key, entry in ordered for each in _disagreements(key, entry)),
        fills_missing=tuple(each.fill for each in executions if each.fill is not None and each.booked is None),
        income_missing=tuple(row for each in others if each.booked is None for row in each.income),
        income_orphaned=tuple(
            row for each in executions if not each.is_known for row in each.income if not each.gap_of(row)
        ),
        gaps_filled=tuple(row for each in executions if each.is_known for row in each.income if each.gap_of(row)),
    )


def _entries(fills: Iterable[Fill], income: Iterable[Income], books: Books) -> dict[Key, _Entry]:
    entries: defaultdict[Key, _Entry] = defaultdict(_Entry)
    for fill in fills:
        entries[_execution(fill.symbol, fill.fill_id)].fill = fill
    keys: dict[tuple[str, int | None], Key] = {}
    for row in _once(income):
        if row.kind is not IncomeKind.TRANSFER:
            key = keys[row.name, row.income_id] = _key_of(row)
            entries[key].income.append(row)
    for booked in books.fills:
        entries[_execution(booked.symbol, booked.fill_id)].booked = booked
    for payment in books.funding:
        entries[FUNDING, "", payment.income_id].booked = payment
    for charge in books.charges:
        entries[charge.name, "", charge.income_id].booked = charge
    for gap in books.gaps:
        if gap.income_name is not None and gap.income_id is not None:
            alone = (gap.income_name, "", gap.income_id)
            entries[keys.get((gap.income_name, gap.income_id), alone)].gaps.append(gap)
    return entries


def _once(income: Iterable[Income]) -> Sequence[Income]:
    """A row that a page told twice counts once."""
    return list({(row.name, row.income_id, row.asset, row.symbol, row.fill_id): row for row in income}.values())


def _key_of(row: Income) -> Key:
    if row.kind in OF_FILLS and row.symbol is not None and row.fill_id is not None:
        return _execution(row.symbol, row.fill_id)
    return row.name, "", row.income_id


def _execution(symbol: str, number: int) -> Key:
    return EXECUTION, symbol, number


def _names(gap: GapRow, row: Income) -> bool:
    return (gap.income_name, gap.income_id) == (row.name, row.income_id)


def _lines(entries: Iterable[_Entry]) -> tuple[Line, ...]:
    exchange: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    ledger: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for entry in entries:
        for sums, amounts in ((exchange, entry.of_exchange()), (ledger, entry.of_ledger())):
            for asset, amount in amounts.items():
                sums[entry.symbol, asset] += amount
    return tuple(
        Line(symbol=symbol, asset=asset, exchange=exchange[symbol, asset], ledger=ledger[symbol, asset])
        for symbol, asset in sorted({*exchange, *ledger})
    )


def _disagreements(key: Key, entry: _Entry) -> Iterable[Disagreement]:
    what = f"{EXECUTION} {key[2]}" if key[0] == EXECUTION else f"{key[0]} {key[2]}"
    exchange, ledger = entry.of_exchange(), entry.of_ledger()
    differing = [asset for asset in {**exchange, **ledger} if exchange.get(asset, ZERO) != ledger.get(asset, ZERO)]
    does_exchange_have_it = entry.fill is not None or bool(entry.income)
    does_ledger_have_it = entry.booked is not None or bool(entry.gaps)
    if does_exchange_have_it != does_ledger_have_it:
        differing = differing or [QUOTE]
    for asset in differing:
        yield Disagreement(
            what=what,
            symbol=Symbol(entry.symbol),
            asset=asset,
            exchange=exchange.get(asset, ZERO),
            ledger=ledger.get(asset, ZERO),
            at_ms=entry.at_ms,
        )


def _sums(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    sums: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for asset, amount in amounts:
        if amount:
            sums[asset] += amount
    return dict(sums)
