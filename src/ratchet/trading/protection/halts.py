"""Halts: why no entries are made just now. Each cause is lifted by whoever set it; protection goes on throughout."""

import structlog

log = structlog.get_logger(__name__)


class Halts:
    """Causes with their reasons, in the order in which they came."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._reasons)

    def __contains__(self, cause: str) -> bool:
        return cause in self._reasons

    @property
    def reason(self) -> str:
        """The oldest one; empty while entries are on."""
        return next(iter(self._reasons.values()), "")

    def reason_of(self, cause: str) -> str:
        """Why one cause halts them; empty if it does not."""
        return self._reasons.get(cause, "")

    def set(self, cause: str, reason: str) -> None:
        """No entries until this cause is lifted."""
        if cause not in self._reasons:
            log.warning("entries_halted", cause=cause, reason=reason)
        self._reasons[cause] = reason

    def lift(self, cause: str) -> None:
        """The cause is gone."""
        if self._reasons.pop(cause, None) is not None:
            log.info("halt_lifted", cause=cause, still=self.reason)
