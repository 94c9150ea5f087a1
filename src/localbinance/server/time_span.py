"""The time span of a query: `startTime` and `endTime`, each of which may be absent."""

from dataclasses import dataclass

from localbinance.server import refusals
from localbinance.server.parameters import Parameters

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """Both ends belong to it, in ms."""

    start_ms: int | None
    end_ms: int | None

    @classmethod
    def read(cls, parameters: Parameters, *, days_max: int | None = None) -> "TimeSpan":
        """From a request. Raises: Rejection -1102 or -4165 (longer than `days_max`)."""
        start_ms, end_ms = parameters.integer("starttime"), parameters.integer("endtime")
        if (
            days_max is not None
            and start_ms is not None
            and end_ms is not None
            and end_ms - start_ms > days_max * DAY_MS
        ):
            raise refusals.span_days_max(days_max)
        return cls(start_ms, end_ms)

    @property
    def given(self) -> bool:
        """Whether the request spoke of time at all."""
        return self.start_ms is not None or self.end_ms is not None

    def holds(self, time_ms: int) -> bool:
        """Whether the instant lies in it."""
        return (self.start_ms is None or time_ms >= self.start_ms) and (self.end_ms is None or time_ms <= self.end_ms)
