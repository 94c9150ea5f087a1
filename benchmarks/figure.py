"""A figure: one thing that was measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A rate (a second) or a duration (ms), with what is aimed at."""

    what: str
    value: float
    is_rate: bool
    aim: str = ""

    @property
    def shown(self) -> str:
        """With its unit."""
        return f"{self.value:,.0f} /s" if self.is_rate else f"{self.value:,.1f} ms"


def percentile(values: list[float], fraction: float) -> float:
    """The smallest value that at least that fraction of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(fraction * len(ordered) + 0.5) - 1)]
