"""What operators did: every deed a row, in order. How things stand follows from the last ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ratchet.ledger.tables import OperatorEventRow

WHO_LENGTH_MAX = 80
DETAIL_LENGTH_MAX = 400


class Deed(StrEnum):
    """What was done."""

    PAUSE = "pause"  # no entries until a resume
    RESUME = "resume"  # lifts pause and emergency
    PANIC = "panic"  # the emergency: no entries until a resume, and everything is flattened
    PANIC_ENDED = "panic_ended"  # with what the exchange said at its end
    CLOSE = "close"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorEvent:
    """One deed. What is too long for the ledger is cut."""

    at_ms: int  # exchange time
    who: str  # "cli", "telegram 4711"
    what: Deed
    detail: str = ""
    before: Mapping[str, Any] | None = None  # of a change: as JSON has it
    after: Mapping[str, Any] | None = None

    @property
    def time_text(self) -> str:
        """When it was, for people; a flag on a full disk does not say."""
        return f"{datetime.fromtimestamp(self.at_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S} UTC" if self.at_ms else "some time"


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand: the deed that keeps entries off, if there is one."""

    pause: OperatorEvent | None = None
    emergency: OperatorEvent | None = None

    @property
    def is_paused(self) -> bool:
        """Whether an operator has paused it."""
        return self.pause is not None

    @property
    def is_in_emergency(self) -> bool:
        """Whether there was a panic and no resume since."""
        return self.emergency is not None


def operator_event_row(event: OperatorEvent) -> OperatorEventRow:
    """As it is stored."""
    return OperatorEventRow(
        at_ms=event.at_ms,
        who=event.who[:WHO_LENGTH_MAX],
        what=event.what.value,
        detail=event.detail[:DETAIL_LENGTH_MAX],
        before=None if event.before is None else dict(event.before),
        after=None if event.after is None else dict(event.after),
    )


async def events_since(
    session: AsyncSession, since_ms: int, deeds: Sequence[Deed] = (), limit: int | None = None
) -> list[OperatorEvent]:
    """Deeds from an instant on, oldest first; of these kinds (none: of all), and no more than the last `limit`."""
    wanted = select(OperatorEventRow).where(OperatorEventRow.at_ms >= since_ms)
    if deeds:
        wanted = wanted.where(OperatorEventRow.what.in_([deed.value for deed in deeds]))
    newest_first = await session.scalars(wanted.order_by(OperatorEventRow.id.desc()).limit(limit))
    return [_event(row) for row in newest_first][::-1]


async def standing(session: AsyncSession) -> Standing:
    """What stands since the last resume: the first pause and the first panic after it."""
    resumes = select(OperatorEventRow.id).where(OperatorEventRow.what == Deed.RESUME.value)
    resumed = await session.scalar(resumes.order_by(OperatorEventRow.id.desc()).limit(1))

    async def first(deed: Deed) -> OperatorEvent | None:
        since = select(OperatorEventRow).where(
            OperatorEventRow.what == deed.value, OperatorEventRow.id > (resumed or 0)
        )
        row = await session.scalar(since.order_by(OperatorEventRow.id).limit(1))
        return None if row is None else _event(row)

    return Standing(pause=await first(Deed.PAUSE), emergency=await first(Deed.PANIC))


def _event(row: OperatorEventRow) -> OperatorEvent:
    return OperatorEvent(
        at_ms=row.at_ms, who=row.who, what=Deed(row.what), detail=row.detail, before=row.before, after=row.after
    )
