"""Values with their intervals as dots and lines on one axis: small drawings that stand in the rows of a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from seedscope.analysis.report.data import Estimate, Interval

WIDTH, PADDING = 160, 6


@dataclass(frozen=True)
class Whisker:
    """Where to draw a dot and its line: pixels from the left, of `WIDTH`; None where there is nothing to draw."""

    at: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Axis:
    """The axis that some values share, from the lowest to the highest end of their intervals."""

    low: float
    high: float

    @classmethod
    def over(cls, estimates: Iterable[Estimate], *others: float) -> Self:
        """`others`: values that must lie on the axis too, such as 0."""
        ends = [*others]
        for estimate in estimates:
            ends += estimate.interval or ()
            ends += () if estimate.value is None else (estimate.value,)
        return cls(min(ends, default=0.0), max(ends, default=1.0))

    def place(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(PADDING + (WIDTH - 2 * PADDING) * min(1.0, max(0.0, share)), 1)

    def whisker(self, estimate: Estimate) -> Whisker:
        low, high = (None, None) if estimate.interval is None else map(self.place, estimate.interval)
        return Whisker(None if estimate.value is None else self.place(estimate.value), low, high)

    def band(self, ends: Interval | None) -> Interval | None:
        return None if ends is None else (self.place(ends[0]), self.place(ends[1]))
