"""Questions for what came of it: summary, performance."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from ratchet.control.answer import Answer, Json, Table
from ratchet.control.companion.parts import CompanionParts, open_cases
from ratchet.control.desk import Asker
from ratchet.control.request import Commands, Request
from ratchet.control.shape import DASH, day, money, signed
from ratchet.control.words import Words
from ratchet.domain.money import ZERO, plain
from ratchet.ledger.aggregates import DAY_MS
from ratchet.ledger.spot_results import SpotDay, spot_days

DAYS = 7
DAYS_MAX = 92
PROFIT_MEANS = "Profit is what was sold for more than the same coins cost on average, before fees."


class ResultQuestions:
    """summary, performance."""

    def __init__(self, parts: CompanionParts) -> None:
        self._parts = parts

    def commands(self) -> Commands:
        """By name."""
        return {"summary": self._summary, "performance": self._performance}

    async def _summary(self, words: Words) -> Request:
        words.end()
        return Request(self._tell_summary)

    async def _performance(self, words: Words) -> Request:
        days = words.count("DAYS", default=DAYS, most=DAYS_MAX)
        words.end()
        return Request(lambda _asker: self._tell_performance(days))

    async def _tell_summary(self, _asker: Asker) -> Answer:
        now_ms = self._parts.clock.now_ms()
        since_ms = now_ms // DAY_MS * DAY_MS
        found = await self._parts.ledger.ask(lambda session: spot_days(session, since_ms, now_ms))
        today = found[-1] if found else _nothing(since_ms)
        opened = open_cases(self._parts)
        return Answer(
            title=f"Summary of {day(since_ms)} (UTC)",
            facts=(
                ("cases closed", str(today.cases)),
                ("sold", f"{money(today.sold)} USDC"),
                ("profit before fees", f"{signed(today.profit)} USDC"),
                ("bought back", f"{money(today.bought_back)} USDC"),
                ("fees", _fees(today.fees)),
                (
                    "open cases",
                    f"{len(opened)}, bought for {money(sum((each.case.quote for each in opened), ZERO))} USDC",
                ),
            ),
            notes=(PROFIT_MEANS,),
            data=_day_data(today) | {"open_cases": len(opened)},
        )

    async def _tell_performance(self, days: int) -> Answer:
        now_ms = self._parts.clock.now_ms()
        since_ms = (now_ms // DAY_MS - days + 1) * DAY_MS
        found = await self._parts.aside.look(
            lambda ledger: ledger.ask(lambda session: spot_days(session, since_ms, now_ms))
        )
        profit, sold = sum((each.profit for each in found), ZERO), sum((each.sold for each in found), ZERO)
        cases, fees = sum(each.cases for each in found), _all_fees(found)
        return Answer(
            title=f"Performance since {day(since_ms)} (UTC)",
            facts=(
                ("cases closed", str(cases)),
                ("sold", f"{money(sold)} USDC"),
                ("profit before fees", f"{signed(profit)} USDC"),
                ("fees", _fees(fees)),
            ),
            table=Table(
                headings=("day", "cases", "sold", "profit", "bought back", "fees"),
                rows=tuple(
                    (
                        day(each.since_ms),
                        str(each.cases),
                        money(each.sold),
                        signed(each.profit),
                        money(each.bought_back),
                        _fees(each.fees),
                    )
                    for each in found
                ),
                numeric=frozenset({1, 2, 3, 4}),
            )
            if found
            else None,
            notes=(PROFIT_MEANS,) if found else ("Nothing was traded yet.",),
            data={
                "since_ms": since_ms,
                "cases": cases,
                "sold": plain(sold),
                "profit": plain(profit),
                "fees": _fee_data(fees),
                "days": [_day_data(each) for each in found],
            },
        )


def _nothing(since_ms: int) -> SpotDay:
    return SpotDay(since_ms=since_ms, cases=0, sold=ZERO, profit=ZERO, bought_back=ZERO, fees={})


def _all_fees(days: Sequence[SpotDay]) -> dict[str, Decimal]:
    fees: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for each in days:
        for asset, fee in each.fees.items():
            fees[asset] += fee
    return dict(sorted(fees.items()))


def _fees(fees: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{plain(fee)} {asset}" for asset, fee in fees.items()) or DASH


def _fee_data(fees: Mapping[str, Decimal]) -> dict[str, Json]:
    return {asset: plain(fee) for asset, fee in fees.items()}


def _day_data(result: SpotDay) -> dict[str, Json]:
    return {
        "since_ms": result.since_ms,
        "cases": result.cases,
        "sold": plain(result.sold),
        "profit": plain(result.profit),
        "bought_back": plain(result.bought_back),
        "fees": _fee_data(result.fees),
    }
